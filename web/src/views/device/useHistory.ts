import { computed, onScopeDispose, shallowRef, watch, type Ref } from 'vue'
import { api, ApiError } from '@/api/client'
import type { Device, History } from '@/api/types'
import { appendLive, type Point } from '@/components/chartData'
import { serverNow } from '@/live/clock'
import { onLiveEvent, onReconnect } from '@/live/vue'

const HOUR = 3_600

/** What can be looked at: seconds, and the bucket that fits a screen's width. */
export const RANGES = {
  '1h': { seconds: HOUR, step: 60 },
  '24h': { seconds: 24 * HOUR, step: 300 },
  '7d': { seconds: 7 * 24 * HOUR, step: 1_800 },
  '30d': { seconds: 30 * 24 * HOUR, step: 7_200 },
} as const
export type RangeName = keyof typeof RANGES

/** Lines beyond this number cannot be told apart; a box with more slots shows them four at a time. */
export const SLOTS_AT_ONCE = 4
/** A beat may be missed without a hole in the line; two may not. */
const MISSED_BEATS = 2.5

type Line = { slotIndex: number | null; points: readonly Point[] }

const pointsOf = (history: History): Point[] =>
  history.points.flatMap(({ at, avg, min, max, n }) =>
    avg === null ? [] : [{ at: Date.parse(at), avg, min: min ?? avg, max: max ?? avg, n }],
  )

/** A device's battery and signals over a range, with heartbeats appended as they come. */
export function useHistory(id: string, rangeName: Ref<RangeName>, slots: Ref<readonly number[]>, intervalSeconds: number | null) {
  const battery = shallowRef<readonly Point[]>([])
  const signals = shallowRef<readonly Line[]>([])
  const error = shallowRef<ApiError | null>(null)
  const isLoading = shallowRef(true)
  const until = shallowRef(serverNow())
  const intervalMs = shallowRef((intervalSeconds ?? 0) * 1_000)
  let controller = new AbortController()

  const range = computed(() => RANGES[rangeName.value])
  const stepMs = computed(() => range.value.step * 1_000)
  const view = computed(() => ({ from: until.value - range.value.seconds * 1_000, to: until.value }))
  const maxGap = computed(() => MISSED_BEATS * Math.max(stepMs.value, intervalMs.value))

  async function fetchPoints(metric: 'battery' | 'signal', slotIndex: number | null, signal: AbortSignal): Promise<Point[]> {
    const from = new Date(view.value.from).toISOString()
    const query = { metric, slotIndex, from, to: new Date(view.value.to).toISOString(), step: range.value.step }
    return pointsOf(await api.get<History>(`/api/devices/${encodeURIComponent(id)}/history`, query, signal))
  }

  async function load(): Promise<void> {
    controller.abort()
    const own = (controller = new AbortController())
    until.value = serverNow()
    isLoading.value = true
    error.value = null
    const wanted: (number | null)[] = [null, ...slots.value]
    try {
      const [levels, ...lines] = await Promise.all([
        fetchPoints('battery', null, own.signal),
        ...wanted.map((slotIndex) => fetchPoints('signal', slotIndex, own.signal)),
      ])
      battery.value = levels
      signals.value = lines.map((points, i) => ({ slotIndex: wanted[i]!, points }))
    } catch (reason) {
      if (own.signal.aborted) return
      error.value = reason instanceof ApiError ? reason : new ApiError(0, 'unexpected', String(reason))
    }
    if (own === controller) isLoading.value = false
  }

  function append(device: Device): void {
    const at = Date.parse(device.lastSeen ?? '')
    if (!Number.isFinite(at)) return
    intervalMs.value = (device.intervalSeconds ?? 0) * 1_000
    until.value = Math.max(until.value, at)
    if (device.batteryLevel !== null) battery.value = appendLive(battery.value, at, device.batteryLevel, stepMs.value)
    signals.value = signals.value.map((line) => {
      const slot = device.simSlots.find((one) => one.slotIndex === line.slotIndex)
      const value = line.slotIndex === null ? device.signalStrength : slot?.signalStrength
      return value == null ? line : { ...line, points: appendLive(line.points, at, value, stepMs.value) }
    })
  }

  onLiveEvent((event) => {
    if (event.event === 'device-heartbeat' && (event.data as Device).deviceId === id) append(event.data as Device)
  })
  onReconnect(load)
  watch([rangeName, () => slots.value.join()], load, { immediate: true })
  onScopeDispose(() => controller.abort())
  return { battery, signals, view, maxGap, error, isLoading, load }
}
