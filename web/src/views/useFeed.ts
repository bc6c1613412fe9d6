import { computed, onScopeDispose, ref, shallowRef, type Ref } from 'vue'
import type { ApiError } from '@/api/client'
import { asApiError } from '@/api/errors'
import { useHold } from '@/components/dataTable'
import { useFrozenOrder } from '@/components/frozenOrder'

export interface FeedPage<T> {
  items: readonly T[]
  nextCursor: string | null
  total?: number | null
}

export interface FeedOptions<T> {
  fetchPage: (cursor: string | null, signal: AbortSignal) => Promise<FeedPage<T>>
  idOf: (item: T) => string
}

/** Fetches one thing at a time: a newer wish makes an older one void, and its answer is never taken. */
function useFetch() {
  const isLoading = ref(false)
  const isLoaded = ref(false)
  const error = shallowRef<ApiError | null>(null)
  let controller = new AbortController()

  async function run<R>(fetch: (signal: AbortSignal) => Promise<R>, take: (answer: R) => void): Promise<void> {
    controller.abort()
    const own = (controller = new AbortController())
    isLoading.value = true
    error.value = null
    try {
      const answer = await fetch(own.signal)
      if (own !== controller) return
      take(answer)
      isLoaded.value = true
    } catch (reason) {
      if (own === controller) error.value = asApiError(reason)
    } finally {
      if (own === controller) isLoading.value = false
    }
  }
  onScopeDispose(() => controller.abort())
  return { isLoading, isLoaded, error, run }
}

/** Both lists, one after the other; what stands in both stands where it came first. */
function joinOnce<T>(first: readonly T[], then: readonly T[], idOf: (item: T) => string): T[] {
  const ids = new Set(first.map(idOf))
  return [...first, ...then.filter((item) => !ids.has(idOf(item)))]
}

/**
 * A list that grows at both ends: older pages by cursor at its end, what arrives live at its start. An item that
 * comes both ways stands in it once.
 */
export function useFeed<T>({ fetchPage, idOf }: FeedOptions<T>) {
  const items = shallowRef<readonly T[]>([])
  const total = ref<number | null>(null)
  const nextCursor = ref<string | null>(null)
  const { isLoading, isLoaded, error, run } = useFetch()
  /** What came live while the first page was on its way: that page may have been read before it. */
  let arrived: T[] = []

  const load = (cursor: string | null, take: (page: FeedPage<T>) => void) =>
    run((signal) => fetchPage(cursor, signal), (page) => {
      take(page)
      nextCursor.value = page.nextCursor
    })
  const isKnown = (id: string) => items.value.some((one) => idOf(one) === id)

  /** Starts anew; what is shown stays until the answer is there. */
  function reload(): Promise<void> {
    arrived = []
    return load(null, (page) => {
      items.value = joinOnce(arrived, page.items, idOf)
      total.value = page.total ?? null
    })
  }
  async function loadMore(): Promise<void> {
    if (nextCursor.value === null || isLoading.value) return
    await load(nextCursor.value, (page) => (items.value = joinOnce(items.value, page.items, idOf)))
  }
  /** Puts an item first; one that is known already is replaced where it stands. */
  function put(item: T): void {
    const id = idOf(item)
    if (isLoading.value) arrived = joinOnce([item], arrived, idOf)
    if (!isKnown(id) && total.value !== null) total.value += 1
    items.value = isKnown(id) ? items.value.map((one) => (idOf(one) === id ? item : one)) : [item, ...items.value]
  }
  function remove(id: string): void {
    if (isKnown(id) && total.value !== null) total.value -= 1
    items.value = items.value.filter((item) => idOf(item) !== id)
  }
  const clear = () => {
    items.value = []
    isLoaded.value = false
  }
  return { items, total, isLoading, isLoaded, error, hasMore: computed(() => nextCursor.value !== null), reload, loadMore, put, remove, clear }
}

/** A feed's items as they may be shown: standing still while the reader points at them. */
export function useHeldItems<T>(items: Readonly<Ref<readonly T[]>>, idOf: (item: T) => string, question: Ref<string> = ref('')) {
  const { isHeld, listeners } = useHold()
  const ids = computed(() => items.value.map(idOf))
  const { shown: shownIds, changes, apply } = useFrozenOrder(ids, isHeld, question)
  const shown = computed(() => {
    const byId = new Map(items.value.map((item) => [idOf(item), item]))
    return shownIds.value.flatMap((id) => byId.get(id) ?? [])
  })
  return { shown, changes, apply, listeners }
}
