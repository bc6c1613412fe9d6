import { describe, expect, it } from 'vitest'
import { boxesOf } from '@/views/devices/boxes'
import { filtersOf, matching, queryOf, type DeviceFilters } from '@/views/devices/deviceFilters'
import { foldedName, orderedIds } from '@/views/devices/deviceOrder'
import { aDevice, aSlot } from './devicesFixture'

const none: DeviceFilters = { search: '', shelves: [], make: '', box: '', sort: 'status' }

describe('filters in the URL', () => {
  it('come back as they were put in', () => {
    const filters: DeviceFilters = { search: 'berlin +49', shelves: ['offline', 'pending'], make: 'ejoin', box: 'goip@192.0.2.7', sort: '-lastSeen' }
    expect(filtersOf(queryOf(filters) as Record<string, string>)).toEqual(filters)
  })

  it('leave no trace at their defaults', () => {
    expect(queryOf(none)).toEqual({})
    expect(queryOf({ ...none, search: '   ' })).toEqual({})
  })

  it('ignore what is not known, so that an old link still opens', () => {
    expect(filtersOf({ status: 'online,gone', sort: 'colour' })).toEqual({ ...none, shelves: ['online'] })
    expect(filtersOf({ status: ['late', 'offline'], search: null })).toEqual({ ...none, shelves: ['offline', 'late'] })
  })

  it('beat a saved sort', () => {
    expect(filtersOf({ sort: 'name' }, 'battery').sort).toBe('name')
    expect(filtersOf({}, 'battery').sort).toBe('battery')
    expect(filtersOf({}, 'nonsense').sort).toBe('status')
  })
})

describe('matching devices', () => {
  const fleet = [
    aDevice('a1', { name: 'Berlin 1', status: 'offline', isOnline: false, make: 'ejoin' }),
    aDevice('a2', { name: 'Berlin 2', simSlots: [aSlot({ phoneNumber: '+491701234567', carrierName: 'O2' })] }),
    aDevice('b1', { name: 'Accra', isPending: true, status: 'unknown' }),
  ]

  it('wants every word, wherever it stands', () => {
    const ids = (search: string) => matching(fleet, { ...none, search }).devices.map((device) => device.deviceId)
    expect(ids('berlin')).toEqual(['a1', 'a2'])
    expect(ids('BERLIN o2')).toEqual(['a2'])
    expect(ids('999123')).toEqual([])
    expect(ids('170123')).toEqual(['a2'])
  })

  it('counts per status what each status would show', () => {
    const { counts, devices, total, makes } = matching(fleet, { ...none, shelves: ['offline'] })
    expect(devices).toHaveLength(1)
    expect(counts).toEqual({ offline: 1, late: 0, pending: 1, unknown: 0, online: 1 })
    expect(total).toBe(3)
    expect(makes).toEqual(['ejoin', 'http'])
    expect(matching(fleet, { ...none, make: 'ejoin' }).counts.online).toBe(0)
  })
})

describe('the order of devices', () => {
  it('puts trouble first, the fresh before the old', () => {
    const fleet = [
      aDevice('fine'),
      aDevice('old', { status: 'offline', isOnline: false, statusSince: '2026-11-01T00:00:00.000Z' }),
      aDevice('late', { status: 'late', statusSince: '2026-11-20T00:00:00.000Z' }),
      aDevice('new', { status: 'offline', isOnline: false, statusSince: '2026-11-20T00:00:00.000Z' }),
    ]
    expect(orderedIds(fleet, 'status')).toEqual(['new', 'old', 'late', 'fine'])
  })

  it('counts digits as numbers', () => {
    const fleet = [aDevice('gw-10'), aDevice('gw-9'), aDevice('Étage 1'), aDevice('etage 2')]
    expect(orderedIds(fleet, 'name')).toEqual(['Étage 1', 'etage 2', 'gw-9', 'gw-10'])
    expect(foldedName('A7')).toBe('a000000000007')
  })

  it('puts what is not known last, both ways round', () => {
    const fleet = [aDevice('none'), aDevice('low', { batteryLevel: 5 }), aDevice('full', { batteryLevel: 100 })]
    expect(orderedIds(fleet, 'battery')).toEqual(['low', 'full', 'none'])
    expect(orderedIds(fleet, '-battery')).toEqual(['full', 'low', 'none'])
  })

  it('keeps its places by age while heartbeats come in', () => {
    const ranks = new Map()
    const at = (second: number) => new Date(Date.UTC(2026, 10, 21, 0, 0, second)).toISOString()
    const before = [aDevice('a', { lastSeen: at(1) }), aDevice('b', { lastSeen: at(2) })]
    expect(orderedIds(before, '-lastSeen', ranks)).toEqual(['b', 'a'])
    const after = [aDevice('a', { lastSeen: at(30) }), ...before.slice(1), aDevice('c', { lastSeen: at(40) })]
    expect(orderedIds(after, '-lastSeen', ranks)).toEqual(['c', 'b', 'a'])
    expect(orderedIds(after, '-lastSeen')).toEqual(['c', 'a', 'b'])
  })

  it('orders ten thousand in a blink', () => {
    const fleet = Array.from({ length: 10_000 }, (_, i) => aDevice(`gw-${(i * 7919) % 10_000}`))
    orderedIds(fleet, 'name')
    const before = performance.now()
    orderedIds(fleet, 'name')
    expect(performance.now() - before).toBeLessThan(200)
  })
})

describe('boxes and their lines', () => {
  const fleet = [
    aDevice('goip10', { parent: 'box' }),
    aDevice('goip9', { parent: 'box', status: 'offline', isOnline: false }),
    aDevice('alone'),
    aDevice('box', { name: 'goip' }),
    aDevice('rack', { name: 'goip' }),
    aDevice('line', { parent: 'rack' }),
  ]

  it('are counted whatever is filtered', () => {
    const { boxes } = matching(fleet, { ...none, search: 'nothing is called so' })
    expect([...boxes]).toEqual([['box', { online: 1, total: 2 }], ['rack', { online: 1, total: 1 }]])
  })

  it('are found together', () => {
    const { devices, counts, total } = matching(fleet, { ...none, box: 'box' })
    expect(devices.map((device) => device.deviceId)).toEqual(['goip10', 'goip9', 'box'])
    expect([counts.online, counts.offline, total]).toEqual([2, 1, 6])
  })

  it('stand together, the box before its lines', () => {
    expect(orderedIds(fleet, 'box')).toEqual(['alone', 'box', 'goip9', 'goip10', 'rack', 'line'])
  })

  it('are offered by their names, with the id where two have one', () => {
    const { boxes } = matching(fleet, none)
    const known = new Map(fleet.map((device) => [device.deviceId, device]))
    expect(boxesOf(boxes, known)).toEqual([{ id: 'box', label: 'goip (box)' }, { id: 'rack', label: 'goip (rack)' }])
    expect(boxesOf(new Map([['gone', { online: 0, total: 1 }]]), known)).toEqual([{ id: 'gone', label: 'gone' }])
  })
})
