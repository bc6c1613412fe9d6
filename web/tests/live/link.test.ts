import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError } from '@/api/client'
import type { Frame, WireEvent } from '@/api/types'
import { Link } from '@/live/link'
import { LiveStore } from '@/live/store'
import { ANSWER_WITHIN, CHECK_EVERY, HIDDEN_TOO_LONG } from '@/live/tabs'
import { LATE } from '@/live/transports/shared'
import { FakeBrowser } from './fakeBrowser'
import { FakeClock, FakeTransport, settle } from './fakes'
import { device, event, frame, sms, snapshot } from './samples'

/** Long enough to find out that a leader hangs, and to lead in its place. */
const FOUND_OUT = CHECK_EVERY + 2 * ANSWER_WITHIN + CHECK_EVERY

let browser: FakeBrowser
let clock: FakeClock
/** What the server has told so far: every message is an event. */
let log: WireEvent[]
let cursor: () => string

beforeEach(() => {
  browser = new FakeBrowser()
  clock = new FakeClock()
  clock.chance = 1
  log = []
  cursor = () => `e:${log.at(-1)?.seq ?? 10}`
})

class Tab {
  socket = new FakeTransport('socketio')
  polling = new FakeTransport('polling')
  isHidden = false
  /** The messages that its components were told of. */
  told: string[] = []
  onOver = vi.fn()
  asked: (string | null)[] = []
  fetchSnapshot = vi.fn(async () => snapshot(cursor(), [device('a', 5)]))
  fetchFrame = vi.fn(async ({ after }: { after: string | null }): Promise<Frame> => {
    this.asked.push(after)
    return frame(after, cursor(), log.filter(({ seq }) => seq > Number(after!.split(':')[1])))
  })
  store = new LiveStore(() => {}, ({ data }) => this.told.push((data as { id: string }).id))
  link: Link

  constructor(has: { locks?: boolean; channel?: boolean } = {}, ownClock = clock) {
    this.link = new Link({
      store: this.store, rooms: ['dashboard'], clock: ownClock, tabClock: ownClock,
      fetchSnapshot: this.fetchSnapshot, fetchFrame: this.fetchFrame, refresh: async () => true,
      locks: has.locks === false ? undefined : (browser.locks as unknown as LockManager),
      openChannel: has.channel === false ? undefined : browser.openChannel,
      isHidden: () => this.isHidden,
      onLink: () => {}, onExpired: () => {}, onOver: this.onOver, onReplaced: () => {}, onReconnect: () => {},
    })
  }

  async open(reader = 'admin'): Promise<this> {
    this.link.start([this.socket, this.polling], reader)
    await settle()
    return this
  }

  /** The line that this tab was first to get. */
  async lead(): Promise<this> {
    await this.open()
    return this.connect()
  }

  async connect(): Promise<this> {
    this.socket.line.open(cursor())
    await settle()
    return this
  }

  /** The server tells this tab, and only this one, what is new. */
  async bring(...ids: string[]): Promise<void> {
    const after = cursor()
    for (const id of ids) happen(id)
    this.socket.line.frame(frame(after, cursor(), log.slice(-ids.length)))
    await settle()
  }

  get lines(): number {
    return this.socket.lines.filter((line) => !line.isClosed).length + this.polling.lines.filter((line) => !line.isClosed).length
  }
}

/** Something comes to pass on the server. */
function happen(id: string): void {
  const seq = (log.at(-1)?.seq ?? 10) + 1
  log.push(event(seq, 'sms-received', sms(id, seq)))
}

function channelOf(tab: Tab): { onmessage: (message: unknown) => void } {
  return (tab.link as unknown as { tabs: { channel: { onmessage: (message: unknown) => void } } }).tabs.channel
}

/** What the others tell the tab is lost, until it hears again. */
function deafen(tab: Tab): () => void {
  const channel = channelOf(tab)
  const hears = channel.onmessage
  channel.onmessage = () => {}
  return () => void (channel.onmessage = hears)
}

/** What the others tell the tab waits, until it wakes. */
function hang(tab: Tab): () => void {
  const channel = channelOf(tab)
  const hears = channel.onmessage
  const queue: unknown[] = []
  channel.onmessage = (message) => void queue.push(message)
  return () => {
    channel.onmessage = hears
    for (const message of queue) hears(message)
  }
}

const linesOf = (...tabs: Tab[]) => tabs.map((tab) => tab.lines)

describe('several tabs', () => {
  it('have one line, and each is told everything once', async () => {
    const leader = await new Tab().lead()
    const [b, c] = [await new Tab().open(), await new Tab().open()]
    await leader.bring('one')
    await leader.bring('two', 'three')
    expect(linesOf(leader, b, c)).toEqual([1, 0, 0])
    for (const tab of [leader, b, c]) {
      expect(tab.told).toEqual(['one', 'two', 'three'])
      expect(tab.store.cursor).toBe('e:13')
    }
    expect([b.asked, c.asked]).toEqual([[], []])
    expect(browser.said.filter((kind) => kind === 'frame')).toHaveLength(2)
  })

  it('show the transport of the one that has the line, and the age of what they have themselves', async () => {
    const leader = await new Tab().lead()
    const follower = await new Tab().open()
    expect(leader.link.state).toMatchObject({ phase: 'connected', transport: 'socketio', isShared: false })
    expect(follower.link.state).toMatchObject({ phase: 'connected', transport: 'socketio', isShared: true })
    await clock.advance(20_000)
    leader.socket.line.heard()
    await settle()
    expect(follower.link.state.lastHeardAt).toBe(clock.now())
    const heardAt = clock.now()
    // The leader answers that it is there; that says nothing of the server.
    await clock.advance(CHECK_EVERY * 3)
    expect(follower.link.state.lastHeardAt).toBe(heardAt)
  })

  it('show it too when it is another one from then on', async () => {
    const leader = await new Tab().open()
    leader.socket.line.fail('unreachable')
    await settle()
    leader.polling.line.open(cursor())
    const follower = await new Tab().open()
    expect(follower.link.state).toMatchObject({ phase: 'polling', transport: 'polling' })
    await clock.advance(5_000)
    await leader.connect()
    expect(follower.link.state).toMatchObject({ phase: 'connected', transport: 'socketio', staleSince: null })
  })

  it('of another reader hear nothing of it', async () => {
    const leader = await new Tab().lead()
    const other = await new Tab().open('somebody else')
    await leader.bring('private')
    await other.connect()
    expect(other.told).toEqual([])
    expect(linesOf(leader, other)).toEqual([1, 1])
  })

  it.each([['locks', { locks: false }], ['channels', { channel: false }]])('have a line each where there are no %s', async (_what, has) => {
    const tabs = [await new Tab(has).lead(), await new Tab(has).lead()]
    expect(linesOf(...tabs)).toEqual([1, 1])
    expect(tabs[1]!.link.state).toMatchObject({ phase: 'connected', isShared: false })
    await tabs[0]!.bring('one')
    expect(tabs[1]!.told).toEqual([])
  })

  it('have a line each where the browser refuses locks', async () => {
    vi.spyOn(browser.locks, 'request').mockRejectedValue(new DOMException('no', 'SecurityError'))
    const tabs = [await new Tab().lead(), await new Tab().lead()]
    expect(linesOf(...tabs)).toEqual([1, 1])
  })
})

describe('the lead', () => {
  it('passes on when its tab closes, without a loss or a repeat', async () => {
    const leader = await new Tab().lead()
    const [b, c] = [await new Tab().open(), await new Tab().open()]
    await leader.bring('one')
    leader.link.freeze()
    happen('two')
    await settle()
    expect(linesOf(b, c)).toEqual([1, 0])
    expect(b.socket.line.cursor).toBe('e:11')
    b.socket.line.open('e:12')
    b.socket.line.frame(frame('e:11', 'e:12', log.slice(-1)))
    await settle()
    await b.bring('three')
    for (const tab of [b, c]) expect(tab.told).toEqual(['one', 'two', 'three'])
    expect(b.link.state).toMatchObject({ phase: 'connected', isShared: false, staleSince: null })
    expect(c.link.state).toMatchObject({ phase: 'connected', isShared: true, staleSince: null })
    expect(b.link.state.log[0]).toMatchObject({ why: 'tookOver', note: { kind: 'replayed', n: 1 } })
    expect(c.link.state.log[0]).toMatchObject({ why: 'back', note: { kind: 'replayed', n: 1 } })
    expect(b.fetchSnapshot).toHaveBeenCalledTimes(1)
  })

  it('is taken from a tab that hangs, and given back to none', async () => {
    // Its time stands still: none of its timers runs.
    const leader = await new Tab({}, new FakeClock()).lead()
    const follower = await new Tab().open()
    await leader.bring('one')
    hang(leader)
    happen('two')
    await clock.advance(FOUND_OUT)
    expect(follower.lines).toBe(1)
    await follower.connect()
    await follower.bring('three')
    expect(follower.store.cursor).toBe('e:11')
    expect(follower.socket.line.resumed).toEqual(['e:11'])
    follower.socket.line.frame(frame('e:11', 'e:13', log.slice(-2)))
    expect(follower.told).toEqual(['one', 'two', 'three'])
  })

  it('leaves a tab that finds that it was taken, and that tab follows', async () => {
    const leader = await new Tab({}, new FakeClock()).lead()
    const follower = await new Tab().open()
    const wake = hang(leader)
    await clock.advance(FOUND_OUT)
    await follower.connect()
    wake()
    await settle()
    expect(linesOf(leader, follower)).toEqual([0, 1])
    await follower.bring('one')
    expect(leader.told).toEqual(['one'])
    expect(leader.link.state).toMatchObject({ phase: 'connected', isShared: true })
    expect(follower.link.state.note).toMatchObject({ kind: 'replayed', n: 0 })
    expect(follower.link.state.note!.lasted).toBe(FOUND_OUT)
  })

  it('stays where the leader is only quiet', async () => {
    const leader = await new Tab().lead()
    const follower = await new Tab().open()
    for (let n = 0; n < 10; n++) {
      await clock.advance(CHECK_EVERY)
      leader.socket.line.heard()
    }
    expect(linesOf(leader, follower)).toEqual([1, 0])
    expect(leader.socket.lines).toHaveLength(1)
  })

  it('is taken from a tab that has been hidden for long, by one that is seen', async () => {
    const leader = await new Tab().lead()
    const [hidden, seen] = [await new Tab().open(), await new Tab().open()]
    const show = (tab: Tab, isShown: boolean) => {
      tab.isHidden = !isShown
      tab.link.noteVisibility()
    }
    for (const tab of [leader, hidden, seen]) show(tab, false)
    const passTime = async (milliseconds: number) => {
      for (let passed = 0; passed < milliseconds; passed += 10_000) {
        await clock.advance(10_000)
        leader.socket.line.heard()
      }
    }
    await passTime(HIDDEN_TOO_LONG - 20_000)
    show(seen, true)
    await passTime(10_000)
    show(seen, false)
    await passTime(HIDDEN_TOO_LONG)
    expect(linesOf(leader, hidden, seen)).toEqual([1, 0, 0])
    show(seen, true)
    await settle()
    expect(linesOf(leader, hidden, seen)).toEqual([0, 0, 1])
  })
})

describe('a tab that missed something', () => {
  it('sees it by the next frame, and is caught up by one answer', async () => {
    const leader = await new Tab().lead()
    const follower = await new Tab().open()
    const hear = deafen(follower)
    for (let n = 0; n < 500; n++) await leader.bring(`m${n}`)
    hear()
    await leader.bring('last')
    expect(follower.asked).toEqual(['e:10'])
    expect(follower.told).toEqual([...Array.from({ length: 500 }, (_, n) => `m${n}`), 'last'])
    await leader.bring('and on')
    expect(follower.told.at(-1)).toBe('and on')
    expect(follower.asked).toHaveLength(1)
  })

  it('is caught up by one answer where all that it missed stands in its queue', async () => {
    const leader = await new Tab().lead()
    const follower = await new Tab().open()
    const wake = hang(follower)
    for (let n = 0; n < 1_000; n++) await leader.bring(`m${n}`)
    await clock.advance(LATE + 1)
    const take = vi.spyOn(follower.store, 'takeFrame')
    wake()
    await settle()
    expect(follower.asked).toEqual(['e:10'])
    expect(follower.told).toHaveLength(1_000)
    expect(new Set(follower.told).size).toBe(1_000)
    expect(take).toHaveBeenCalledTimes(1)
  })

  it('while it was frozen is caught up by one answer when it is back', async () => {
    const leader = await new Tab().lead()
    const follower = await new Tab().open()
    follower.link.freeze()
    for (let n = 0; n < 50; n++) await leader.bring(`m${n}`)
    await clock.advance(5_000)
    follower.link.thaw()
    await settle()
    expect(follower.asked).toEqual(['e:10'])
    expect(follower.told).toHaveLength(50)
    expect(follower.link.state.note).toEqual({ kind: 'replayed', n: 50, lasted: 5_000 })
  })

  it('says that there is a gap where the server could only give a snapshot', async () => {
    const leader = await new Tab().lead()
    const follower = await new Tab().open()
    follower.link.freeze()
    await leader.bring('one')
    await clock.advance(5_000)
    follower.fetchFrame.mockResolvedValueOnce(frame('e:10', cursor(), [], { recovered: false, state: snapshot(cursor(), [device('b', 11)]) }))
    follower.link.thaw()
    await settle()
    expect(follower.link.state.note).toEqual({ kind: 'gap', lasted: 5_000 })
    expect([...follower.store.devices.keys()]).toEqual(['b'])
  })

  it('is not called connected while the server does not answer it', async () => {
    const leader = await new Tab().lead()
    const follower = await new Tab().open()
    follower.fetchFrame.mockRejectedValue(new ApiError(0, 'unreachable', 'no'))
    const hear = deafen(follower)
    await leader.bring('one')
    hear()
    await leader.bring('two')
    expect(follower.link.state.phase).not.toBe('connected')
    expect(follower.link.state.staleSince).not.toBeNull()
  })
})

describe('an outage of the leader', () => {
  it('is told in every tab, and what it cost too', async () => {
    const leader = await new Tab().lead()
    const follower = await new Tab().open()
    await clock.advance(30_000)
    leader.socket.line.heard()
    await settle()
    leader.socket.line.fail('lost')
    await settle()
    expect(follower.link.state).toMatchObject({ phase: 'connecting', transport: null, retryAt: leader.link.state.retryAt })
    expect(follower.link.state.staleSince).not.toBeNull()
    happen('one')
    happen('two')
    await clock.advance(1_000)
    leader.socket.line.open('e:12')
    await settle()
    // The leader's line is there, what it missed is not: no tab says that it is complete.
    expect(follower.link.state.note).toBeNull()
    leader.socket.line.frame(frame('e:10', 'e:12', log))
    await settle()
    for (const tab of [leader, follower]) {
      expect(tab.told).toEqual(['one', 'two'])
      expect(tab.link.state).toMatchObject({ phase: 'connected', note: { kind: 'replayed', n: 2, lasted: 1_000 } })
    }
  })

  it('ends sooner when the reader of any tab asks for it', async () => {
    const leader = await new Tab().lead()
    const follower = await new Tab().open()
    leader.socket.line.fail('lost')
    await settle()
    follower.link.retryNow()
    await settle()
    expect(leader.socket.lines).toHaveLength(2)
  })
})

describe('the session', () => {
  it('that ends in one tab ends in all, and lets go of the line', async () => {
    const leader = await new Tab().lead()
    const follower = await new Tab().open()
    follower.link.stop()
    await settle()
    expect(leader.onOver).toHaveBeenCalledTimes(1)
    leader.link.stop()
    await settle()
    expect(linesOf(leader, follower)).toEqual([0, 0])
    expect(follower.onOver).not.toHaveBeenCalled()
  })

  it('that is renewed opens one line anew, not one for each tab', async () => {
    const leader = await new Tab().lead()
    const follower = await new Tab().open()
    const said = browser.said.length
    follower.link.reopen()
    expect(browser.said).toHaveLength(said)
    leader.link.reopen()
    await leader.connect()
    expect(linesOf(leader, follower)).toEqual([1, 0])
    await leader.bring('one')
    expect(follower.told).toEqual(['one'])
    expect(follower.link.state.log).toHaveLength(1)
  })
})
