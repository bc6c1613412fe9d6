import type { LocationQuery, LocationQueryRaw } from 'vue-router'
import type { Query } from '@/api/client'
import type { Sms } from '@/api/types'

export interface InboxFilters {
  search: string
  device: string
  direction: '' | Sms['direction']
  /** Days of the reader's own calendar, `YYYY-MM-DD`; both are part of the range. */
  from: string
  to: string
}

export const NO_FILTERS: InboxFilters = { search: '', device: '', direction: '', from: '', to: '' }

/** The conversation that is open, and the message in it that was asked for. */
export interface OpenThread {
  deviceId: string
  peer: string
  messageId: string | null
}

const DAY = /^\d{4}-\d{2}-\d{2}$/

const text = (value: LocationQuery[string] | undefined): string => (Array.isArray(value) ? value[0] : value) ?? ''

function dayOf(value: LocationQuery[string] | undefined): string {
  const day = text(value)
  return DAY.test(day) && Number.isFinite(Date.parse(`${day}T00:00:00`)) ? day : ''
}

/** Reads the filters from a URL. What it does not know it leaves out: an old link must still open. */
export function filtersOf(query: LocationQuery): InboxFilters {
  const direction = text(query.direction)
  return {
    search: text(query.search),
    device: text(query.device),
    direction: direction === 'inbound' || direction === 'outbound' ? direction : '',
    from: dayOf(query.from),
    to: dayOf(query.to),
  }
}

export function threadOf(query: LocationQuery): OpenThread | null {
  const deviceId = text(query.thread)
  // A peer may be the empty text: some messages come without a sender.
  if (!deviceId || query.peer === undefined) return null
  return { deviceId, peer: text(query.peer), messageId: text(query.message) || null }
}

/** The twin of `filtersOf` and `threadOf`. */
export function queryOf(filters: InboxFilters, thread: OpenThread | null): LocationQueryRaw {
  const query: LocationQueryRaw = {}
  for (const [name, value] of Object.entries(filters)) if (value.trim()) query[name] = value
  if (!thread) return query
  query.thread = thread.deviceId
  query.peer = thread.peer
  if (thread.messageId) query.message = thread.messageId
  return query
}

/** True where the left pane lists messages that were found, rather than conversations. */
export const isSearching = (filters: InboxFilters): boolean =>
  filters.search.trim() !== '' || filters.direction !== '' || filters.from !== '' || filters.to !== ''

export const isFiltered = (filters: InboxFilters): boolean => isSearching(filters) || filters.device !== ''

/** The moments at which the first day starts and the last one ends, where the reader is. */
function edges(filters: InboxFilters): { from: number | null; to: number | null } {
  return {
    from: filters.from ? new Date(`${filters.from}T00:00:00`).getTime() : null,
    to: filters.to ? new Date(`${filters.to}T23:59:59.999`).getTime() : null,
  }
}

/** The filters as `GET /api/sms` takes them. */
export function apiQuery(filters: InboxFilters): Query {
  const { from, to } = edges(filters)
  return {
    search: filters.search.trim(),
    deviceId: filters.device,
    direction: filters.direction,
    from: from === null ? null : new Date(from).toISOString(),
    to: to === null ? null : new Date(to).toISOString(),
  }
}

export const wordsOf = (search: string): string[] => search.toLowerCase().split(/\s+/).filter(Boolean)

/** Whether a message that just arrived belongs into the list of what was found. */
export function matches(message: Sms, filters: InboxFilters): boolean {
  if (filters.device && message.deviceId !== filters.device) return false
  if (filters.direction && message.direction !== filters.direction) return false
  const { from, to } = edges(filters)
  const at = Date.parse(message.receivedAt)
  if ((from !== null && at < from) || (to !== null && at > to)) return false
  const haystack = [message.message, message.sender, message.recipient].join('\n').toLowerCase()
  return wordsOf(filters.search).every((word) => haystack.includes(word))
}

/** Who is at the other end. */
export const peerOf = (message: Sms): string => (message.direction === 'outbound' ? message.recipient : message.sender) ?? ''
