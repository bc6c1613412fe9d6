import type { Cursor, Frame } from '@/api/types'
import type { Clock } from '../clock'
import { hasReached } from '../store'
import type { Tabs, Told } from '../tabs'
import type { Connection, Transport } from '../types'
import { Line } from './line'
import { closeCodeOf, type PollingOptions } from './polling'

/** A frame that is older than this when it is taken up waited in the queue of a tab that stood still. */
export const LATE = 2_000
/** What is held back while the tab catches up; what is beyond it is asked for again. */
export const MOST_HELD = 200

export interface SharedOptions {
  rooms: readonly string[]
  tabs: Tabs
  clock: Clock
  fetchFrame: PollingOptions['fetchFrame']
}

class Share implements Connection {
  private isOpen = false
  private isAsking = false
  private held: Frame[] = []
  private abort = new AbortController()
  private lastHeardAt: number | null = null

  constructor(
    private readonly line: Line,
    private readonly options: SharedOptions,
    private at: Cursor | null,
  ) {
    const stop = options.tabs.listen((told) => this.hear(told))
    line.whenOver(() => {
      stop()
      this.abort.abort()
    })
    options.tabs.say({ kind: 'hello' })
  }

  resume(cursor: Cursor): void {
    this.at = cursor
    void this.ask()
  }

  close(): void {
    this.line.close()
  }

  private hear(told: Told): void {
    if (told.kind === 'news') this.follow(told)
    else if (told.kind === 'frame' && this.isOpen) this.take(told.frame, this.options.clock.now() - told.at > LATE)
  }

  /** Open while the leader's own line is, and complete. */
  private follow({ link, isWhole, cursor }: Extract<Told, { kind: 'news' }>): void {
    if (!isWhole || cursor === null) return this.isOpen ? this.line.fail('lost', 'the other tab lost its line') : undefined
    if (!this.isOpen) this.line.tell({ kind: 'open', cursor, isRecovered: true })
    else if (link.lastHeardAt !== this.lastHeardAt) this.line.tell({ kind: 'heard' })
    this.isOpen = true
    this.lastHeardAt = link.lastHeardAt
    if (!this.hasReached(cursor)) void this.ask()
  }

  private hasReached(cursor: Cursor): boolean {
    return this.at !== null && hasReached(this.at, cursor)
  }

  private take(frame: Frame, isLate: boolean): void {
    if (frame.recovered && this.hasReached(frame.cursor)) return
    // A tab that stood still is caught up by one answer, not by all that has piled up.
    if (isLate) void this.ask()
    if (this.isAsking) this.hold(frame)
    else this.pass(frame)
  }

  private hold(frame: Frame): void {
    if (this.held.length >= MOST_HELD) this.held = []
    this.held.push(frame)
  }

  private pass(frame: Frame): void {
    if (!frame.recovered || !this.hasReached(frame.cursor)) this.at = frame.cursor
    this.line.frame(frame)
  }

  /** What this tab missed comes from the server, in one frame. */
  private async ask(): Promise<void> {
    if (this.isAsking || this.line.isOver) return
    this.isAsking = true
    try {
      const { rooms, fetchFrame } = this.options
      const frame = await fetchFrame({ rooms: rooms.join(','), after: this.at, wait: 0 }, this.abort.signal)
      this.isAsking = false
      this.pass(frame)
      const held = this.held
      this.held = []
      for (const frame of held) this.take(frame, false)
    } catch (error) {
      this.line.fail(closeCodeOf(error), String(error))
    }
  }
}

/** The line of another tab: its frames, under the same rules of the cursor. */
export function sharedTransport(options: SharedOptions): Transport {
  return {
    get name() {
      return options.tabs.leader?.link.transport ?? 'polling'
    },
    open: (cursor, onFrame, onState) => new Share(new Line(onFrame, onState), options, cursor),
  }
}
