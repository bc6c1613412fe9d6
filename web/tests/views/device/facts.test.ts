import { describe, expect, it } from 'vitest'
import { factOf, isFactOf } from '@/views/device/facts'

const card = { deviceId: 'gw-2', slotIndex: 1, iccid: '8900000000000000001', imsi: null, phoneNumber: '+15550100', at: '', seq: 7 }
const event = (name: string, data: object) => ({ seq: 7, event: name, room: 'device-gw-2', at: '2026-11-21T10:00:00.000Z', data })

describe('facts about SIM cards', () => {
  it.each([
    ['sim-inserted', { isNew: true }, 'SIM card inserted in slot 1', '+15550100', 'good'],
    ['sim-moved', { from: { deviceId: 'gw-1', slotIndex: 3 } }, 'SIM card moved to slot 1', '+15550100, before in gw-1, slot 3', 'plain'],
    ['sim-vanished', { nowAt: null }, 'SIM card gone from slot 1', '+15550100', 'warn'],
    ['sim-vanished', { nowAt: { deviceId: 'gw-1', slotIndex: 0 } }, 'SIM card gone from slot 1', '+15550100, now in gw-1, slot 0', 'warn'],
    ['sim-conflict', { alsoAt: { deviceId: 'gw-1', slotIndex: 0 } }, 'The same SIM card in two places', '+15550100 is also told by gw-1, slot 0', 'bad'],
  ])('%s in words', (name, more, title, text, tone) => {
    const fact = factOf(event(name, { ...card, ...more }))
    expect(fact).toMatchObject({ id: '7', title, text, tone })
    expect(isFactOf(event(name, { ...card, ...more }), 'gw-2')).toBe(true)
  })

  it('names a card by what is known of it', () => {
    expect(factOf(event('sim-inserted', { ...card, phoneNumber: null, isNew: true })).text).toBe('8900000000000000001')
  })
})

describe('messages from the memory of a box', () => {
  it.each([
    [1, "1 message recovered from the box's memory"],
    [1_200, "1,200 messages recovered from the box's memory"],
  ])('%d are told in words', (nMessages, title) => {
    const told = event('sms-recovered', { deviceId: 'gw-2', nMessages, at: '', seq: 7 })
    expect(factOf(told)).toMatchObject({ title, text: '', tone: 'good' })
    expect(isFactOf(told, 'gw-2')).toBe(true)
  })
})
