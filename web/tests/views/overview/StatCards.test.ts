import { mount } from '@vue/test-utils'
import { shallowRef } from 'vue'
import { expect, it, vi } from 'vitest'
import StatCards from '@/views/overview/StatCards.vue'

const stats = shallowRef({ totalDevices: 60, onlineDevices: 55, lateDevices: 3, offlineDevices: 4, unknownDevices: 1, receivedSms: 7 })
vi.mock('@/live/vue', () => ({ useLive: () => ({ stats }) }))

it('counts each device on one card, the one whose list shows it', () => {
  const RouterLink = { props: ['to'], template: '<a :data-status="to.query?.status"><slot /></a>' }
  const wrapper = mount(StatCards, { global: { stubs: { RouterLink } } })
  const figure = (status: string) => wrapper.get(`[data-status="${status}"] .live-value.tabular`).text()
  expect(['online', 'late', 'offline', 'unknown'].map(figure)).toEqual(['52', '3', '4', '1'])
})
