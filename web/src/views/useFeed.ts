import { computed, onScopeDispose, ref, shallowRef, type Ref } from 'vue'
import { ApiError } from '@/api/client'
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

/**
 * A list that grows at both ends: older pages by cursor at its end, what arrives live at its start. An item that
 * comes both ways stands in it once.
 */
export function useFeed<T>({ fetchPage, idOf }: FeedOptions<T>) {
  const items = shallowRef<readonly T[]>([])
  const total = ref<number | null>(null)
  const nextCursor = ref<string | null>(null)
  const isLoading = ref(false)
  const isLoaded = ref(false)
  const error = shallowRef<ApiError | null>(null)
  let controller = new AbortController()

  async function load(cursor: string | null, take: (page: FeedPage<T>) => void): Promise<void> {
    controller.abort()
    const own = (controller = new AbortController())
    isLoading.value = true
    error.value = null
    try {
      const page = await fetchPage(cursor, own.signal)
      if (own !== controller) return
      take(page)
      nextCursor.value = page.nextCursor
      isLoaded.value = true
    } catch (reason) {
      if (own !== controller) return
      error.value = reason instanceof ApiError ? reason : new ApiError(0, 'unexpected', String(reason))
    } finally {
      if (own === controller) isLoading.value = false
    }
  }

  const withoutKnown = (known: readonly T[], more: readonly T[]) => {
    const ids = new Set(known.map(idOf))
    return more.filter((item) => !ids.has(idOf(item)))
  }

  /** Starts anew; what is shown stays until the answer is there. */
  const reload = () =>
    load(null, (page) => {
      items.value = page.items
      total.value = page.total ?? null
    })
  const loadMore = async () => {
    if (nextCursor.value === null || isLoading.value) return
    await load(nextCursor.value, (page) => (items.value = [...items.value, ...withoutKnown(items.value, page.items)]))
  }
  /** Puts an item first; one that is known already is replaced where it stands. */
  function put(item: T): void {
    const id = idOf(item)
    const isKnown = items.value.some((one) => idOf(one) === id)
    items.value = isKnown ? items.value.map((one) => (idOf(one) === id ? item : one)) : [item, ...items.value]
    if (!isKnown && total.value !== null) total.value += 1
  }
  const remove = (id: string) => (items.value = items.value.filter((item) => idOf(item) !== id))
  function clear(): void {
    items.value = []
    isLoaded.value = false
  }

  onScopeDispose(() => controller.abort())
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
