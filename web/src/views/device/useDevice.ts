import { computed, shallowRef, watch } from 'vue'
import { api, ApiError } from '@/api/client'
import { asApiError } from '@/api/errors'
import type { Device } from '@/api/types'
import { useLive } from '@/live/vue'

type State = 'loading' | 'ready' | 'missing' | 'failed'

/** One device: the live row where there is one, else what the server says of it, else that there is none. */
export function useDevice(id: string) {
  const { devices } = useLive()
  const fetched = shallowRef<Device | null>(null)
  const error = shallowRef<ApiError | null>(null)
  const isMissing = shallowRef(false)

  const device = computed(() => devices.get(id) ?? fetched.value)
  const state = computed<State>(() => {
    if (isMissing.value) return 'missing'
    if (device.value) return 'ready'
    return error.value ? 'failed' : 'loading'
  })

  async function load(): Promise<void> {
    error.value = null
    try {
      fetched.value = (await api.get<{ device: Device }>(`/api/devices/${encodeURIComponent(id)}`)).device
      isMissing.value = false
    } catch (reason) {
      if (reason instanceof ApiError && reason.status === 404) isMissing.value = true
      else error.value = asApiError(reason)
    }
  }

  watch(
    () => devices.has(id),
    (isLive, wasLive) => {
      if (isLive) isMissing.value = false
      else if (wasLive) {
        // Deleted while it was looked at.
        fetched.value = null
        isMissing.value = true
      } else {
        // One device is sooner there than the snapshot of a whole fleet.
        void load()
      }
    },
    { immediate: true },
  )
  return { device, state, error, load }
}
