import { computed, onScopeDispose, ref, shallowRef, type Ref } from 'vue'

export interface Column {
  key: string
  label: string
  isSortable?: boolean
  /** For the header and every cell: width, alignment, from which screen on it is shown. */
  class?: string
}

export type AriaSort = 'ascending' | 'descending' | 'none'

/** How `sort` ("name", "-name") stands to a column. */
export function ariaSort(column: Column, sort: string): AriaSort {
  if (sort === column.key) return 'ascending'
  return sort === `-${column.key}` ? 'descending' : 'none'
}

/** One more click on the same header turns the order around. */
export const nextSort = (column: Column, sort: string): string => (sort === column.key ? `-${column.key}` : column.key)

/** A finger leaves no pointer behind: the list is held this long after the last touch or movement. */
const TOUCH_HOLDS_MS = 1_500

/** True while somebody points at, touches or has the focus in the list whose listeners these are. */
export function useHold() {
  const isPointed = ref(false)
  const isFocused = ref(false)
  const isTouched = ref(false)
  let timer: ReturnType<typeof setTimeout> | undefined

  function touch(): void {
    isTouched.value = true
    clearTimeout(timer)
    timer = setTimeout(() => (isTouched.value = false), TOUCH_HOLDS_MS)
  }
  onScopeDispose(() => clearTimeout(timer))

  const listeners = {
    pointerenter: (event: PointerEvent) => (event.pointerType === 'touch' ? touch() : (isPointed.value = true)),
    pointerleave: () => (isPointed.value = false),
    touchstart: touch,
    touchmove: touch,
    // A click leaves focus behind on what was clicked: only the keyboard's focus holds the list.
    focusin: (event: FocusEvent) => (isFocused.value = (event.target as Element).matches(':focus-visible')),
    focusout: () => (isFocused.value = false),
  }
  return { isHeld: computed(() => isPointed.value || isFocused.value || isTouched.value), listeners }
}

const STEPS: Record<string, (at: number, count: number, page: number) => number> = {
  ArrowDown: (at) => at + 1,
  ArrowUp: (at) => at - 1,
  PageDown: (at, _, page) => at + page,
  PageUp: (at, _, page) => at - page,
  Home: () => 0,
  End: (_, count) => count - 1,
}

/**
 * One row is in the tab order; arrows, Page Up/Down, Home and End move it. `go` brings the row into view and
 * focuses it once it is there.
 */
export function useRowKeys(ids: Ref<readonly string[]>, go: (index: number) => void) {
  const activeId = shallowRef<string | null>(null)
  const activeIndex = computed(() => Math.max(0, activeId.value === null ? 0 : ids.value.indexOf(activeId.value)))

  function onKeydown(event: KeyboardEvent): void {
    const step = STEPS[event.key]
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return
    const pageSize = Math.max(1, Math.floor(window.innerHeight / 60))
    const index = Math.min(ids.value.length - 1, Math.max(0, step(activeIndex.value, ids.value.length, pageSize)))
    activeId.value = ids.value[index] ?? null
    event.preventDefault()
    go(index)
  }
  const activate = (id: string) => (activeId.value = id)
  return { activeIndex, activate, onKeydown }
}
