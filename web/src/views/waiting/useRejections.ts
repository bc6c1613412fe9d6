import { onScopeDispose, ref, shallowRef } from 'vue'
import { api } from '@/api/client'
import { asApiError } from '@/api/errors'
import type { DeviceRemoved, Rejection, Rejections } from '@/api/types'
import { onLiveEvent, onReconnect } from '@/live/vue'
import { mayOperate } from '@/shell/session'

/** The devices that were turned away, by whomever: read again whenever that changes. */
export function useRejections() {
  const rejections = shallowRef<readonly Rejection[]>([])
  const error = ref<string | null>(null)
  let isOver = false
  let newest = 0

  async function load(): Promise<void> {
    if (!mayOperate()) return
    const mine = ++newest
    try {
      const answer = await api.get<Rejections>('/api/enrollment/rejected')
      if (mine === newest && !isOver) {
        rejections.value = answer.rejected
        error.value = null
      }
    } catch (reason) {
      if (mine === newest) error.value = asApiError(reason).message
    }
  }

  onLiveEvent(({ event, data }) => {
    if (event === 'device-readmitted' || (event === 'device-removed' && (data as DeviceRemoved).isRejected)) void load()
  })
  onReconnect(() => void load())
  onScopeDispose(() => (isOver = true))
  void load()
  return { rejections, error, load }
}
