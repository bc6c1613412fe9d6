import { describe, expect, it } from 'vitest'
import { changesOf, formOf, zoneNames } from '@/views/device/settings'
import { linesOf } from '@/views/device/useLines'
import { aDevice } from '../devicesFixture'

describe('the settings of a device', () => {
  const device = aDevice('a', { name: 'Roof', parent: 'box', timeZone: 'Europe/Berlin', setIntervalSeconds: 45, intervalSeconds: 45 })
  const before = formOf(device)

  it('stand in the form as they were set, and blank where they were not', () => {
    expect(before).toEqual({ name: 'Roof', parent: 'box', timeZone: 'Europe/Berlin', intervalSeconds: 45 })
    expect(formOf(aDevice('a', { intervalSeconds: 30 }))).toEqual({ name: '', parent: '', timeZone: '', intervalSeconds: '' })
  })

  it('are sent where they differ, and nothing else is', () => {
    expect(changesOf(before, before)).toEqual({})
    expect(changesOf({ ...before, name: ' Cellar ' }, before)).toEqual({ name: 'Cellar' })
    expect(changesOf({ ...before, name: ' Roof ', intervalSeconds: 60 }, before)).toEqual({ intervalSeconds: 60 })
  })

  it('go back to what the device says where a field is blank', () => {
    const blank = { name: ' ', parent: '', timeZone: ' ', intervalSeconds: '' as const }
    expect(changesOf(blank, before)).toEqual({ name: null, parent: null, timeZone: null, intervalSeconds: null })
  })

  it('know the time zones of the browser', () => {
    expect(zoneNames()).toEqual(expect.arrayContaining(['UTC', 'Europe/Berlin']))
  })
})

describe('the lines of a box', () => {
  it('are in the order of their numbers', () => {
    const fleet = [aDevice('goip10', { parent: 'box' }), aDevice('goip9', { parent: 'box' }), aDevice('box'), aDevice('x', { parent: 'other' })]
    expect(linesOf(fleet, 'box')).toEqual(['goip9', 'goip10'])
  })
})
