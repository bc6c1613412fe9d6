import { ApiError } from '@/api/client'
import type { Cursor, Frame } from '@/api/types'
import type { Clock } from '../clock'
import type { CloseCode, Connection, Transport } from '../types'
import { Line } from './line'

/** Seconds that the server may hold a question open. */
export const WAIT_SECONDS = 25
/** Under a storm of events the answers come at once; this keeps the questions from doing so too. */
export const SHORTEST_ROUND = 1_000

export interface PollingOptions {
  rooms: readonly string[]
  clock: Clock
  fetchFrame: (query: { rooms: string; after: string | null; wait: number }, signal: AbortSignal) => Promise<Frame>
}

/** How an error of the API looks to the manager. */
export function closeCodeOf(error: unknown): CloseCode {
  if (!(error instanceof ApiError)) return 'lost'
  if (error.status === 401) return 'unauthorized'
  return error.isUnreachable ? 'unreachable' : 'refused'
}

class Rounds implements Connection {
  private isFirst = true
  private cancelPause = () => {}
  private abort = new AbortController()

  constructor(
    private readonly line: Line,
    private readonly options: PollingOptions,
    private after: Cursor | null,
  ) {
    line.whenOver(() => this.stop())
    void this.round()
  }

  resume(cursor: Cursor): void {
    // The question that is open asks from the wrong place.
    this.stop()
    this.abort = new AbortController()
    this.after = cursor
    this.cancelPause = this.options.clock.later(SHORTEST_ROUND, () => void this.round())
  }

  close(): void {
    this.line.close()
  }

  private stop(): void {
    this.cancelPause()
    this.abort.abort()
  }

  private async round(): Promise<void> {
    const { clock, rooms, fetchFrame } = this.options
    const startedAt = clock.now()
    const { signal } = this.abort
    try {
      // The first answer comes at once: it says that this way is open.
      const wait = this.isFirst ? 0 : WAIT_SECONDS
      const frame = await fetchFrame({ rooms: rooms.join(','), after: this.after, wait }, signal)
      if (signal.aborted) return
      this.take(frame)
    } catch (error) {
      if (!signal.aborted) this.line.fail(closeCodeOf(error), String(error))
      return
    }
    if (signal.aborted) return
    const rest = Math.max(0, SHORTEST_ROUND - (clock.now() - startedAt))
    this.cancelPause = clock.later(rest, () => void this.round())
  }

  private take(frame: Frame): void {
    this.after = frame.state?.cursor ?? frame.cursor
    if (this.isFirst) this.line.tell({ kind: 'open', cursor: this.after, isRecovered: frame.recovered })
    this.isFirst = false
    this.line.frame(frame)
  }
}

/** The last rung: plain questions, which every proxy lets through. */
export function pollingTransport(options: PollingOptions): Transport {
  return {
    name: 'polling',
    open: (cursor, onFrame, onState) => new Rounds(new Line(onFrame, onState), options, cursor),
  }
}
