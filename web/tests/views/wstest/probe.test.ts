import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Progress } from '@/api/types'
import type { OpenWire, Sink } from '@/live/wire'
import { Probe } from '@/views/wstest/probe'

interface FakeWire {
  rooms: readonly string[]
  after: string | null
  sink: Sink
  done: string[]
}

const wires: FakeWire[] = []
const last = () => wires.at(-1)!
const open: OpenWire = (rooms, after, sink) => {
  const done: string[] = []
  wires.push({ rooms, after, sink, done })
  return {
    close: () => done.push('close'),
    cut: () => done.push('cut'),
    ping: async () => void done.push('ping'),
    follow: (sessionId) => done.push(`follow ${sessionId}`),
    send: (name, data) => done.push(`send ${name} ${JSON.stringify(data)}`),
  }
}
const frame = (cursor: string) => ({ after: null, cursor, recovered: true, events: [] })

async function connected(): Promise<Probe> {
  const probe = new Probe(open)
  probe.connect('dashboard, device-a', null)
  last().sink.opened()
  await vi.advanceTimersByTimeAsync(0)
  return probe
}

beforeEach(() => {
  wires.length = 0
  vi.useFakeTimers()
})
afterEach(() => void vi.useRealTimers())

describe('a transport on the bench', () => {
  it('connects to the rooms it is given, and measures the way once it is open', async () => {
    const probe = await connected()
    expect(last()).toMatchObject({ rooms: ['dashboard', 'device-a'], after: null, done: ['ping'] })
    expect(probe.state).toMatchObject({ phase: 'on', roundTrip: expect.any(Number) })
  })

  it('comes back by itself, from the cursor that it holds', async () => {
    const probe = await connected()
    last().sink.said('frame', frame('e:7'), '')
    last().sink.closed('gone')
    expect(probe.state.phase).toBe('lost')
    await vi.advanceTimersByTimeAsync(2_000)
    expect(wires).toHaveLength(2)
    expect(last()).toMatchObject({ rooms: ['dashboard', 'device-a'], after: 'e:7' })
  })

  it('stays away after it was cut off, until it is given back', async () => {
    const probe = await connected()
    last().sink.said('frame', frame('e:7'), '')
    probe.lose()
    expect(last().done).toContain('cut')
    await vi.advanceTimersByTimeAsync(60_000)
    probe.connect('dashboard', null)
    expect(wires).toHaveLength(1)
    expect(probe.state).toMatchObject({ phase: 'lost', isBlocked: true })
    probe.restore()
    expect(last().after).toBe('e:7')
  })

  it('hears no more of a connection that it has let go of', async () => {
    const probe = await connected()
    const old = last()
    probe.connect('dashboard', 'e:3')
    expect(old.done).toContain('close')
    old.sink.said('frame', frame('e:99'), '')
    old.sink.closed('late')
    expect(probe.state).toMatchObject({ phase: 'connecting', cursor: null })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(wires).toHaveLength(2)
  })

  it('is left alone once it was disconnected', async () => {
    const probe = await connected()
    probe.disconnect()
    expect(last().done).toContain('close')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(wires).toHaveLength(1)
    expect(probe.state.phase).toBe('off')
  })

  it('watches a session on the connection it has, and on the next one too', async () => {
    const probe = await connected()
    probe.watch('s1')
    expect(last().done).toContain('follow s1')
    const word = { sessionId: 's1', status: 'running', processed: 1 } as Progress
    last().sink.said('progress', word, '')
    last().sink.said('progress', { ...word, sessionId: 'other', processed: 9 }, '')
    expect(probe.state.progress).toEqual(word)
    last().sink.closed('gone')
    await vi.advanceTimersByTimeAsync(2_000)
    last().sink.opened()
    await vi.advanceTimersByTimeAsync(0)
    expect(last().done).toContain('follow s1')
  })

  it('writes down all that was said, and shows it a few times a second', async () => {
    const probe = await connected()
    for (let n = 0; n < 50; n += 1) last().sink.said('frame', frame(`e:${n}`), 'text')
    last().sink.sent('ping', '')
    expect(probe.entries.value).toEqual([])
    await vi.advanceTimersByTimeAsync(200)
    expect(probe.entries.value.map(({ type }) => type)).toEqual(['connect', ...Array(50).fill('frame'), 'ping'])
  })
})
