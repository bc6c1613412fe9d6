import { shallowReactive, shallowRef, type ShallowRef } from 'vue'
import type { Cursor, Progress } from '@/api/types'
import { serverNow } from '@/live/clock'
import type { OpenWire, Sink, Wire } from '@/live/wire'
import { learn, roomsOf } from './hearing'
import { Log, type Entry } from './log'

export type Phase = 'off' | 'connecting' | 'on' | 'lost'

export interface ProbeState {
  phase: Phase
  /** Cut off by hand: it may not come back until it is given back. */
  isBlocked: boolean
  cursor: Cursor | null
  events: number
  roundTrip: number | null
  eventAge: number | null
  progress: Progress | null
}

const COME_BACK_AFTER = 2_000
const SHOW_EVERY = 150

/** One transport on the bench: connects, comes back by itself unless it was cut off, and writes down all it hears. */
export class Probe {
  readonly state = shallowReactive<ProbeState>({
    phase: 'off', isBlocked: false, cursor: null, events: 0, roundTrip: null, eventAge: null, progress: null,
  })
  readonly entries: ShallowRef<readonly Entry[]> = shallowRef([])
  readonly waiting = shallowRef(0)
  readonly log = new Log()
  private wire: Wire | null = null
  private rooms: readonly string[] = []
  private sessionId: string | null = null
  private silence: () => unknown = () => {}
  private comeBack: ReturnType<typeof setTimeout> | undefined
  private show: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly open: OpenWire) {}

  /** `after`: the cursor to resume from; null begins with a snapshot. */
  connect(rooms: string, after: Cursor | null): void {
    if (this.state.isBlocked) return
    this.drop((wire) => wire.close())
    this.rooms = roomsOf(rooms)
    this.begin(after)
  }

  disconnect(): void {
    this.drop((wire) => wire.close())
    this.write('note', 'disconnect', '')
    this.state.phase = 'off'
    this.state.isBlocked = false
  }

  /** As if its network were gone. */
  lose(): void {
    this.drop((wire) => wire.cut())
    this.write('note', 'lose', '')
    this.state.phase = 'lost'
    this.state.isBlocked = true
  }

  restore(): void {
    this.state.isBlocked = false
    this.begin(this.state.cursor)
  }

  say(name: string, data: unknown): void {
    this.wire?.send?.(name, data)
  }

  /** Watches this session, now and after each return. */
  watch(sessionId: string): void {
    this.sessionId = sessionId
    this.state.progress = null
    if (this.state.phase === 'on') this.wire?.follow(sessionId)
  }

  async measure(): Promise<void> {
    const startedAt = performance.now()
    try {
      await this.wire?.ping()
      this.state.roundTrip = performance.now() - startedAt
    } catch (error) {
      this.state.roundTrip = null
      this.write('note', 'ping', String(error))
    }
  }

  setPaused(isPaused: boolean): void {
    this.log.setPaused(isPaused)
    this.showLog()
  }

  clear(): void {
    this.log.clear()
    this.showLog()
  }

  /** For good. */
  dispose(): void {
    this.drop((wire) => wire.close())
    clearTimeout(this.show)
  }

  private begin(after: Cursor | null): void {
    this.state.phase = 'connecting'
    this.write('note', 'connect', after ?? '')
    let isOver = false
    const sink: Sink = {
      opened: () => isOver || this.opened(),
      said: (name, data, text, cursor) => isOver || this.hear(name, data, text, cursor),
      sent: (name, text) => isOver || this.write('out', name, text),
      closed: (reason) => {
        if (isOver) return
        isOver = true
        this.closed(reason)
      },
    }
    this.wire = this.open(this.rooms, after, sink)
    this.silence = () => (isOver = true)
  }

  private drop(end: (wire: Wire) => void): void {
    clearTimeout(this.comeBack)
    const wire = this.wire
    this.wire = null
    this.silence()
    if (wire) end(wire)
  }

  private opened(): void {
    this.state.phase = 'on'
    // The wire of a connection that opens at once is not ours yet.
    queueMicrotask(() => {
      if (this.state.phase !== 'on') return
      if (this.sessionId !== null) this.wire?.follow(this.sessionId)
      void this.measure()
    })
  }

  private closed(reason: string): void {
    this.wire = null
    this.state.phase = 'lost'
    this.write('note', 'closed', reason)
    this.comeBack = setTimeout(() => this.begin(this.state.cursor), COME_BACK_AFTER)
  }

  private hear(name: string, data: unknown, text: string, at?: Cursor): void {
    this.write('in', name, text)
    const { cursor, events, happenedAt, progress } = learn(name, data, at)
    if (cursor !== null) this.state.cursor = cursor
    this.state.events += events
    if (happenedAt !== null) this.state.eventAge = Math.max(0, serverNow() - happenedAt)
    if (progress !== null && progress.sessionId === this.sessionId) this.state.progress = progress
  }

  private write(direction: Entry['direction'], type: string, text: string): void {
    this.log.add(Date.now(), direction, type, text)
    // A storm of events is shown a few times a second.
    this.show ??= setTimeout(() => this.showLog(), SHOW_EVERY)
  }

  private showLog(): void {
    clearTimeout(this.show)
    this.show = undefined
    this.entries.value = this.log.shown
    this.waiting.value = this.log.waiting
  }
}
