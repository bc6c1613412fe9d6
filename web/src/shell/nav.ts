import { IconDeviceMobile, IconLayoutDashboard, IconMessages, IconPlus } from '@tabler/icons-vue'
import { computed, type Component, type ComputedRef } from 'vue'
import type { Key } from '@/i18n/t'
import { useLive } from '@/live/vue'
import { mayOperate } from './session'

export interface NavItem {
  name: string
  label: Key
  icon: Component
  /** Something wrong behind it. */
  problems: number
}

export function useNav(): ComputedRef<NavItem[]> {
  const { stats } = useLive()
  return computed(() => {
    const items: NavItem[] = [
      { name: 'overview', label: 'shell.overview', icon: IconLayoutDashboard, problems: 0 },
      { name: 'devices', label: 'shell.devices', icon: IconDeviceMobile, problems: stats.value?.offlineDevices ?? 0 },
      { name: 'inbox', label: 'shell.inbox', icon: IconMessages, problems: 0 },
    ]
    if (mayOperate()) items.push({ name: 'setup', label: 'shell.setup', icon: IconPlus, problems: 0 })
    return items
  })
}
