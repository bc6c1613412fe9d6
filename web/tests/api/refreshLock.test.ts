import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { oncePerBrowser } from '@/api/refreshLock'
import { FakeBrowser } from '../live/fakeBrowser'

/** What the server needs for its answer. */
const ANSWER_AFTER = 80

const renew = vi.fn(() => new Promise<boolean>((resolve) => setTimeout(() => resolve(true), ANSWER_AFTER)))

beforeEach(() => {
  vi.useFakeTimers()
  localStorage.clear()
  renew.mockClear()
})

afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

it.each([['by locks', true], ['by storage, where there are no locks', false]])('three tabs renew their session once, %s', async (_how, hasLocks) => {
  vi.stubGlobal('navigator', { locks: hasLocks ? sharedLocks() : undefined })
  const tabs = [oncePerBrowser(renew), oncePerBrowser(renew), oncePerBrowser(renew)]
  await vi.advanceTimersByTimeAsync(5_000)
  expect(await Promise.all(tabs)).toEqual([true, true, true])
  expect(renew).toHaveBeenCalledTimes(1)
})

it('a session that could not be renewed is tried by the next tab too', async () => {
  vi.stubGlobal('navigator', { locks: sharedLocks() })
  renew.mockResolvedValueOnce(false)
  const tabs = [oncePerBrowser(renew), oncePerBrowser(renew)]
  await vi.advanceTimersByTimeAsync(5_000)
  expect(await Promise.all(tabs)).toEqual([false, true])
})

/** As the browser's, with the options left out. */
function sharedLocks() {
  const { locks } = new FakeBrowser()
  return { request: (name: string, task: () => unknown) => locks.request(name, {}, task) }
}
