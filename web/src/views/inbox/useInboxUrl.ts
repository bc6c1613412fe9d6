import { computed, onScopeDispose, shallowRef, watch } from 'vue'
import { onBeforeRouteLeave, useRoute, useRouter } from 'vue-router'
import { filtersOf, NO_FILTERS, queryOf, threadOf, type InboxFilters, type OpenThread } from './inboxQuery'

/** While somebody types, the address and the search wait for a pause. */
const PAUSE_MS = 250

/** Filters and the open conversation, both in the URL; a conversation is a step that Back takes back. */
export function useInboxUrl() {
  const route = useRoute()
  const router = useRouter()
  const filters = shallowRef<InboxFilters>(filtersOf(route.query))
  /** What is asked of the server: the filters, once the typing pauses. */
  const asked = shallowRef<InboxFilters>(filters.value)
  const thread = computed(() => threadOf(route.query))
  let timer: ReturnType<typeof setTimeout> | undefined

  function settle(): void {
    asked.value = filters.value
    void router.replace({ query: queryOf(filters.value, thread.value) })
  }
  function change(patch: Partial<InboxFilters>): void {
    filters.value = { ...filters.value, ...patch }
    clearTimeout(timer)
    if ('search' in patch && patch.search !== '') timer = setTimeout(settle, PAUSE_MS)
    else settle()
  }
  const clear = () => change(NO_FILTERS)
  const linkTo = (to: OpenThread | null) => ({ name: 'inbox', query: queryOf(asked.value, to) })

  watch(
    () => route.query,
    (query) => {
      if (route.name !== 'inbox') return
      const told = filtersOf(query)
      if (JSON.stringify(told) === JSON.stringify(asked.value)) return
      filters.value = told
      asked.value = told
    },
  )
  // Written while another page is on its way, the address would call that page off.
  onBeforeRouteLeave(() => clearTimeout(timer))
  onScopeDispose(() => clearTimeout(timer))
  return { filters, asked, thread, change, clear, linkTo }
}
