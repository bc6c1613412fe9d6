import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'
import { api, ApiError, type Query } from '@/api/client'
import type { WireFrame } from '@/api/types'
import { MOST_SHOWN, SHORTEST_ROUND, useFrames, WAIT_SECONDS } from '@/views/device/useFrames'
import { frame } from './framesFixture'

interface Asked {
  query: Query
  signal: AbortSignal
  answer: (frames: WireFrame[]) => void
  fail: (error: unknown) => void
}

let asked: Asked[]
let scope: EffectScope
let isHidden: boolean

/** Lets everything happen that is due, and nothing that waits. */
const settle = (milliseconds = 0) => vi.advanceTimersByTimeAsync(milliseconds)

const open = () => scope.run(() => useFrames('gw 1'))!
const last = () => asked.at(-1)!
const setHidden = (hidden: boolean) => {
  isHidden = hidden
  document.dispatchEvent(new Event('visibilitychange'))
}

beforeEach(() => {
  vi.useFakeTimers()
  asked = []
  isHidden = false
  scope = effectScope()
  vi.spyOn(document, 'hidden', 'get').mockImplementation(() => isHidden)
  vi.spyOn(api, 'get').mockImplementation((path, query = {}, signal) => {
    expect(path).toBe('/api/devices/gw%201/frames')
    return new Promise((resolve, reject) => {
      const answer = (frames: WireFrame[]) => resolve({ frames, nextCursor: null, total: frames.length } as never)
      signal!.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')))
      asked.push({ query, signal: signal!, answer, fail: reject })
    })
  })
})

afterEach(() => {
  scope.stop()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

describe('the wire log of a device', () => {
  it('is loaded, and then asked for what is newer, newest first', async () => {
    const { items } = open()
    last().answer([frame(2), frame(1)])
    await settle()
    expect(last().query).toMatchObject({ after: '2', wait: WAIT_SECONDS })
    last().answer([frame(4), frame(3)])
    await settle(SHORTEST_ROUND)
    expect(items.value.map(({ id }) => id)).toEqual(['4', '3', '2', '1'])
    expect(last().query).toMatchObject({ after: '4' })
    expect(asked).toHaveLength(3)
  })

  it('asks again at once where nothing came, and with a pause where something did', async () => {
    open()
    last().answer([])
    await settle()
    expect(last().query).toMatchObject({ after: '0' })
    last().answer([])
    await settle()
    expect(asked).toHaveLength(3)
    last().answer([frame(1)])
    await settle(SHORTEST_ROUND - 1)
    expect(asked).toHaveLength(3)
    await settle(1)
    expect(asked).toHaveLength(4)
  })

  it('says so while it cannot be asked, and loads it anew when it can', async () => {
    const { items, trouble } = open()
    last().answer([frame(1)])
    await settle()
    last().fail(new ApiError(503, 'unavailable', 'busy'))
    await settle()
    expect(trouble.value?.message).toBe('busy')
    const n = asked.length
    await settle(60_000)
    expect(asked).toHaveLength(n + 1)
    last().answer([frame(70)])
    await settle()
    expect(items.value.map(({ id }) => id)).toEqual(['70'])
    last().answer([])
    await settle()
    expect(trouble.value).toBeNull()
  })

  it('asks nothing while nobody sees it, and goes on when somebody does', async () => {
    const { items } = open()
    last().answer([frame(1)])
    await settle()
    setHidden(true)
    expect(last().signal.aborted).toBe(true)
    await settle(120_000)
    expect(asked).toHaveLength(2)
    setHidden(false)
    last().answer([frame(2), frame(1)])
    await settle()
    expect(items.value.map(({ id }) => id)).toEqual(['2', '1'])
    expect(last().query).toMatchObject({ after: '2' })
  })

  it('keeps to the newest of a device that never stops', async () => {
    const { items } = open()
    last().answer([])
    await settle()
    for (let round = 0; round < MOST_SHOWN / 50 + 2; round += 1) {
      last().answer(Array.from({ length: 50 }, (_, i) => frame(round * 50 + 50 - i)))
      await settle(SHORTEST_ROUND)
    }
    expect(items.value).toHaveLength(MOST_SHOWN)
    expect(items.value[0]!.id).toBe(String(MOST_SHOWN + 100))
  })

  it('ends with its page', async () => {
    open()
    last().answer([])
    await settle()
    scope.stop()
    expect(last().signal.aborted).toBe(true)
    await settle(120_000)
    setHidden(false)
    expect(asked).toHaveLength(2)
  })
})
