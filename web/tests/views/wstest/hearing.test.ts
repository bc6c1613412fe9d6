import { describe, expect, it } from 'vitest'
import { learn, roomsOf } from '@/views/wstest/hearing'

const AT = '2026-11-21T05:22:21.123Z'
const progress = { sessionId: 's', status: 'running', processed: 3, total: 10, version: 2, at: AT }

describe('what a message teaches', () => {
  it('a frame moves the cursor, and has the age of its newest event', () => {
    const frame = { after: 'e:1', cursor: 'e:9', recovered: true, events: [{ at: AT }, { at: '2026-11-21T05:22:20.000Z' }] }
    expect(learn('frame', frame)).toEqual({ cursor: 'e:9', events: 2, happenedAt: Date.parse(AT), progress: null })
  })

  it('a snapshot moves the cursor and is no event', () => {
    expect(learn('state', { cursor: 'e:9', devices: [] })).toMatchObject({ cursor: 'e:9', events: 0, happenedAt: null })
  })

  it('an event of Server-Sent Events moves it by its id', () => {
    expect(learn('sms-received', { seq: 9, event: 'sms-received', at: AT }, 'e:9')).toMatchObject({ cursor: 'e:9', events: 1, happenedAt: Date.parse(AT) })
    expect(learn('id', null, 'e:12')).toMatchObject({ cursor: 'e:12', events: 0 })
  })

  it('progress moves no cursor, though it has an id there', () => {
    expect(learn('progress', progress, '2')).toEqual({ cursor: null, events: 0, happenedAt: null, progress })
    expect(learn('error', { type: 'error', ...progress }).progress).toMatchObject({ sessionId: 's' })
  })

  it('a refusal is no end of a session, and a join no place in the stream', () => {
    expect(learn('error', { type: 'error', error: 'no', code: 'forbidden' }).progress).toBeNull()
    expect(learn('joined', { type: 'joined', room: 'dashboard', cursor: 'e:9' }).cursor).toBeNull()
  })

  it('nonsense teaches nothing', () => {
    for (const data of [null, undefined, 7, 'frame', [], { cursor: 'x' }, { events: [null, {}, { at: 'soon' }], cursor: 5 }]) {
      expect(learn('frame', data)).toMatchObject({ cursor: null, happenedAt: null, progress: null })
    }
  })

  it('rooms stand between commas, each once', () => {
    expect(roomsOf(' dashboard, device-a ,,dashboard')).toEqual(['dashboard', 'device-a'])
    expect(roomsOf(' ')).toEqual([])
  })
})
