import { mount } from '@vue/test-utils'
import { beforeEach, describe, expect, it } from 'vitest'
import { nextTick } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import DataTable from '@/components/DataTable.vue'

/** The window of the test environment can be given a size. */
interface HappyWindow {
  happyDOM: { setViewport(size: { width: number; height: number }): void }
}

const router = createRouter({
  history: createMemoryHistory(),
  routes: [{ path: '/:id(.*)*', name: 'row', component: { template: '<i />' } }],
})

function table(ids: string[], width = 1_280) {
  ;(window as unknown as HappyWindow).happyDOM.setViewport({ width, height: 800 })
  return mount(DataTable, {
    attachTo: document.body,
    global: { plugins: [router] },
    props: {
      label: 'Devices', ids, question: 'q', sort: 'name',
      columns: [{ key: 'name', label: 'Name', isSortable: true }, { key: 'sims', label: 'SIMs' }],
      rowLink: (id: string) => ({ name: 'row', params: { id: [id] } }),
      rowName: (id: string) => `Device ${id}`,
    },
  })
}
const names = (wrapper: ReturnType<typeof table>) => wrapper.findAll('a').map((link) => link.text())
const chip = (wrapper: ReturnType<typeof table>) => wrapper.findAll('button').find((button) => button.text().includes('change'))

beforeEach(() => {
  document.body.replaceChildren()
})

describe('DataTable', () => {
  it('tells its size, its places and its order to those who cannot see it', () => {
    const wrapper = table(['a', 'b'])
    expect(wrapper.get('table').attributes('aria-rowcount')).toBe('3')
    expect(wrapper.findAll('tbody tr[aria-rowindex]').map((row) => row.attributes('aria-rowindex'))).toEqual(['2', '3'])
    expect(wrapper.findAll('th').map((th) => th.attributes('aria-sort'))).toEqual(['ascending', undefined])
  })

  it('turns the order around at the second click on a header', async () => {
    const wrapper = table(['a'])
    await wrapper.get('th button').trigger('click')
    expect(wrapper.emitted('sort')).toEqual([['-name']])
  })

  it('makes every row a link', () => {
    const wrapper = table(['a', 'b'])
    expect(names(wrapper)).toEqual(['Device a', 'Device b'])
    expect(wrapper.get('a').attributes('href')).toBe('/a')
  })

  it('stands still under the pointer and counts what waits', async () => {
    const wrapper = table(['a', 'b'])
    await wrapper.trigger('pointerenter', { pointerType: 'mouse' })
    await wrapper.setProps({ ids: ['b', 'a', 'c'] })
    expect(names(wrapper)).toEqual(['Device a', 'Device b'])
    expect(chip(wrapper)?.text()).toBe('2 changes')
    await chip(wrapper)!.trigger('click')
    await nextTick()
    expect(names(wrapper)).toEqual(['Device b', 'Device a', 'Device c'])
  })

  it('moves again when the pointer leaves', async () => {
    const wrapper = table(['a', 'b'])
    await wrapper.trigger('pointerenter', { pointerType: 'mouse' })
    await wrapper.setProps({ ids: ['b', 'a'] })
    await wrapper.trigger('pointerleave')
    await nextTick()
    expect(names(wrapper)).toEqual(['Device b', 'Device a'])
  })

  it('answers a new question even under the pointer', async () => {
    const wrapper = table(['a', 'b'])
    await wrapper.trigger('pointerenter', { pointerType: 'mouse' })
    await wrapper.setProps({ ids: ['b'], question: 'other' })
    await nextTick()
    expect(names(wrapper)).toEqual(['Device b'])
  })

  it('has one row in the tab order and moves it by arrows', async () => {
    const wrapper = table(['a', 'b', 'c'])
    const order = () => wrapper.findAll('a').map((link) => link.attributes('tabindex'))
    expect(order()).toEqual(['0', '-1', '-1'])
    await wrapper.get('tbody').trigger('keydown', { key: 'ArrowDown' })
    expect(order()).toEqual(['-1', '0', '-1'])
    await wrapper.get('tbody').trigger('keydown', { key: 'End' })
    expect(order()).toEqual(['-1', '-1', '0'])
    await wrapper.get('tbody').trigger('keydown', { key: 'ArrowDown' })
    expect(order()).toEqual(['-1', '-1', '0'])
  })

  it('holds only what is in view', () => {
    const wrapper = table(Array.from({ length: 10_000 }, (_, i) => String(i)))
    expect(wrapper.findAll('a').length).toBeLessThan(60)
    expect(wrapper.get('table').attributes('aria-rowcount')).toBe('10001')
  })

  it('shows cards on a phone', () => {
    const wrapper = table(['a'], 390)
    expect(wrapper.find('table').exists()).toBe(false)
    expect(wrapper.get('li[aria-posinset]').attributes('aria-setsize')).toBe('1')
  })
})
