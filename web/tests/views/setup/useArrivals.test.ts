import { beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick, ref, shallowReactive } from 'vue'
import type { Device, WireEvent } from '@/api/types'
import { useArrivals } from '@/views/setup/useArrivals'
import { device, event } from '../../live/samples'

const devices = shallowReactive(new Map<string, Device>())
let tell: (event: WireEvent) => void

vi.mock('@/live/vue', () => ({
  useLive: () => ({ devices }),
  onLiveEvent: (listener: typeof tell) => void (tell = listener),
}))

function beat(id: string, change: Partial<Device> = {}): void {
  const row = device(id, 1, change)
  devices.set(id, row)
  tell(event(1, 'device-heartbeat', row))
}

beforeEach(() => devices.clear())

describe('the devices that arrive', () => {
  it('are those that were not there when the watch began', async () => {
    devices.set('old', device('old', 1))
    const isWatching = ref(false)
    const arrivals = useArrivals(isWatching)
    beat('before')
    isWatching.value = true
    await nextTick()
    beat('old')
    beat('before')
    beat('new')
    beat('new')
    beat('newer')
    expect(arrivals.value.map((row) => row.deviceId)).toEqual(['newer', 'new'])
  })

  it('include one that was waiting to be adopted, and follow its row', () => {
    devices.set('waiting', device('waiting', 1, { isPending: true }))
    const arrivals = useArrivals(ref(true))
    beat('waiting', { isPending: true })
    expect(arrivals.value[0]?.isPending).toBe(true)
    devices.set('waiting', device('waiting', 2))
    expect(arrivals.value[0]?.isPending).toBe(false)
  })

  it('include one that was offline, or had never been heard, once it speaks itself', () => {
    devices.set('lost', device('lost', 1, { status: 'offline' }))
    devices.set('made', device('made', 1, { status: 'unknown', lastSeen: null }))
    devices.set('late', device('late', 1, { status: 'late' }))
    const arrivals = useArrivals(ref(true))
    tell(event(1, 'device-updated', devices.get('lost')))
    expect(arrivals.value).toEqual([])
    beat('lost')
    beat('late')
    beat('made')
    expect(arrivals.value.map((row) => row.deviceId)).toEqual(['made', 'lost'])
  })
})
