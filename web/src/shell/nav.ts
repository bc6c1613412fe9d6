import { IconDeviceMobile, IconLayoutDashboard, IconMessages, IconPlugConnected, IconPlus } from '@tabler/icons-vue'
import { computed, type Component, type ComputedRef } from 'vue'
import type { Key } from '@/i18n/t'
import { useLive } from '@/live/vue'
import { mayAdminister, mayOperate } from './session'

export interface NavItem {
  name: string
  label: Key
  icon: Component
  /** Something wrong behind it. */
  problems: number
  /** Not for every day: at the side only, and from the account's menu on a phone. */
  isTool?: boolean
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
    if (mayAdminister()) items.push({ name: 'wstest', label: 'wstest.nav', icon: IconPlugConnected, problems: 0, isTool: true })
    return items
  })
}
