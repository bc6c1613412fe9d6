import { describe, expect, it } from 'vitest'
import type { Sms } from '@/api/types'
import { byDay } from '@/views/inbox/days'
import { apiQuery, filtersOf, isSearching, matches, NO_FILTERS, queryOf, threadOf, type InboxFilters } from '@/views/inbox/inboxQuery'

const aMessage = (over: Partial<Sms> = {}): Sms => ({
  id: '1', deviceId: 'gw-1', direction: 'inbound', sender: 'Bank', recipient: null, message: 'Your code is 1234', timestamp: '2026-11-21T12:00:00.000Z',
  receivedAt: '2026-11-21T12:00:00.000Z', slotIndex: 0, carrierName: null, slotInfo: null, status: 'received', seq: 1, ...over,
})

describe('the inbox in the URL', () => {
  const filters: InboxFilters = { search: 'a b', device: 'gw/1', direction: 'inbound', from: '2026-11-01', to: '2026-11-21' }

  it('comes back as it was put in', () => {
    const thread = { deviceId: 'gw/1', peer: '+49 170 & "x"', messageId: '7' }
    const query = queryOf(filters, thread) as Record<string, string>
    expect(filtersOf(query)).toEqual(filters)
    expect(threadOf(query)).toEqual(thread)
  })

  it('leaves no trace when nothing is asked', () => {
    expect(queryOf(NO_FILTERS, null)).toEqual({})
    expect(threadOf({})).toBeNull()
  })

  it('ignores what it does not know', () => {
    expect(filtersOf({ direction: 'sideways', from: '2026-99-99', to: 'yesterday', search: null })).toEqual(NO_FILTERS)
  })

  it('may name a peer without a name', () => {
    expect(threadOf(queryOf(NO_FILTERS, { deviceId: 'gw', peer: '', messageId: null }) as Record<string, string>)).toEqual({
      deviceId: 'gw', peer: '', messageId: null,
    })
  })

  it('asks the server for whole days of the reader', () => {
    const query = apiQuery(filters)
    expect(query.from).toBe(new Date('2026-11-01T00:00:00').toISOString())
    expect(Date.parse(String(query.to)) - Date.parse(String(query.from))).toBe(21 * 86_400_000 - 1)
  })

  it('calls a device alone no search: its conversations are listed', () => {
    expect(isSearching({ ...NO_FILTERS, device: 'gw-1' })).toBe(false)
    expect(isSearching({ ...NO_FILTERS, direction: 'inbound' })).toBe(true)
  })
})

describe('a message that arrives', () => {
  it('belongs to what was found when every filter fits', () => {
    expect(matches(aMessage(), { ...NO_FILTERS, search: 'CODE bank' })).toBe(true)
    expect(matches(aMessage(), { ...NO_FILTERS, search: 'code bonk' })).toBe(false)
    expect(matches(aMessage(), { ...NO_FILTERS, device: 'gw-2' })).toBe(false)
    expect(matches(aMessage(), { ...NO_FILTERS, direction: 'outbound' })).toBe(false)
    expect(matches(aMessage(), { ...NO_FILTERS, to: '2026-11-19' })).toBe(false)
  })
})

describe('days', () => {
  it('stand oldest first, with their messages in order', () => {
    const days = byDay([
      aMessage({ id: '3', receivedAt: '2026-11-21T12:00:00.000Z' }),
      aMessage({ id: '2', receivedAt: '2026-11-21T11:00:00.000Z' }),
      aMessage({ id: '1', receivedAt: '2026-11-18T12:00:00.000Z' }),
    ])
    expect(days.map((day) => day.messages.map((message) => message.id))).toEqual([['1'], ['2', '3']])
  })
})
