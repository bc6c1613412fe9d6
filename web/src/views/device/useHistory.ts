import { computed, onScopeDispose, shallowRef, watch, type Ref } from 'vue'
import type { ApiError } from '@/api/client'
import { asApiError } from '@/api/errors'
import type { Device } from '@/api/types'
import { serverNow } from '@/live/clock'
import { onLiveEvent, onReconnect } from '@/live/vue'
import { read, withBeat, type Readings } from './historySource'

const HOUR = 3_600

/** What can be looked at: seconds, and the bucket that fits a screen's width; 0 is every single heartbeat. */
export const RANGES = {
  '1h': { seconds: HOUR, step: 0 },
  '24h': { seconds: 24 * HOUR, step: 300 },
  '7d': { seconds: 7 * 24 * HOUR, step: 1_800 },
  '30d': { seconds: 30 * 24 * HOUR, step: 7_200 },
} as const
export type RangeName = keyof typeof RANGES

/** Lines beyond this number cannot be told apart; a box with more slots shows them four at a time. */
export const SLOTS_AT_ONCE = 4
/** A beat may be missed without a hole in the line; two may not. */
const MISSED_BEATS = 2.5
const USUAL_INTERVAL = 60

/** A device's battery and signals over a range, with heartbeats appended as they come. */
export function useHistory(id: string, rangeName: Ref<RangeName>, slots: Ref<readonly number[]>, intervalSeconds: number | null) {
  const readings = shallowRef<Readings>({ battery: [], signals: [] })
  const error = shallowRef<ApiError | null>(null)
  const isLoading = shallowRef(true)
  const until = shallowRef(serverNow())
  const interval = shallowRef(intervalSeconds ?? USUAL_INTERVAL)
  let controller = new AbortController()

  const range = computed(() => RANGES[rangeName.value])
  const stepMs = computed(() => Math.max(1, range.value.step) * 1_000)
  const view = computed(() => ({ from: until.value - range.value.seconds * 1_000, to: until.value }))
  const maxGap = computed(() => MISSED_BEATS * Math.max(stepMs.value, interval.value * 1_000))

  async function load(): Promise<void> {
    controller.abort()
    const own = (controller = new AbortController())
    until.value = serverNow()
    isLoading.value = true
    error.value = null
    const request = { id, slots: [null, ...slots.value], ...view.value, signal: own.signal }
    try {
      readings.value = await read(request, range.value.step, interval.value)
    } catch (reason) {
      if (!own.signal.aborted) error.value = asApiError(reason)
    }
    if (own === controller) isLoading.value = false
  }

  function append(device: Device): void {
    const at = Date.parse(device.lastSeen ?? '')
    if (!Number.isFinite(at)) return
    interval.value = device.intervalSeconds ?? USUAL_INTERVAL
    until.value = Math.max(until.value, at)
    readings.value = withBeat(readings.value, device, at, stepMs.value)
  }

  onLiveEvent((event) => {
    if (event.event === 'device-heartbeat' && (event.data as Device).deviceId === id) append(event.data as Device)
  })
  onReconnect(load)
  watch([rangeName, () => slots.value.join()], load, { immediate: true })
  onScopeDispose(() => controller.abort())
  return { readings, view, maxGap, error, isLoading, load }
}
