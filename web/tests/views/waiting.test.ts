import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { computed, effectScope, nextTick, ref, type EffectScope } from 'vue'
import type { Rejection, WireEvent } from '@/api/types'
import { factOf } from '@/views/device/facts'
import { useRejections } from '@/views/waiting/useRejections'
import { useSeen } from '@/views/waiting/useWaiting'

const live = vi.hoisted(() => ({ get: vi.fn(), tell: (() => {}) as (event: WireEvent) => void, reconnect: () => {}, mayOperate: true }))
vi.mock('@/api/client', () => ({ api: { get: live.get }, ApiError: Error }))
vi.mock('@/live/vue', () => ({
  onLiveEvent: (listener: (event: WireEvent) => void) => (live.tell = listener),
  onReconnect: (listener: () => void) => (live.reconnect = listener),
  useLive: () => ({}),
  useClock: () => ref(0),
}))
vi.mock('@/shell/session', () => ({ mayOperate: () => live.mayOperate }))

const rejection = (deviceId: string): Rejection => ({
  deviceId, make: 'http', name: null, ipAddress: null, firstSeen: '', rejectedAt: '', rejectedBy: null,
})
const event = (name: string, data: object = {}): WireEvent => ({ seq: 1, event: name, room: 'dashboard', at: '', data: { deviceId: 'a', ...data } })
const flush = () => new Promise((done) => setTimeout(done))

describe('the rejected devices', () => {
  let scope: EffectScope

  beforeEach(() => {
    live.mayOperate = true
    live.get.mockReset().mockResolvedValue({ rejected: [rejection('a')], nextCursor: null, total: 1 })
    scope = effectScope()
  })
  afterEach(() => scope.stop())

  it('are read again when one came or went, and after an outage, and for nothing else', async () => {
    const { rejections } = scope.run(useRejections)!
    await flush()
    expect(rejections.value.map((one) => one.deviceId)).toEqual(['a'])
    for (const other of [event('device-removed', { isRejected: false }), event('device-updated'), event('device-heartbeat')]) live.tell(other)
    expect(live.get).toHaveBeenCalledTimes(1)
    live.tell(event('device-removed', { isRejected: true }))
    live.tell(event('device-readmitted'))
    live.reconnect()
    expect(live.get).toHaveBeenCalledTimes(4)
  })

  it('are those of the newest answer, in whatever order answers come', async () => {
    const answers: ((ids: string[]) => void)[] = []
    live.get.mockImplementation(() => new Promise((done) => answers.push((ids) => done({ rejected: ids.map(rejection), nextCursor: null, total: 0 }))))
    const { rejections } = scope.run(useRejections)!
    live.tell(event('device-readmitted'))
    answers[1]!([])
    answers[0]!(['a'])
    await flush()
    expect(rejections.value).toEqual([])
  })

  it('stay as they were known, with a word, where they cannot be read', async () => {
    const { rejections, error } = scope.run(useRejections)!
    await flush()
    live.get.mockRejectedValueOnce(new Error('The server cannot be reached.'))
    live.reconnect()
    await flush()
    expect([rejections.value.length, error.value]).toEqual([1, 'The server cannot be reached.'])
    live.reconnect()
    await flush()
    expect(error.value).toBeNull()
  })

  it('are not asked for by who may not decide', () => {
    live.mayOperate = false
    scope.run(useRejections)
    expect(live.get).not.toHaveBeenCalled()
  })
})

describe('the list of those who wait', () => {
  it('keeps everybody in the place where they stood', async () => {
    const waiting = ref(['a', 'b'])
    const scope = effectScope()
    const seen = scope.run(() => useSeen(computed(() => waiting.value)))!
    waiting.value = ['b', 'c']
    await nextTick()
    expect(seen.value).toEqual(['a', 'b', 'c'])
    scope.stop()
  })
})

it('what became of a device that waited is told in words', () => {
  const titles = [event('device-removed', { isRejected: true }), event('device-removed', { isRejected: false }), event('device-readmitted')]
  expect(titles.map((one) => factOf(one).title)).toEqual(['Rejected', 'Removed', 'May knock again'])
})
