import { mount } from '@vue/test-utils'
import { expect, it, vi } from 'vitest'
import { ref, shallowRef } from 'vue'
import type { LinkState } from '@/live/types'
import LinkBadge from '@/shell/LinkBadge.vue'
import LinkBanner from '@/shell/LinkBanner.vue'

const NOW = Date.parse('2026-11-21T12:03:18Z')
const link = shallowRef<LinkState>({ phase: 'connecting', transport: null, lastHeardAt: null, staleSince: null, retryAt: null, note: null })

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
  expect(show(LinkBanner, { phase: 'connected', note: { kind: 'replayed', n: 36 } })).toContain('Complete: 36 events replayed')
  expect(show(LinkBanner, { phase: 'connected', note: { kind: 'gap' } })).toContain('Gap: refreshed from a snapshot')
})
