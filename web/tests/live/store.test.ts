import { beforeEach, describe, expect, it } from 'vitest'
import type { WireEvent } from '@/api/types'
import { LiveStore, MESSAGES_KEPT } from '@/live/store'
import { AT, device, event, frame, heartbeat, sms, snapshot, stats } from './samples'

let store: LiveStore
let told: WireEvent[]

beforeEach(() => {
  told = []
  store = new LiveStore(() => {}, (event) => told.push(event))
  store.takeSnapshot(snapshot('e:10', [device('a', 5), device('b', 9)]))
  store.takeDirt()
})

describe('a frame that follows the cursor', () => {
  it('replaces the row and moves the cursor', () => {
    const outcome = store.takeFrame(frame('e:10', 'e:11', [heartbeat('a', 11, { batteryLevel: 20 })]))
    expect(outcome).toEqual({ kind: 'applied', n: 1 })
    expect(store.devices.get('a')?.batteryLevel).toBe(20)
    expect(store.cursor).toBe('e:11')
  })

  it('moves the cursor without events too, for the rooms may have had none', () => {
    store.takeFrame(frame('e:10', 'e:25'))
    expect(store.cursor).toBe('e:25')
  })

  it('tells only the rows that changed', () => {
    store.takeFrame(frame('e:10', 'e:11', [heartbeat('b', 11)]))
    expect([...store.takeDirt().devices]).toEqual(['b'])
    expect(store.takeDirt().devices.size).toBe(0)
  })

  it('freezes rows, so that nobody changes them under a reader', () => {
    store.takeFrame(frame('e:10', 'e:11', [heartbeat('a', 11)]))
    expect(Object.isFrozen(store.devices.get('a'))).toBe(true)
  })

  it('applies events in the order of their numbers, however they stand in the frame', () => {
    const events = [heartbeat('a', 13, { batteryLevel: 13 }), heartbeat('a', 12, { batteryLevel: 12 })]
    store.takeFrame(frame('e:10', 'e:13', events))
    expect(store.devices.get('a')?.batteryLevel).toBe(13)
    expect(told.map((event) => event.seq)).toEqual([12, 13])
  })
})

describe('a frame that comes twice', () => {
  it('changes nothing the second time', () => {
    const twice = frame('e:10', 'e:12', [event(12, 'sms-received', sms('1', 12))])
    store.takeFrame(twice)
    expect(store.takeFrame(twice)).toEqual({ kind: 'applied', n: 0 })
    expect(store.messages).toHaveLength(1)
    expect(told).toHaveLength(1)
  })

  it('gives only its new part where it overlaps with what another transport brought', () => {
    store.takeFrame(frame('e:10', 'e:12', [heartbeat('a', 11), heartbeat('b', 12)]))
    const outcome = store.takeFrame(frame('e:11', 'e:13', [heartbeat('b', 12), heartbeat('a', 13)]))
    expect(outcome).toEqual({ kind: 'applied', n: 1 })
    expect(store.cursor).toBe('e:13')
  })

  it('never moves the cursor back', () => {
    store.takeFrame(frame('e:10', 'e:20'))
    store.takeFrame(frame('e:10', 'e:15'))
    expect(store.cursor).toBe('e:20')
  })

  it('tells an event of two rooms once', () => {
    const seen = heartbeat('a', 11)
    store.takeFrame(frame('e:10', 'e:11', [seen, { ...seen, room: 'device-a' }]))
    expect(told).toHaveLength(1)
  })

  it('keeps two events that share a number', () => {
    const change = { deviceId: 'a', previousStatus: 'offline', currentStatus: 'online', isOnline: true, isNewDevice: false, reason: 'x', at: AT, seq: 11 }
    store.takeFrame(frame('e:10', 'e:11', [heartbeat('a', 11), event(11, 'device-status-change', change)]))
    expect(store.changes).toHaveLength(1)
    expect(told).toHaveLength(2)
  })
})

describe('a gap', () => {
  it('is told, and nothing of the frame is taken', () => {
    expect(store.takeFrame(frame('e:12', 'e:14', [heartbeat('a', 14)]))).toEqual({ kind: 'gap' })
    expect(store.cursor).toBe('e:10')
    expect(store.devices.get('a')?.seq).toBe(5)
  })

  it('closes when the missing frame comes after the later one', () => {
    const late = frame('e:12', 'e:14', [heartbeat('a', 14)])
    store.takeFrame(late)
    store.takeFrame(frame('e:10', 'e:12', [heartbeat('b', 12)]))
    expect(store.takeFrame(late)).toEqual({ kind: 'applied', n: 1 })
    expect(store.cursor).toBe('e:14')
  })
})

describe('a cursor that is worth nothing', () => {
  it('is lost in another epoch', () => {
    expect(store.takeFrame(frame('f:1', 'f:2', [heartbeat('a', 2)]))).toEqual({ kind: 'lost' })
    expect(store.devices.get('a')?.seq).toBe(5)
  })

  it('is lost where the server says so without a snapshot', () => {
    expect(store.takeFrame(frame('e:10', 'e:99', [], { recovered: false }))).toEqual({ kind: 'lost' })
  })

  it('is replaced by the snapshot in the frame, and by the events after it', () => {
    const state = snapshot('f:3', [device('c', 2)])
    const outcome = store.takeFrame(frame(null, 'f:4', [heartbeat('d', 4)], { recovered: false, state }))
    expect(outcome).toEqual({ kind: 'replaced' })
    expect([...store.devices.keys()]).toEqual(['c', 'd'])
    expect(store.cursor).toBe('f:4')
  })
})

describe('a snapshot', () => {
  it('removes what is gone, and leaves alone what is the same', () => {
    store.takeSnapshot(snapshot('e:20', [device('a', 5)]))
    expect([...store.takeDirt().devices]).toEqual(['b'])
    expect(store.devices.has('b')).toBe(false)
  })

  it('of a server that was set back is taken, and what came after it is asked for again', () => {
    store.takeFrame(frame('e:10', 'e:30', [heartbeat('a', 30), event(30, 'sms-received', sms('1', 30))]))
    store.takeSnapshot(snapshot('e:20', [device('a', 5)]))
    expect(store.cursor).toBe('e:20')
    expect(store.devices.get('a')?.seq).toBe(5)
    expect(store.messages).toEqual([])
    expect(store.takeFrame(frame('e:30', 'e:31', [heartbeat('a', 31)]))).toEqual({ kind: 'gap' })
  })

  it('that goes on from here keeps the messages', () => {
    store.takeFrame(frame('e:10', 'e:12', [event(12, 'sms-received', sms('1', 12))]))
    store.takeSnapshot(snapshot('e:40', []))
    expect(store.messages).toHaveLength(1)
  })

  it('of another epoch is taken with whatever number', () => {
    store.takeSnapshot(snapshot('f:1', [device('a', 1)]))
    expect(store.cursor).toBe('f:1')
    expect([...store.takeDirt().devices].sort()).toEqual(['a', 'b'])
  })
})

describe('facts', () => {
  it('of a changed status change the row too', () => {
    const change = { deviceId: 'a', previousStatus: 'online', currentStatus: 'offline', isOnline: false, isNewDevice: false, reason: 'silent', at: AT, seq: 11 }
    store.takeFrame(frame('e:10', 'e:11', [event(11, 'device-status-change', change)]))
    expect(store.devices.get('a')).toMatchObject({ status: 'offline', isOnline: false, statusReason: 'silent' })
    expect(store.changes[0]).toMatchObject({ event: 'device-status-change', seq: 11 })
  })

  it('of a removed device take its row away', () => {
    store.takeFrame(frame('e:10', 'e:11', [event(11, 'device-removed', { deviceId: 'a', at: AT, seq: 11 })]))
    expect(store.devices.has('a')).toBe(false)
    expect([...store.takeDirt().devices]).toEqual(['a'])
  })

  it('of an unknown name are passed on and do no harm', () => {
    expect(store.takeFrame(frame('e:10', 'e:11', [event(11, 'alert:new', {})]))).toEqual({ kind: 'applied', n: 1 })
    expect(told[0]?.event).toBe('alert:new')
  })
})

describe('messages', () => {
  it('stand newest first, and only so many', () => {
    const events = Array.from({ length: MESSAGES_KEPT + 50 }, (_, i) => event(11 + i, 'sms-received', sms(String(i), 11 + i)))
    store.takeFrame(frame('e:10', `e:${11 + events.length}`, events))
    expect(store.messages).toHaveLength(MESSAGES_KEPT)
    expect(store.messages[0]?.id).toBe(String(MESSAGES_KEPT + 49))
  })

  it('that were fetched mix with those that came live, each once', () => {
    store.takeFrame(frame('e:10', 'e:12', [event(12, 'sms-received', sms('2', 12))]))
    store.addMessages([sms('2', 12), sms('1', 8)])
    expect(store.messages.map((message) => message.id)).toEqual(['2', '1'])
  })
})

it('takes the row of an answer, but not over a newer one', () => {
  store.putDevice(device('a', 6, { name: 'renamed' }))
  expect(store.devices.get('a')?.name).toBe('renamed')
  store.putDevice(device('a', 4, { name: 'stale' }))
  expect(store.devices.get('a')?.name).toBe('renamed')
})

it('takes the newest stats', () => {
  store.takeFrame(frame('e:10', 'e:11', [event(11, 'stats-update', stats(11, 7))]))
  expect(store.stats?.totalDevices).toBe(7)
})

it('forgets everything when cleared', () => {
  store.clear()
  expect(store.devices.size).toBe(0)
  expect(store.cursor).toBeNull()
  expect([...store.takeDirt().devices].sort()).toEqual(['a', 'b'])
})
