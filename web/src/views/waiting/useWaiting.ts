import { computed, shallowRef, toRaw, watch, type ComputedRef, type ShallowRef } from 'vue'
import { useClock, useLive } from '@/live/vue'

/** The ids of the devices that wait for adoption, the first that came first; looked up once a second, for there may be thousands. */
export function useWaiting(): ComputedRef<readonly string[]> {
  const { devices, isReady } = useLive()
  const now = useClock()
  return computed(() => {
    void now.value
    if (!isReady.value) return []
    return [...toRaw(devices).values()]
      .filter((device) => device.isPending)
      .sort((a, b) => Date.parse(a.registeredAt) - Date.parse(b.registeredAt))
      .map((device) => device.deviceId)
  })
}

/** All that were ever in `ids`, each in the place where it stood first: what is decided does not move what is under the pointer. */
export function useSeen(ids: ComputedRef<readonly string[]>): Readonly<ShallowRef<readonly string[]>> {
  const seen = shallowRef<readonly string[]>([])
  watch(
    ids,
    (now) => {
      const fresh = now.filter((id) => !seen.value.includes(id))
      if (fresh.length) seen.value = [...seen.value, ...fresh]
    },
    { immediate: true },
  )
  return seen
}
