import { mount } from '@vue/test-utils'
import { expect, it, vi } from 'vitest'
import { ref, shallowRef } from 'vue'
import type { LinkChange, LinkState } from '@/live/types'
import LinkBadge from '@/shell/LinkBadge.vue'
import LinkBanner from '@/shell/LinkBanner.vue'
import LinkLog from '@/shell/LinkLog.vue'

const NOW = Date.parse('2026-11-21T12:03:18Z')
const link = shallowRef<LinkState>({
  phase: 'connecting', transport: null, lastHeardAt: null, staleSince: null, retryAt: null, note: null, isShared: false, log: [],
})

vi.mock('@/live/vue', () => ({
  useLive: () => ({ link }),
  useClock: () => ref(NOW),
  retryLive: vi.fn(),
  dismissOutageNote: vi.fn(),
}))

const show = (component: typeof LinkBadge | typeof LinkBanner, change: Partial<LinkState>) => {
  link.value = { ...link.value, staleSince: null, retryAt: null, note: null, ...change }
  return mount(component).text().replace(/\s+/g, ' ')
}

it.each([
  ['connected', 'socketio', 'Real-time Connected', 'Socket.IO · 8s'],
  ['connecting', null, 'Connecting...', '8s'],
  ['error', null, 'Connection Error', '8s'],
  ['polling', 'polling', 'Polling', 'Long polling · 8s'],
] as const)('while %s, the badge says so, by what, and when it heard something', (phase, transport, word, detail) => {
  const text = show(LinkBadge, { phase, transport, lastHeardAt: NOW - 8_000 })
  expect(text).toContain(word)
  expect(text).toContain(detail)
})

it('gives no age before anything was heard', () => {
  expect(show(LinkBadge, { phase: 'connecting', transport: null, lastHeardAt: null })).not.toMatch(/\ds/)
})

it('tells how old the values are while the line is down', () => {
  const text = show(LinkBanner, { phase: 'error', staleSince: NOW - 8_000, retryAt: NOW + 4_000 })
  expect(text).toMatch(/Values are as of \d\d:03:10/)
  expect(text).toContain('Next try in 4s')
})

it('keeps still over a blip', () => {
  expect(show(LinkBanner, { phase: 'connecting', staleSince: NOW - 800 })).toBe('')
})

it('says once what came of an outage', () => {
  const replayed = { kind: 'replayed', n: 36, lasted: 12_400 } as const
  expect(show(LinkBanner, { phase: 'connected', note: replayed })).toContain('Complete: 36 events replayed after 12s')
  const gap = { kind: 'gap', lasted: 180_000 } as const
  expect(show(LinkBanner, { phase: 'connected', note: gap })).toContain('Gap: refreshed from a snapshot after 3m')
})

it('lists the changes of transport with time, reason and cost', () => {
  const log: LinkChange[] = [
    { at: NOW, transport: 'sse', why: 'fell', note: { kind: 'gap', lasted: 12_400 } },
    { at: NOW - 3_000, transport: 'socketio', why: 'back', note: { kind: 'replayed', n: 1, lasted: 600 } },
    { at: NOW - 4_000, transport: null, why: 'silent', note: null },
  ]
  const lines = mount(LinkLog, { props: { log } }).findAll('li').map((line) => line.text().replace(/\s+/g, ' '))
  expect(lines[0]).toMatch(/:03:18 ?Server-Sent Events · nothing better could be opened ?gap: refreshed from a snapshot after 12s/)
  expect(lines[1]).toMatch(/:03:15 ?Socket.IO · the line is back ?complete: 1 event replayed after a moment/)
  expect(lines[2]).toMatch(/:03:14 ?none · nothing was heard for too long$/)
})
