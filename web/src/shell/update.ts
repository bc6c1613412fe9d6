import { ref } from 'vue'
import { api } from '@/api/client'
import type { Meta } from '@/api/types'
import { onReconnect } from '@/live/vue'

export type UpdateReason = 'newer' | 'broken'

/** Set when this page is older than its server (`newer`), or when a part of it is gone (`broken`). */
export const update = ref<UpdateReason | null>(null)

async function compareBuilds(): Promise<void> {
  try {
    const { buildId } = await api.get<Meta>('/api/meta')
    if (buildId && buildId !== __BUILD_ID__) update.value ??= 'newer'
  } catch {
    // Asked again after the next outage.
  }
}

/** An upgrade restarts the server, so a reconnect is when to look for one. */
export function useUpdateWatch(): void {
  onReconnect(() => void compareBuilds())
}

// The upgraded server no longer has the parts that this page would load now.
window.addEventListener('vite:preloadError', (event) => {
  event.preventDefault()
  update.value = 'broken'
})
