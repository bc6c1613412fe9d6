import { computed, shallowRef, watch, type ComputedRef, type Ref } from 'vue'
import type { Device } from '@/api/types'
import { onLiveEvent, useLive } from '@/live/vue'

/**
 * The devices that reported since `isWatching` became true, newest first: new ones, and known ones that wait for
 * adoption, for whoever set them up may have been faster than this page.
 */
export function useArrivals(isWatching: Ref<boolean>): ComputedRef<Device[]> {
  const { devices } = useLive()
  const known = new Set<string>()
  const ids = shallowRef<readonly string[]>([])

  watch(
    isWatching,
    (isOn) => {
      known.clear()
      ids.value = []
      if (isOn) for (const [id, device] of devices) if (!device.isPending) known.add(id)
    },
    { immediate: true },
  )

  onLiveEvent(({ event, data }) => {
    if (!isWatching.value || (event !== 'device-heartbeat' && event !== 'device-updated')) return
    const { deviceId } = data as Device
    if (known.has(deviceId) || ids.value.includes(deviceId)) return
    ids.value = [deviceId, ...ids.value]
  })

  return computed(() => ids.value.flatMap((id) => devices.get(id) ?? []))
}
