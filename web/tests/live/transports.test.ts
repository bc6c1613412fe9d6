import { beforeEach, describe, expect, it } from 'vitest'
import type { Frame } from '@/api/types'
import { LiveStore } from '@/live/store'
import { parseSse } from '@/live/transports/sse'
import type { Connection, TransportState } from '@/live/types'
import { device, frame, heartbeat, snapshot } from './samples'
import { pollingWire, socketIoWire, sseWire, webSocketWire, type Wire } from './wires'

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
