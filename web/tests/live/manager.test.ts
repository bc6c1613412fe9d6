import { beforeEach, describe, expect, it, vi } from 'vitest'
import { backoff, CLIMB_AFTER, LinkManager, OPEN_WITHIN, QUIET_LIMIT } from '@/live/manager'
import { LiveStore } from '@/live/store'
import { FakeClock, FakeTransport, settle } from './fakes'
import { device, frame, heartbeat, snapshot } from './samples'

let clock: FakeClock
let store: LiveStore
let socket: FakeTransport
let polling: FakeTransport
let manager: LinkManager
const fetchSnapshot = vi.fn()
const refresh = vi.fn()
const onExpired = vi.fn()
const onReconnect = vi.fn()
const onReplaced = vi.fn()

beforeEach(() => {
  clock = new FakeClock()
  store = new LiveStore()
  socket = new FakeTransport('socketio')
  polling = new FakeTransport('polling')
  for (const mock of [fetchSnapshot, refresh, onExpired, onReconnect, onReplaced]) mock.mockReset()
  fetchSnapshot.mockImplementation(async () => snapshot('e:10', [device('a', 5)]))
  refresh.mockResolvedValue(true)
  manager = new LinkManager({ store, clock, fetchSnapshot, refresh, onLink: () => {}, onExpired, onReconnect, onReplaced })
})

async function connect(): Promise<void> {
  manager.start([socket, polling])
  await settle()
  socket.line.open('e:10')
}

/** The server is gone: every rung that is tried fails at once. */
async function failRound(): Promise<void> {
  socket.line.fail()
  await settle()
  polling.line.fail()
  await settle()
}

describe('the start', () => {
  it('takes a snapshot, then opens the best rung from its cursor', async () => {
    manager.start([socket, polling])
    expect(manager.link.phase).toBe('connecting')
    await settle()
    expect(socket.line.cursor).toBe('e:10')
    socket.line.open('e:10')
    expect(manager.link).toMatchObject({ phase: 'connected', transport: 'socketio', staleSince: null })
  })

  it('is an error, tried again, while the server gives no snapshot', async () => {
    fetchSnapshot.mockRejectedValueOnce(new Error('down'))
    manager.start([socket, polling])
    await settle()
    expect(manager.link.phase).toBe('error')
    expect(socket.lines).toHaveLength(0)
    await clock.advance(2_000)
    socket.line.open()
    expect(manager.link.phase).toBe('connected')
  })

  it('does not count as an outage', async () => {
    await connect()
    expect(manager.link.note).toBeNull()
    expect(onReconnect).not.toHaveBeenCalled()
  })
})

describe('the way down', () => {
  it('leads to polling where the socket cannot be opened', async () => {
    manager.start([socket, polling])
    await settle()
    socket.line.fail()
    await settle()
    polling.line.open()
    expect(manager.link).toMatchObject({ phase: 'polling', transport: 'polling' })
  })

  it('is taken when the socket does not open in time', async () => {
    manager.start([socket, polling])
    await clock.advance(OPEN_WITHIN)
    expect(socket.line.isClosed).toBe(true)
    expect(polling.lines).toHaveLength(1)
  })

  it('keeps the cursor, so that nothing is lost or told twice', async () => {
    await connect()
    socket.line.frame(frame('e:10', 'e:12', [heartbeat('a', 12)]))
    socket.line.fail('lost')
    await clock.advance(1_000)
    socket.line.fail()
    await settle()
    expect(polling.line.cursor).toBe('e:12')
    polling.line.open()
    polling.line.frame(frame('e:11', 'e:13', [heartbeat('a', 12), heartbeat('a', 13)]))
    expect(store.cursor).toBe('e:13')
    expect(fetchSnapshot).toHaveBeenCalledTimes(1)
  })
})

describe('the way up', () => {
  beforeEach(async () => {
    manager.start([socket, polling])
    await settle()
    socket.line.fail()
    await settle()
    polling.line.open()
  })

  it('leaves polling only once the better rung is open', async () => {
    await clock.advance(CLIMB_AFTER[0]!)
    expect(socket.lines).toHaveLength(2)
    expect(polling.line.isClosed).toBe(false)
    socket.line.open()
    expect(polling.line.isClosed).toBe(true)
    expect(manager.link).toMatchObject({ phase: 'connected', note: null })
  })

  it('is tried ever more rarely, and polling goes on meanwhile', async () => {
    await clock.advance(CLIMB_AFTER[0]!)
    socket.line.fail()
    polling.line.heard()
    await clock.advance(CLIMB_AFTER[1]! - 1)
    expect(socket.lines).toHaveLength(2)
    await clock.advance(1)
    expect(socket.lines).toHaveLength(3)
    expect(manager.link.phase).toBe('polling')
  })
})

describe('the back-off', () => {
  it('doubles up to its limit, half of it by chance', () => {
    expect([0, 1, 2, 3].map((n) => backoff(n, 0))).toEqual([500, 1_000, 2_000, 4_000])
    expect(backoff(0, 0.999)).toBeLessThan(1_000)
    expect(backoff(50, 1)).toBe(15_000)
  })

  it('grows with every round that fails, and says when the next try is', async () => {
    await connect()
    socket.line.fail('lost')
    expect(manager.link.phase).toBe('connecting')
    await clock.advance(500)
    for (const wait of [1_000, 2_000, 4_000]) {
      await failRound()
      expect(manager.link.phase).toBe('error')
      expect(manager.link.retryAt).toBe(clock.now() + wait)
      await clock.advance(wait)
    }
    expect(socket.lines).toHaveLength(5)
  })

  it('ends at once when asked', async () => {
    await connect()
    socket.line.fail('lost')
    manager.retryNow()
    await settle()
    expect(socket.lines).toHaveLength(2)
    manager.retryNow()
    await settle()
    expect(socket.lines).toHaveLength(2)
  })
})

describe('silence', () => {
  it('past the limit is a broken line, even though the socket says nothing', async () => {
    await connect()
    await clock.advance(QUIET_LIMIT)
    expect(socket.lines[0]!.isClosed).toBe(true)
    expect(manager.link.phase).not.toBe('connected')
  })

  it('is broken by a ping', async () => {
    await connect()
    await clock.advance(QUIET_LIMIT - 1)
    socket.line.heard()
    expect(manager.link.lastHeardAt).toBe(clock.now())
    await clock.advance(QUIET_LIMIT - 1)
    expect(manager.link.phase).toBe('connected')
  })
})

describe('an outage', () => {
  it('greys the page as of the last sign of life, until the line is back', async () => {
    await connect()
    await clock.advance(3_000)
    socket.line.heard()
    const last = clock.now()
    await clock.advance(2_000)
    socket.line.fail('lost')
    expect(manager.link.staleSince).toBe(last)
    await clock.advance(1_000)
    socket.line.open()
    expect(manager.link.staleSince).toBeNull()
  })

  it('ends with the number of events replayed, once all of them are here', async () => {
    await connect()
    socket.line.fail('lost')
    await clock.advance(500)
    await failRound()
    await clock.advance(1_000)
    socket.line.open('e:12')
    expect(manager.link.note).toBeNull()
    socket.line.frame(frame('e:10', 'e:12', [heartbeat('a', 11), heartbeat('a', 12)]))
    expect(manager.link.note).toEqual({ kind: 'replayed', n: 2 })
    expect(onReconnect).toHaveBeenCalledTimes(1)
    manager.dismissNote()
    socket.line.frame(frame('e:12', 'e:13', [heartbeat('a', 13)]))
    expect(manager.link.note).toBeNull()
  })

  it('ends with a gap where only a snapshot could help', async () => {
    await connect()
    socket.line.fail('lost')
    await clock.advance(500)
    await failRound()
    await clock.advance(1_000)
    socket.line.open('f:2')
    socket.line.frame(frame(null, 'f:2', [], { recovered: false, state: snapshot('f:2', []) }))
    expect(manager.link.note).toEqual({ kind: 'gap' })
    expect(onReplaced).toHaveBeenCalledTimes(2)
    expect(store.devices.size).toBe(0)
  })

  it.each([['before', true], ['after', false]])('ends with a gap where the snapshot comes %s the answer', async (_when, isBefore) => {
    await connect()
    socket.line.fail('lost')
    await clock.advance(500)
    await failRound()
    await clock.advance(1_000)
    const bring = () => socket.line.frame(frame('e:10', 'e:4', [], { recovered: false, state: snapshot('e:4', []) }))
    if (isBefore) bring()
    socket.line.open('e:4', false)
    if (!isBefore) {
      expect(manager.link.note).toBeNull()
      bring()
    }
    expect(manager.link.note).toEqual({ kind: 'gap' })
  })

  it('of a moment is not worth a word', async () => {
    await connect()
    socket.line.fail('lost')
    await clock.advance(600)
    socket.line.open('e:10')
    expect(manager.link).toMatchObject({ phase: 'connected', note: null })
    expect(onReconnect).toHaveBeenCalledTimes(1)
  })
})

describe('a line that lost its place', () => {
  beforeEach(connect)

  it('asks again from the own cursor after a gap', () => {
    socket.line.frame(frame('e:12', 'e:13', [heartbeat('a', 13)]))
    expect(socket.line.resumed).toEqual(['e:10'])
  })

  it('fetches a snapshot after another epoch, and goes on from there', async () => {
    fetchSnapshot.mockResolvedValueOnce(snapshot('f:3', []))
    socket.line.frame(frame('f:1', 'f:2', []))
    socket.line.frame(frame('f:2', 'f:3', []))
    await settle()
    expect(fetchSnapshot).toHaveBeenCalledTimes(2)
    expect(socket.line.resumed).toEqual(['f:3'])
  })

  it('fetches a snapshot when told to resync', async () => {
    fetchSnapshot.mockResolvedValueOnce(snapshot('e:50', []))
    socket.line.resync()
    await settle()
    expect(store.cursor).toBe('e:50')
    expect(socket.line.resumed).toEqual(['e:50'])
  })

  it('is given up where there is no snapshot', async () => {
    fetchSnapshot.mockRejectedValueOnce(new Error('down'))
    socket.line.resync()
    await settle()
    expect(socket.line.isClosed).toBe(true)
    expect(manager.link.phase).toBe('connecting')
  })
})

describe('the session', () => {
  it('that ran out is renewed, and the same rung opened again', async () => {
    manager.start([socket, polling])
    await settle()
    socket.line.fail('unauthorized')
    await settle()
    expect(refresh).toHaveBeenCalledTimes(1)
    expect(socket.lines).toHaveLength(2)
  })

  it('that is over stops everything and is told', async () => {
    refresh.mockResolvedValue(false)
    await connect()
    socket.line.fail('unauthorized')
    await settle()
    expect(onExpired).toHaveBeenCalledTimes(1)
    expect(store.devices.size).toBe(0)
    await clock.advance(600_000)
    expect(socket.lines).toHaveLength(1)
  })

  it('is renewed once only where the server refuses the new one too', async () => {
    manager.start([socket, polling])
    await settle()
    socket.line.fail('unauthorized')
    await settle()
    socket.line.fail('unauthorized')
    await settle()
    expect(refresh).toHaveBeenCalledTimes(1)
    expect(polling.lines).toHaveLength(1)
  })

  it('gets a fresh line beside the old one, without a gap', async () => {
    await connect()
    manager.reopen()
    expect(socket.lines).toHaveLength(2)
    expect(socket.lines[0]!.isClosed).toBe(false)
    socket.line.open('e:10')
    expect(socket.lines[0]!.isClosed).toBe(true)
    expect(manager.link).toMatchObject({ phase: 'connected', staleSince: null, note: null })
  })
})

it('stops altogether when stopped', async () => {
  await connect()
  manager.stop()
  expect(socket.line.isClosed).toBe(true)
  expect(clock.pending).toBe(0)
  expect(store.cursor).toBeNull()
  socket.line.frame(frame('e:10', 'e:11', [heartbeat('a', 11)]))
  expect(store.devices.size).toBe(0)
})
