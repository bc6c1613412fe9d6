import { computed, toRaw, type ComputedRef } from 'vue'
import type { Device } from '@/api/types'
import { useClock, useLive } from '@/live/vue'
import { labelOf } from '../devices/describe'
import { foldedName } from '../devices/deviceOrder'

/** The ids of the lines of a box, in the order of their names; looked up once a second, for there may be thousands of devices. */
export function useLines(boxId: () => string): ComputedRef<readonly string[]> {
  const { devices, isReady } = useLive()
  const now = useClock()
  return computed(() => {
    void [now.value, isReady.value]
    return linesOf(toRaw(devices).values(), boxId())
  })
}

export function linesOf(devices: Iterable<Device>, boxId: string): string[] {
  const lines: { id: string; name: string }[] = []
  for (const device of devices) {
    if (device.parent === boxId) lines.push({ id: device.deviceId, name: foldedName(labelOf(device)) })
  }
  return lines.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)).map((line) => line.id)
}
