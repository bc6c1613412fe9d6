import { ApiError } from '@/api/client'
import type { Cursor, Frame } from '@/api/types'
import type { Clock } from '../clock'
import type { CloseCode, Transport } from '../types'
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

/** The last rung: plain questions, which every proxy lets through. */
export function pollingTransport({ rooms, clock, fetchFrame }: PollingOptions): Transport {
  return {
    name: 'polling',
    open(cursor, onFrame, onState) {
      const line = new Line(onFrame, onState)
      let after = cursor
      let isFirst = true
      let cancelPause = () => {}
      let abort = new AbortController()
      line.whenOver(() => {
        cancelPause()
        abort.abort()
      })

      async function round(): Promise<void> {
        const startedAt = clock.now()
        const { signal } = abort
        try {
          // The first answer comes at once: it says that this way is open.
          const frame = await fetchFrame({ rooms: rooms.join(','), after, wait: isFirst ? 0 : WAIT_SECONDS }, signal)
          if (signal.aborted) return
          take(frame)
        } catch (error) {
          if (!signal.aborted) line.fail(closeCodeOf(error), String(error))
          return
        }
        if (!signal.aborted) cancelPause = clock.later(Math.max(0, SHORTEST_ROUND - (clock.now() - startedAt)), () => void round())
      }

      function take(frame: Frame): void {
        after = frame.state?.cursor ?? frame.cursor
        if (isFirst) line.tell({ kind: 'open', cursor: after, isRecovered: frame.recovered })
        isFirst = false
        line.frame(frame)
      }

      void round()
      return {
        resume(from: Cursor) {
          // The question that is open asks from the wrong place.
          cancelPause()
          abort.abort()
          abort = new AbortController()
          after = from
          cancelPause = clock.later(SHORTEST_ROUND, () => void round())
        },
        close: () => line.close(),
      }
    },
  }
}
