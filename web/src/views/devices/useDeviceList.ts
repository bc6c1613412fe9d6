import { onScopeDispose, shallowRef, toRaw, watch, watchEffect, type Ref } from 'vue'
import type { Device } from '@/api/types'
import { matching, type DeviceFilters, type Matches } from './deviceFilters'
import { orderedIds, type Rank } from './deviceOrder'

export interface DeviceList extends Omit<Matches, 'devices'> {
  ids: readonly string[]
  /** The filters that this list answers; another question is another list. */
  question: string
  /** When the order was made, for a sort that heartbeats do not reshuffle; else null. */
  orderedAt: number | null
}

const LEAST_BETWEEN_MS = 1_000

const isByAge = (filters: DeviceFilters) => filters.sort.endsWith('lastSeen')

/**
 * The ids to show, kept up to date: at once when the filters change, else once a second at most, for a fleet
 * of thousands changes hundreds of times in it.
 */
export function useDeviceList(devices: ReadonlyMap<string, Device>, filters: Ref<DeviceFilters>) {
  let ranks = new Map<string, Rank>()
  let orderedAt: number | null = null
  let question = ''
  let computedAt = 0
  let total = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  function restart(): void {
    ranks = new Map()
    orderedAt = isByAge(filters.value) ? Date.now() : null
  }

  function listNow(): DeviceList {
    clearTimeout(timer)
    timer = undefined
    computedAt = Date.now()
    const asked = JSON.stringify(filters.value)
    if (asked !== question) restart()
    question = asked
    const { devices: found, ...rest } = matching(toRaw(devices).values(), filters.value)
    total = rest.total
    const ids = orderedIds(found, filters.value.sort, orderedAt === null ? undefined : ranks)
    return { ...rest, ids, question, orderedAt }
  }

  const list = shallowRef(listNow())
  const refresh = () => void (list.value = listNow())

  watch(filters, refresh)
  watchEffect(() => {
    // Reading the size subscribes to every row that is set, added or removed.
    void devices.size
    // The first snapshot is not made to wait: the page would say meanwhile that nothing matches.
    if (total === 0) return refresh()
    timer ??= setTimeout(refresh, Math.max(0, computedAt + LEAST_BETWEEN_MS - Date.now()))
  })
  onScopeDispose(() => clearTimeout(timer))

  /** Sorts a list by age anew. */
  const reorder = () => {
    restart()
    refresh()
  }
  return { list, reorder }
}
