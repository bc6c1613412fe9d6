import { describe, expect, it } from 'vitest'
import type { WireFrame } from '@/api/types'
import { greetingOf } from '@/views/setup/greeting'
import { device } from '../../live/samples'
import { choice, withPort } from './samples'

const TRIAL = { id: 'try-abcde', number: '+15550101234' }
const older = choice(withPort('dinstar-tcp', 'tcp', { make: 'dinstar' }))

function knock(id: number, make: string, second: number): WireFrame {
  return {
    id: String(id), at: `2026-11-21T12:00:${String(second).padStart(2, '0')}.000Z`, deviceId: null, isAdmitted: false, direction: 'in',
    transport: 'tcp', make, address: '192.0.2.7', verdict: 'refused', reason: 'no', head: null, text: null, base64: null, nBytes: 0, isCut: false,
  }
}

describe('the greeting', () => {
  it('is for the make that was chosen; others are shown apart', () => {
    const box = device('box', 1, { make: 'dinstar' })
    const other = device('other', 1, { make: 'http' })
    expect(greetingOf(older, [other], [], TRIAL)).toMatchObject({ state: 'waiting', greeted: [], others: [other] })
    expect(greetingOf(older, [box, other], [], TRIAL)).toMatchObject({ state: 'greeted', greeted: [box], others: [other] })
  })

  it('is for the lines of a box, not for the box that they are under', () => {
    const lines = [device('line-2', 3, { make: 'dinstar', parent: 'box' }), device('line-1', 2, { make: 'dinstar', parent: 'box' })]
    expect(greetingOf(older, [device('box', 4, { make: 'dinstar' }), ...lines], [], TRIAL).greeted).toEqual(lines)
  })

  it('does not take the page\'s own try for the gateway', () => {
    const tried = device('try-abcde-dinstar-tcp', 1, { make: 'dinstar' })
    expect(greetingOf(older, [tried], [], TRIAL).state).toBe('tried')
    expect(greetingOf(older, [device('box', 2, { make: 'dinstar' }), tried], [], TRIAL).state).toBe('greeted')
  })

  it('shows three who were not let in, those of the make first', () => {
    const knocks = [knock(5, 'jasmin', 9), knock(4, 'dinstar', 8), knock(3, 'kannel', 7), knock(2, 'dinstar', 6)]
    expect(greetingOf(older, [], knocks, TRIAL).knocks.map(({ id }) => id)).toEqual(['4', '2', '5'])
  })

  it('forgets who knocked before the gateway was let in, for it may be the same', () => {
    const knocks = [knock(2, 'dinstar', 9), knock(1, 'dinstar', 3)]
    const box = device('box', 1, { make: 'dinstar', statusSince: '2026-11-21T12:00:05.000Z' })
    expect(greetingOf(older, [box], knocks, TRIAL).knocks.map(({ id }) => id)).toEqual(['2'])
    const tried = device('try-abcde-dinstar-tcp', 1, { make: 'dinstar', statusSince: '2026-11-21T12:00:05.000Z' })
    expect(greetingOf(older, [tried], knocks, TRIAL).knocks.map(({ id }) => id)).toEqual(['2', '1'])
  })
})
