import { onScopeDispose, shallowRef, watch } from 'vue'
import { onBeforeRouteLeave, useRoute, useRouter } from 'vue-router'
import { DEFAULT_SORT, filtersOf, queryOf, type DeviceFilters } from './deviceFilters'

const SAVED_SORT = 'goip-devices-sort'
/** While somebody types, the address waits for a pause; the list does not. */
const PAUSE_MS = 150

function savedSort(): string | null {
  try {
    return localStorage.getItem(SAVED_SORT)
  } catch {
    return null
  }
}

function saveSort(sort: string): void {
  try {
    localStorage.setItem(SAVED_SORT, sort)
  } catch {
    // Storage may be forbidden; the sort then lasts as long as the address.
  }
}

const asText = (query: object) => JSON.stringify(Object.entries(query).sort())

/**
 * The filters, kept in the URL so that a link or Back brings them again. Only the sort is remembered between
 * visits: a filter that nobody sees in the address would hide devices from whoever comes by a link.
 */
export function useDeviceFilters() {
  const route = useRoute()
  const router = useRouter()
  const filters = shallowRef<DeviceFilters>(filtersOf(route.query, savedSort()))
  let timer: ReturnType<typeof setTimeout> | undefined

  const writeUrl = () => void router.replace({ query: queryOf(filters.value) })

  function change(patch: Partial<DeviceFilters>): void {
    filters.value = { ...filters.value, ...patch }
    if (patch.sort) saveSort(patch.sort)
    clearTimeout(timer)
    if ('search' in patch) timer = setTimeout(writeUrl, PAUSE_MS)
    else writeUrl()
  }
  const clear = () => change({ search: '', shelves: [], make: '', box: '' })

  watch(
    () => route.query,
    (query) => {
      if (route.name !== 'devices' || asText(query) === asText(queryOf(filters.value))) return
      filters.value = filtersOf(query, DEFAULT_SORT)
    },
  )
  // Written while another page is on its way, the address would call that page off.
  onBeforeRouteLeave(() => clearTimeout(timer))
  onScopeDispose(() => clearTimeout(timer))
  return { filters, change, clear }
}
