import { computed, shallowRef, watch, type ComputedRef, type Ref } from 'vue'
import type { Device } from '@/api/types'
import { onLiveEvent, useLive } from '@/live/vue'

/**
 * The devices that reported since `isWatching` became true, newest first: new ones; those that wait for adoption,
 * for whoever set them up may have been faster than this page; those that were added by hand and had never been
 * heard; and known ones that had been offline.
 */
export function useArrivals(isWatching: Ref<boolean>): ComputedRef<Device[]> {
  const { devices } = useLive()
  const known = new Set<string>()
  const silent = new Set<string>()
  const ids = shallowRef<readonly string[]>([])

  watch(
    isWatching,
    (isOn) => {
      known.clear()
      silent.clear()
      ids.value = []
      if (!isOn) return
      for (const [id, device] of devices) {
        if (device.isPending) continue
        known.add(id)
        if (device.status === 'offline' || device.lastSeen === null) silent.add(id)
      }
    },
    { immediate: true },
  )

  onLiveEvent(({ event, data }) => {
    if (!isWatching.value || (event !== 'device-heartbeat' && event !== 'device-updated')) return
    const { deviceId } = data as Device
    if (ids.value.includes(deviceId)) return
    // An operator's change is no word of the device's own.
    if (known.has(deviceId) && !(silent.has(deviceId) && event === 'device-heartbeat')) return
    ids.value = [deviceId, ...ids.value]
  })

  return computed(() => ids.value.flatMap((id) => devices.get(id) ?? []))
}
