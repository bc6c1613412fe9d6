import { beforeEach, describe, expect, it, vi } from 'vitest'
import { backoff } from '@/live/backoff'
import { CHANGES_LOGGED, CLIMB_WITHIN, LinkManager, OPEN_WITHIN, QUIET_LIMIT, STABLE_AFTER } from '@/live/manager'
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
const onTaken = vi.fn()

beforeEach(() => {
  clock = new FakeClock()
  // Every wait is its longest, unless a test says otherwise.
  clock.chance = 1
  store = new LiveStore()
  socket = new FakeTransport('socketio')
  polling = new FakeTransport('polling')
  for (const mock of [fetchSnapshot, refresh, onExpired, onReconnect, onReplaced, onTaken]) mock.mockReset()
  fetchSnapshot.mockImplementation(async () => snapshot('e:10', [device('a', 5)]))
  refresh.mockResolvedValue(true)
  const heard = { onLink: () => {}, onTaken, onExpired, onReconnect, onReplaced }
  manager = new LinkManager({ store, clock, fetchSnapshot, refresh, ...heard })
})

async function connect(): Promise<void> {
  manager.start([socket, polling])
  await settle()
  socket.line.open('e:10')
}

/** A line that has held for so long that its end is nothing but that. */
async function holdLong(): Promise<void> {
  await connect()
  await clock.advance(STABLE_AFTER)
  socket.line.heard()
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
    await clock.advance(2_000)
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
    await clock.advance(CLIMB_WITHIN[0]!)
    expect(socket.lines).toHaveLength(2)
    expect(polling.line.isClosed).toBe(false)
    socket.line.open()
    expect(polling.line.isClosed).toBe(true)
    expect(manager.link).toMatchObject({ phase: 'connected', note: null })
  })

  it('is tried ever more rarely, and polling goes on meanwhile', async () => {
    await clock.advance(CLIMB_WITHIN[0]!)
    socket.line.fail()
    polling.line.heard()
    await clock.advance(CLIMB_WITHIN[1]! - 1)
    expect(socket.lines).toHaveLength(2)
    await clock.advance(1)
    expect(socket.lines).toHaveLength(3)
    expect(manager.link.phase).toBe('polling')
  })

  it('stays rare however long the lower rung holds', async () => {
    const failAfter = async (wait: number) => {
      for (let passed = 0; passed < wait; passed += 5_000) {
        polling.line.heard()
        await clock.advance(5_000)
      }
      socket.line.fail()
    }
    for (const wait of CLIMB_WITHIN.slice(0, 3)) await failAfter(wait)
    expect(socket.lines).toHaveLength(4)
    await failAfter(CLIMB_WITHIN[3]! - 5_000)
    expect(socket.lines).toHaveLength(4)
  })
})

describe('the back-off', () => {
  it('doubles up to its limit, all of it by chance', () => {
    expect([0, 1, 2, 3].map((n) => backoff(n, 1))).toEqual([1_000, 2_000, 4_000, 8_000])
    expect(backoff(50, 1)).toBe(15_000)
    expect([0, 3, 50].map((n) => backoff(n, 0))).toEqual([200, 200, 200])
    expect(backoff(50, 0.5)).toBe(7_600)
  })

  it('grows with every round that fails, and says when the next try is', async () => {
    await holdLong()
    socket.line.fail('lost')
    expect(manager.link.phase).toBe('connecting')
    await clock.advance(1_000)
    for (const wait of [2_000, 4_000, 8_000]) {
      await failRound()
      expect(manager.link.phase).toBe('error')
      expect(manager.link.retryAt).toBe(clock.now() + wait)
      await clock.advance(wait)
    }
    expect(socket.lines).toHaveLength(5)
  })

  it('grows with every line that opens and breaks soon, and starts anew after one that held', async () => {
    await connect()
    for (const wait of [2_000, 4_000, 8_000]) {
      await clock.advance(STABLE_AFTER - 1)
      socket.line.fail('lost')
      expect(manager.link.retryAt).toBe(clock.now() + wait)
      await clock.advance(wait)
      socket.line.open('e:10')
    }
    await clock.advance(STABLE_AFTER)
    socket.line.fail('lost')
    expect(manager.link.retryAt).toBe(clock.now() + 1_000)
  })

  it('brings a hundred pages back at a hundred different times', async () => {
    const tries = new Set<number | null>()
    for (let n = 0; n < 100; n++) {
      clock.chance = n / 100
      manager.stop()
      await holdLong()
      const now = clock.now()
      socket.line.fail('lost')
      tries.add(manager.link.retryAt! - now)
    }
    expect(tries.size).toBe(100)
    expect(Math.max(...(tries as Set<number>)) - Math.min(...(tries as Set<number>))).toBeGreaterThan(700)
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
    await holdLong()
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
    await holdLong()
    socket.line.fail('lost')
    await clock.advance(1_000)
    await failRound()
    await clock.advance(2_000)
    socket.line.open('e:12')
    expect(manager.link.note).toBeNull()
    socket.line.frame(frame('e:10', 'e:12', [heartbeat('a', 11), heartbeat('a', 12)]))
    expect(manager.link.note).toEqual({ kind: 'replayed', n: 2, lasted: 3_000 })
    expect(onReconnect).toHaveBeenCalledTimes(1)
    manager.dismissNote()
    socket.line.frame(frame('e:12', 'e:13', [heartbeat('a', 13)]))
    expect(manager.link.note).toBeNull()
  })

  it('ends with a gap where only a snapshot could help', async () => {
    await holdLong()
    socket.line.fail('lost')
    await clock.advance(1_000)
    await failRound()
    await clock.advance(2_000)
    socket.line.open('f:2')
    socket.line.frame(frame(null, 'f:2', [], { recovered: false, state: snapshot('f:2', []) }))
    expect(manager.link.note).toEqual({ kind: 'gap', lasted: 3_000 })
    expect(onReplaced).toHaveBeenCalledTimes(2)
    expect(store.devices.size).toBe(0)
  })

  it.each([['before', true], ['after', false]])('ends with a gap where the snapshot comes %s the answer', async (_when, isBefore) => {
    await holdLong()
    socket.line.fail('lost')
    await clock.advance(1_000)
    await failRound()
    await clock.advance(2_000)
    const bring = () => socket.line.frame(frame('e:10', 'e:4', [], { recovered: false, state: snapshot('e:4', []) }))
    if (isBefore) bring()
    socket.line.open('e:4', false)
    if (!isBefore) {
      expect(manager.link.note).toBeNull()
      bring()
    }
    expect(manager.link.note).toEqual({ kind: 'gap', lasted: 3_000 })
  })

  it('of a moment is not worth a word', async () => {
    await holdLong()
    clock.chance = 0.5
    socket.line.fail('lost')
    await clock.advance(600)
    socket.line.open('e:10')
    expect(manager.link).toMatchObject({ phase: 'connected', note: null })
    expect(manager.link.log[0]?.note).toEqual({ kind: 'replayed', n: 0, lasted: 600 })
    expect(onReconnect).toHaveBeenCalledTimes(1)
  })

  it('that only silence told of began with the silence', async () => {
    await holdLong()
    await clock.advance(QUIET_LIMIT)
    await clock.advance(1_000)
    socket.line.open('e:10')
    expect(manager.link.note).toEqual({ kind: 'replayed', n: 0, lasted: QUIET_LIMIT + 1_000 })
  })
})

describe('the log', () => {
  const told = () => manager.link.log.map(({ transport, why }) => `${transport ?? 'none'}: ${why}`)

  it('tells each change of transport with its time and reason, newest first', async () => {
    await holdLong()
    socket.line.fail('lost')
    const brokeAt = clock.now()
    await clock.advance(1_000)
    socket.line.fail('unreachable')
    await settle()
    polling.line.open('e:12')
    polling.line.frame(frame('e:10', 'e:12', [heartbeat('a', 12)]))
    const backAt = clock.now()
    await clock.advance(CLIMB_WITHIN[0]!)
    socket.line.open('e:12')
    expect(told()).toEqual(['socketio: climbed', 'polling: fell', 'none: lost', 'socketio: opened'])
    expect(manager.link.log[2]).toMatchObject({ at: brokeAt, note: null })
    expect(manager.link.log[1]).toMatchObject({ at: backAt, note: { kind: 'replayed', n: 1, lasted: backAt - brokeAt } })
  })

  it('says nothing of a line that is only opened anew for a fresh session', async () => {
    await connect()
    manager.reopen()
    socket.line.open('e:10')
    expect(told()).toEqual(['socketio: opened'])
  })

  it('holds the last twenty, and none of an earlier reader', async () => {
    await connect()
    for (let n = 0; n < CHANGES_LOGGED; n++) {
      await clock.advance(STABLE_AFTER)
      socket.line.fail('refused')
      await clock.advance(1_000)
      socket.line.open('e:10')
    }
    expect(manager.link.log).toHaveLength(CHANGES_LOGGED)
    expect(told().slice(0, 2)).toEqual(['socketio: back', 'none: refused'])
    manager.stop()
    expect(told()).toEqual([])
  })
})

describe('other transports', () => {
  it('go on from the own cursor, and the moment between is an outage', async () => {
    await holdLong()
    socket.line.frame(frame('e:10', 'e:12', [heartbeat('a', 12)]))
    manager.switchTo([polling], 'followed')
    await settle()
    expect(socket.line.isClosed).toBe(true)
    expect(polling.line.cursor).toBe('e:12')
    expect(manager.link.staleSince).not.toBeNull()
    polling.line.open('e:12')
    expect(manager.link).toMatchObject({ phase: 'polling', staleSince: null })
    expect(manager.link.log[0]).toMatchObject({ transport: 'polling', why: 'followed' })
    expect(fetchSnapshot).toHaveBeenCalledTimes(1)
  })

  it('are taken at once, even while the others wait for their next try', async () => {
    await holdLong()
    socket.line.fail('lost')
    manager.switchTo([polling], 'tookOver')
    await settle()
    polling.line.open('e:10')
    await clock.advance(60_000)
    expect(socket.lines).toHaveLength(1)
  })

  it('do not fail with the snapshot that the others waited for', async () => {
    let refuse: (error: Error) => void = () => {}
    fetchSnapshot.mockImplementationOnce(() => new Promise((_, reject) => (refuse = reject)))
    manager.start([socket])
    manager.switchTo([polling], 'followed')
    await settle()
    polling.line.open('e:10')
    refuse(new Error('too late'))
    await settle()
    expect(socket.lines).toHaveLength(0)
    expect(manager.link).toMatchObject({ phase: 'polling', retryAt: null })
  })
})

it('hands on every frame that was taken, and no other', async () => {
  await connect()
  socket.line.frame(frame('e:10', 'e:11', [heartbeat('a', 11)]))
  socket.line.frame(frame('e:13', 'e:14', [heartbeat('a', 14)]))
  expect(onTaken.mock.calls.map(([taken]) => taken.cursor)).toEqual(['e:11'])
})

describe('a line that lost its place', () => {
  beforeEach(holdLong)

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
    await holdLong()
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
    await holdLong()
    manager.reopen()
    expect(socket.lines).toHaveLength(2)
    expect(socket.lines[0]!.isClosed).toBe(false)
    socket.line.open('e:10')
    expect(socket.lines[0]!.isClosed).toBe(true)
    expect(manager.link).toMatchObject({ phase: 'connected', staleSince: null, note: null })
  })
})

it('stops altogether when stopped', async () => {
  await holdLong()
  manager.stop()
  expect(socket.line.isClosed).toBe(true)
  expect(clock.pending).toBe(0)
  expect(store.cursor).toBeNull()
  socket.line.frame(frame('e:10', 'e:11', [heartbeat('a', 11)]))
  expect(store.devices.size).toBe(0)
})
