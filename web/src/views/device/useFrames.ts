import { onScopeDispose, shallowRef } from 'vue'
import { api, type ApiError } from '@/api/client'
import { asApiError } from '@/api/errors'
import type { WireFrame, WireFramePage } from '@/api/types'
import { backoff } from '@/live/backoff'
import { pause } from '@/live/wire'
import { useFeed } from '../useFeed'

const PAGE = 50
/** Seconds that the server may hold a question open. */
export const WAIT_SECONDS = 25
/** A device that talks without a pause is not asked about without one. */
export const SHORTEST_ROUND = 500
/** Of a page that is left open, the newest. */
export const MOST_SHOWN = 200

export const idOf = (frame: WireFrame) => frame.id

/**
 * The wire log of one device, growing as it is written: by long polling, for frames are no part of the stream that the
 * tabs share. A tab that nobody sees asks nothing.
 */
export function useFrames(deviceId: string) {
  const path = `/api/devices/${encodeURIComponent(deviceId)}/frames`
  /** Why the list does not grow at the moment. */
  const trouble = shallowRef<ApiError | null>(null)
  let asking = new AbortController()

  const feed = useFeed<WireFrame>({
    idOf,
    async fetchPage(cursor, signal) {
      const page = await api.get<WireFramePage>(path, { limit: PAGE, cursor }, signal)
      return { items: page.frames, nextCursor: page.nextCursor, total: page.total }
    },
  })

  async function askForMore(signal: AbortSignal): Promise<number> {
    const after = feed.items.value[0]?.id ?? '0'
    const page = await api.get<WireFramePage>(path, { after, wait: WAIT_SECONDS, limit: PAGE }, signal)
    if (signal.aborted) return 0
    for (const frame of [...page.frames].reverse()) feed.put(frame)
    if (feed.items.value.length > MOST_SHOWN) feed.items.value = feed.items.value.slice(0, MOST_SHOWN)
    return page.frames.length
  }

  async function follow(signal: AbortSignal): Promise<void> {
    await feed.reload()
    let failures = 0
    while (!signal.aborted) {
      try {
        const n = await askForMore(signal)
        trouble.value = null
        failures = 0
        if (n > 0) await pause(SHORTEST_ROUND)
      } catch (reason) {
        if (signal.aborted) return
        trouble.value = asApiError(reason)
        failures += 1
        await pause(backoff(failures, Math.random()))
        // Meanwhile more may have come than one answer holds, and a server that started anew has forgotten the rest.
        if (!signal.aborted) await feed.reload()
      }
    }
  }

  function look(): void {
    asking.abort()
    if (document.hidden) return
    asking = new AbortController()
    void follow(asking.signal)
  }

  look()
  document.addEventListener('visibilitychange', look)
  onScopeDispose(() => {
    document.removeEventListener('visibilitychange', look)
    asking.abort()
  })
  return { ...feed, trouble }
}
