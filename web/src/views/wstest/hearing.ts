import type { Cursor, Progress } from '@/api/types'

/** What a message teaches, whatever it came by. */
export interface Lesson {
  /** Where the stream has been read to. */
  cursor: Cursor | null
  events: number
  /** When the newest of them happened, in milliseconds since 1970. */
  happenedAt: number | null
  progress: Progress | null
}

interface Body {
  cursor?: unknown
  events?: unknown
  recovered?: unknown
  state?: unknown
  sessionId?: unknown
  processed?: unknown
  at?: unknown
}

const NOTHING: Lesson = { cursor: null, events: 0, happenedAt: null, progress: null }
const CURSOR = /^\S+:\d+$/

const cursorOf = (value: unknown): Cursor | null => (typeof value === 'string' && CURSOR.test(value) ? value : null)

function newest(events: readonly unknown[]): number | null {
  const times = events.map((event) => Date.parse(String((event as Body | null)?.at))).filter(Number.isFinite)
  return times.length ? Math.max(...times) : null
}

/** `cursor`: what an event of Server-Sent Events has for an id. Progress has ids too, which are no cursors. */
export function learn(name: string, data: unknown, cursor?: Cursor): Lesson {
  const beside = cursorOf(cursor)
  if (data === null || typeof data !== 'object') return { ...NOTHING, cursor: beside }
  const body = data as Body
  if (typeof body.sessionId === 'string' && typeof body.processed === 'number') return { ...NOTHING, progress: data as Progress }
  if (Array.isArray(body.events)) return { ...NOTHING, cursor: cursorOf(body.cursor), events: body.events.length, happenedAt: newest(body.events) }
  if (name === 'state') return { ...NOTHING, cursor: cursorOf(body.cursor) }
  if (beside !== null) return { ...NOTHING, cursor: beside, events: 1, happenedAt: newest([body]) }
  return NOTHING
}

/** Words between commas, each once. */
export function roomsOf(text: string): string[] {
  return [...new Set(text.split(',').map((word) => word.trim()).filter(Boolean))]
}
