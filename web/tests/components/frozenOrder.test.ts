import { describe, expect, it } from 'vitest'
import { nextTick, ref, shallowRef } from 'vue'
import { countChanges, useFrozenOrder } from '@/components/frozenOrder'

function list(...ids: string[]) {
  const wanted = shallowRef<readonly string[]>(ids)
  const held = ref(false)
  const question = ref('sort=name')
  return { wanted, held, question, ...useFrozenOrder(wanted, held, question) }
}

describe('a list somebody points at', () => {
  it('follows the data while nobody does', async () => {
    const { wanted, shown } = list('a', 'b')
    wanted.value = ['b', 'a', 'c']
    await nextTick()
    expect(shown.value).toEqual(['b', 'a', 'c'])
  })

  it('stands still while held and counts what waits', async () => {
    const { wanted, held, shown, changes } = list('a', 'b', 'c')
    held.value = true
    await nextTick()
    wanted.value = ['c', 'a', 'b', 'd']
    await nextTick()
    expect(shown.value).toEqual(['a', 'b', 'c'])
    expect(changes.value).toBe(2)
  })

  it('takes the changes in when let go, or when asked', async () => {
    const { wanted, held, shown, changes, apply } = list('a', 'b')
    held.value = true
    await nextTick()
    wanted.value = ['b', 'a']
    await nextTick()
    apply()
    expect(shown.value).toEqual(['b', 'a'])
    expect(changes.value).toBe(0)
    wanted.value = ['a']
    await nextTick()
    expect(shown.value).toEqual(['b', 'a'])
    held.value = false
    await nextTick()
    expect(shown.value).toEqual(['a'])
  })

  it('answers a new question at once, held or not', async () => {
    const { wanted, held, question, shown } = list('a', 'b')
    held.value = true
    await nextTick()
    question.value = 'sort=-name'
    wanted.value = ['b', 'a']
    await nextTick()
    expect(shown.value).toEqual(['b', 'a'])
  })
})

describe('counting changes', () => {
  it('counts one row that moved as one, however many it passed', () => {
    expect(countChanges(['a', 'b', 'c', 'd'], ['d', 'a', 'b', 'c'])).toBe(1)
  })

  it('counts those that come and go', () => {
    expect(countChanges(['a', 'b'], ['b', 'c', 'd'])).toBe(3)
    expect(countChanges(['a', 'b'], ['a', 'b'])).toBe(0)
    expect(countChanges([], ['a'])).toBe(1)
  })
})
