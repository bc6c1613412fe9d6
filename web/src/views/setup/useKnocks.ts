import { onScopeDispose, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { api } from '@/api/client'
import type { WireFrame, WireFramePage } from '@/api/types'
import { serverNow } from '@/live/clock'

/** The wire log of strangers tells nobody by itself: it is asked, while somebody looks. */
export const EVERY = 3_000
const LATEST = 20
/** The server's clock is known by guesswork. */
const SLACK = 2_000

/** Who was heard since that moment and not let in, newest first; of those who say the same, the newest. */
export function knocksSince(frames: readonly WireFrame[], since: number): WireFrame[] {
  const knocks = new Map<string, WireFrame>()
  for (const frame of frames) {
    if (frame.direction !== 'in' || frame.verdict === 'accepted' || Date.parse(frame.at) < since) continue
    const key = [frame.make, frame.address, frame.deviceId, frame.reason].join('\n')
    if (!knocks.has(key)) knocks.set(key, frame)
  }
  return [...knocks.values()]
}

/** Those who have knocked since `isWatching` became true and were not let in. Where that cannot be had, nobody. */
export function useKnocks(isWatching: Ref<boolean>): Readonly<ShallowRef<readonly WireFrame[]>> {
  const knocks = shallowRef<readonly WireFrame[]>([])
  let since = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking = new AbortController()

  async function ask(signal: AbortSignal): Promise<void> {
    const page = await api.get<WireFramePage>('/api/frames', { unknown: true, limit: LATEST }, signal).catch(() => null)
    if (signal.aborted) return
    if (page) knocks.value = knocksSince(page.frames, since)
    timer = setTimeout(() => void ask(signal), EVERY)
  }

  function look(): void {
    asking.abort()
    clearTimeout(timer)
    if (!isWatching.value || document.hidden) return
    since ||= serverNow() - SLACK
    asking = new AbortController()
    void ask(asking.signal)
  }

  watch(isWatching, look, { immediate: true })
  document.addEventListener('visibilitychange', look)
  onScopeDispose(() => {
    document.removeEventListener('visibilitychange', look)
    asking.abort()
    clearTimeout(timer)
  })
  return knocks
}
