import { computed, shallowRef, watch, type Ref } from 'vue'

/** Length of the longest run of `values` that rises, kept gaps allowed: what did not have to move. */
function longestRising(values: readonly number[]): number {
  const tails: number[] = []
  for (const value of values) {
    let low = 0
    let high = tails.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (tails[middle]! < value) low = middle + 1
      else high = middle
    }
    tails[low] = value
  }
  return tails.length
}

/** How many rows would appear, vanish or move if `shown` became `wanted`. */
export function countChanges(shown: readonly string[], wanted: readonly string[]): number {
  if (shown === wanted) return 0
  const place = new Map(wanted.map((id, i) => [id, i]))
  const kept: number[] = []
  for (const id of shown) {
    const at = place.get(id)
    if (at !== undefined) kept.push(at)
  }
  const moved = kept.length - longestRising(kept)
  return shown.length - kept.length + (wanted.length - kept.length) + moved
}

/**
 * Holds a list still while somebody points at it: what moves under a pointer gets the wrong row clicked.
 *
 * `shown` follows `wanted` at once while `held` is false. While it is true the shown ids stay as they are and
 * `changes` says how many wait; `apply()` takes them in. A new `question` (another filter, search or sort) is
 * the user's own doing and is answered at once, held or not.
 */
export function useFrozenOrder(wanted: Ref<readonly string[]>, held: Ref<boolean>, question: Ref<string>) {
  const shown = shallowRef<readonly string[]>(wanted.value)
  const asked = shallowRef(question.value)

  const apply = () => {
    shown.value = wanted.value
    asked.value = question.value
  }
  // Not `flush: 'sync'`: the answer and its question must have arrived together.
  watch([wanted, held, question], () => {
    if (!held.value || asked.value !== question.value) apply()
  })
  const changes = computed(() => (held.value ? countChanges(shown.value, wanted.value) : 0))
  return { shown, changes, apply }
}
