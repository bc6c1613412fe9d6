import { beforeEach, describe, expect, it } from 'vitest'
import type { Frame } from '@/api/types'
import { LinkManager, STABLE_AFTER } from '@/live/manager'
import { LiveStore } from '@/live/store'
import { parseSse } from '@/live/transports/sse'
import type { Connection, Transport, TransportState } from '@/live/types'
import { FakeClock, settle } from './fakes'
import { device, frame, heartbeat, snapshot } from './samples'
import { pollingWire, socketIoWire, sseWire, webSocketWire, type Missed, type Wire } from './wires'

const WIRES = { socketio: socketIoWire, websocket: webSocketWire, sse: sseWire, polling: pollingWire }

describe.each(Object.entries(WIRES))('over %s', (name, build) => {
  let wire: Wire
  let frames: Frame[]
  let states: TransportState[]
  let connection: Connection

  const kinds = () => states.map((state) => state.kind).filter((kind) => kind !== 'heard')

  beforeEach(() => {
    wire = build()
    frames = []
    states = []
    connection = wire.transport.open('e:10', (frame) => frames.push(frame), (state) => states.push(state))
  })

  it('goes by its name, and says nothing before open has returned', () => {
    expect(wire.transport.name).toBe(name)
    expect(states).toEqual([])
    expect(frames).toEqual([])
  })

  it('asks from the cursor, and is open once the server has taken it', async () => {
    await wire.accept('e:10')
    expect((await wire.askedFrom())[0]).toBe('e:10')
    expect(kinds()).toEqual(['open'])
  })

  it('brings events to the store in order, and its cursor forward', async () => {
    const store = new LiveStore()
    store.takeSnapshot(snapshot('e:10', [device('a', 1)]))
    await wire.accept('e:10')
    await wire.send(frame('e:10', 'e:11', [heartbeat('a', 11, { batteryLevel: 1 })]))
    await wire.send(frame('e:11', 'e:13', [heartbeat('b', 12), heartbeat('a', 13, { batteryLevel: 3 })]))
    for (const frame of frames) expect(store.takeFrame(frame).kind).toBe('applied')
    expect(store.cursor).toBe('e:13')
    expect(store.devices.get('a')?.batteryLevel).toBe(3)
    expect(store.devices.has('b')).toBe(true)
  })

  it('moves the cursor where its rooms had nothing, and keeps events that share a number', async () => {
    const store = new LiveStore()
    store.takeSnapshot(snapshot('e:10', [device('a', 1)]))
    await wire.accept('e:10')
    await wire.send(frame('e:10', 'e:15'))
    const shared = { ...heartbeat('b', 16), event: 'device-updated' }
    await wire.send(frame('e:15', 'e:16', [heartbeat('a', 16), shared]))
    for (const frame of frames) store.takeFrame(frame)
    expect(store.cursor).toBe('e:16')
    expect(store.changes).toHaveLength(1)
  })

  it('goes on from a snapshot where the cursor could not be recovered', async () => {
    const store = new LiveStore()
    store.takeSnapshot(snapshot('old:10', [device('a', 1)]))
    await wire.accept('e:20')
    await wire.sendSnapshot(snapshot('e:20', [device('b', 19)]))
    await wire.send(frame('e:20', 'e:21', [heartbeat('c', 21)]))
    const outcomes = frames.filter((frame) => frame.state || frame.events.length).map((frame) => store.takeFrame(frame).kind)
    expect(outcomes).toEqual(['replaced', 'applied'])
    expect([...store.devices.keys()]).toEqual(['b', 'c'])
  })

  describe('an outage', () => {
    const clock = new FakeClock()
    const store = new LiveStore()
    let manager: LinkManager

    /** The line breaks, and a second later the server takes the next one. */
    async function breakAndReturn(missed: Missed): Promise<void> {
      const [first, second] = [build(), build()]
      const wires = [first, second]
      const transport: Transport = { name: first.transport.name, open: (...line) => wires.shift()!.transport.open(...line) }
      const fetchSnapshot = async () => snapshot('e:10', [device('a', 5)])
      const deaf = { onLink: () => {}, onTaken: () => {}, onExpired: () => {}, onReplaced: () => {}, onReconnect: () => {} }
      manager = new LinkManager({ store, clock, fetchSnapshot, refresh: async () => true, ...deaf })
      clock.chance = 1
      store.clear()
      manager.start([transport])
      await settle()
      await first.accept('e:10')
      await clock.advance(STABLE_AFTER)
      await first.break()
      await clock.advance(1_000)
      await second.accept('e:12', missed)
    }

    it('ends with the word that it is complete, and how many events were replayed', async () => {
      await breakAndReturn({ events: [heartbeat('a', 11), heartbeat('b', 12)] })
      expect(manager.link.note).toEqual({ kind: 'replayed', n: 2, lasted: 1_000 })
      expect(manager.link.log[0]).toMatchObject({ transport: name, why: 'back', note: { n: 2 } })
      expect(store.cursor).toBe('e:12')
    })

    it('ends with the word that there is a gap, where only a snapshot could help', async () => {
      await breakAndReturn({ state: snapshot('e:12', [device('b', 12)]) })
      expect(manager.link.note).toEqual({ kind: 'gap', lasted: 1_000 })
      expect([...store.devices.keys()]).toEqual(['b'])
    })
  })

  it('tells that the session is not accepted', async () => {
    await wire.refuse()
    expect(states).toMatchObject([{ kind: 'closed', code: 'unauthorized' }])
  })

  it('tells that the server cannot be reached', async () => {
    await wire.unreachable()
    expect(states).toMatchObject([{ kind: 'closed', code: 'unreachable' }])
  })

  it('tells once that the line broke, and lets go of it', async () => {
    await wire.accept('e:10')
    await wire.break()
    expect(kinds()).toEqual(['open', 'closed'])
    expect(wire.isHeld()).toBe(false)
  })

  it('says nothing more once it is closed, and lets go of the line', async () => {
    await wire.accept('e:10')
    const said = states.length
    const brought = frames.length
    connection.close()
    expect(wire.isHeld()).toBe(false)
    await wire.send(frame('e:10', 'e:11', [heartbeat('a', 11)])).catch(() => {})
    await wire.break().catch(() => {})
    expect(states).toHaveLength(said)
    expect(frames).toHaveLength(brought)
  })

  it('asks again from where it is told to', async () => {
    await wire.accept('e:10')
    connection.resume('e:12')
    expect((await wire.askedFrom()).at(-1)).toBe('e:12')
    expect(kinds()).toEqual(['open'])
  })
})

it('over sse, events that share a number stay together, however the network cuts the stream', async () => {
  const wire = sseWire()
  const store = new LiveStore()
  store.takeSnapshot(snapshot('e:10', [device('a', 1)]))
  wire.transport.open('e:10', (frame) => store.takeFrame(frame), () => {})
  await wire.accept('e:11', { events: [heartbeat('a', 11), { ...heartbeat('b', 11), event: 'device-updated' }] })
  expect(store.cursor).toBe('e:11')
  expect([...store.devices.keys()]).toEqual(['a', 'b'])
})

describe('a block of server-sent events', () => {
  it('is read with its fields, several lines of data joined', () => {
    expect(parseSse('id: e:5\nevent: x\ndata: a\ndata:b')).toEqual({ id: 'e:5', event: 'x', data: 'a\nb' })
  })

  it('without data is none', () => {
    expect(parseSse(': still here')).toBeNull()
    expect(parseSse('retry: 1000')).toBeNull()
  })

  it('may move the cursor alone', () => {
    expect(parseSse('id: e:7')).toEqual({ id: 'e:7', event: 'message', data: null })
  })
})
