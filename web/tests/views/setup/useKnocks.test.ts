import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref, type EffectScope } from 'vue'
import type { WireFrame } from '@/api/types'
import { EVERY, knocksSince, useKnocks } from '@/views/setup/useKnocks'

const get = vi.hoisted(() => vi.fn())
vi.mock('@/api/client', () => ({ api: { get } }))

const AT = Date.parse('2026-11-21T12:00:00.000Z')

/** The id is the second in which it came. */
function frame(id: number, change: Partial<WireFrame> = {}): WireFrame {
  return {
    id: String(id), at: new Date(AT + id * 1_000).toISOString(), deviceId: null, isAdmitted: false, direction: 'in', transport: 'udp', make: 'dbl',
    address: '192.0.2.7', verdict: 'refused', reason: 'this key is not known', head: null, text: 'req:1;', base64: null, nBytes: 6, isCut: false,
    ...change,
  }
}

const ids = (frames: readonly WireFrame[]) => frames.map(({ id }) => id)

describe('who knocked', () => {
  it('is told once for what is said again and again, by the newest of it', () => {
    const frames = [frame(9), frame(8), frame(7, { reason: 'another' }), frame(6, { deviceId: 'line-2' }), frame(5)]
    expect(ids(knocksSince(frames, AT))).toEqual(['9', '7', '6'])
  })

  it('is nobody who was let in, who knocked before, or who is ourselves', () => {
    const frames = [frame(9, { verdict: 'accepted' }), frame(8, { direction: 'out' }), frame(7, { verdict: 'ignored', reason: null }), frame(3)]
    expect(ids(knocksSince(frames, AT + 4_000))).toEqual(['7'])
  })
})

describe('the watch for knocks', () => {
  let frames: WireFrame[] = []
  let scope: EffectScope

  beforeEach(() => {
    vi.useFakeTimers({ now: AT + 10_000 })
    frames = [frame(1)]
    get.mockReset().mockImplementation(() => Promise.resolve({ frames, nextCursor: null, total: frames.length }))
    scope = effectScope()
  })
  afterEach(() => {
    scope.stop()
    vi.useRealTimers()
  })
  const round = () => vi.advanceTimersByTimeAsync(EVERY)

  it('begins with what comes after its beginning', async () => {
    const isWatching = ref(false)
    const knocks = scope.run(() => useKnocks(isWatching))!
    await round()
    expect(get).not.toHaveBeenCalled()
    isWatching.value = true
    await nextTick()
    await vi.advanceTimersByTimeAsync(0)
    expect(knocks.value).toEqual([])
    frames = [frame(14), frame(1)]
    await round()
    expect(ids(knocks.value)).toEqual(['14'])
  })

  it('goes on after a question that failed', async () => {
    const knocks = scope.run(() => useKnocks(ref(true)))!
    await vi.advanceTimersByTimeAsync(0)
    get.mockRejectedValueOnce(new Error('unreachable'))
    await round()
    frames = [frame(15)]
    await round()
    expect(ids(knocks.value)).toEqual(['15'])
  })

  it('ends with the page, and asks nothing while nobody looks', async () => {
    scope.run(() => useKnocks(ref(true)))
    await vi.advanceTimersByTimeAsync(0)
    expect(get).toHaveBeenCalledTimes(1)
    const hidden = vi.spyOn(document, 'hidden', 'get').mockReturnValue(true)
    document.dispatchEvent(new Event('visibilitychange'))
    await round()
    expect(get).toHaveBeenCalledTimes(1)
    hidden.mockReturnValue(false)
    document.dispatchEvent(new Event('visibilitychange'))
    await vi.advanceTimersByTimeAsync(0)
    expect(get).toHaveBeenCalledTimes(2)
    scope.stop()
    await round()
    expect(get).toHaveBeenCalledTimes(2)
  })
})
