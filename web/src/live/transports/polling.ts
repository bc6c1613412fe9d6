import { ApiError } from '@/api/client'
import type { Cursor, Frame } from '@/api/types'
import type { Clock } from '../clock'
import type { CloseCode, Transport } from '../types'

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
export function pollingTransport(options: PollingOptions): Transport {
  return {
    name: 'polling',
    open(cursor, onFrame, onState) {
      let after = cursor
      let isFirst = true
      const abort = new AbortController()
      let cancelPause = () => {}

      async function round(): Promise<void> {
        const startedAt = options.clock.now()
        try {
          // The first answer comes at once: it says that this way is open.
          const query = { rooms: options.rooms.join(','), after, wait: isFirst ? 0 : WAIT_SECONDS }
          const frame = await options.fetchFrame(query, abort.signal)
          if (abort.signal.aborted) return
          take(frame)
        } catch (error) {
          if (!abort.signal.aborted) onState({ kind: 'closed', code: closeCodeOf(error), reason: String(error) })
          return
        }
        if (abort.signal.aborted) return
        const rest = Math.max(0, SHORTEST_ROUND - (options.clock.now() - startedAt))
        cancelPause = options.clock.later(rest, () => void round())
      }

      function take(frame: Frame): void {
        after = frame.state?.cursor ?? frame.cursor
        if (isFirst) onState({ kind: 'open', cursor: after })
        isFirst = false
        onFrame(frame)
      }

      void round()
      return {
        resume(from: Cursor) {
          after = from
        },
        close() {
          cancelPause()
          abort.abort()
        },
      }
    },
  }
}
