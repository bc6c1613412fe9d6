import { nextTick, shallowReactive, shallowRef } from 'vue'
import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Device } from '@/api/types'
import { filtersOf } from '@/views/devices/deviceFilters'
import { useDeviceList } from '@/views/devices/useDeviceList'
import { aDevice } from './devicesFixture'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function listOf(devices: Map<string, Device>) {
  let list!: ReturnType<typeof useDeviceList>['list']
  const setup = () => {
    list = useDeviceList(devices, shallowRef(filtersOf({}))).list
    return () => null
  }
  mount({ setup })
  return list
}

it('shows the first snapshot at once, and what follows once a second', async () => {
  const devices = shallowReactive(new Map<string, Device>())
  const list = listOf(devices)
  expect(list.value.total).toBe(0)
  devices.set('a', aDevice('a'))
  devices.set('b', aDevice('b'))
  await nextTick()
  expect(list.value.ids).toEqual(['a', 'b'])

  devices.set('c', aDevice('c'))
  await nextTick()
  expect(list.value.ids).toEqual(['a', 'b'])
  vi.advanceTimersByTime(1_000)
  expect(list.value.ids).toEqual(['a', 'b', 'c'])
})
