import { describe, expect, it } from 'vitest'
import { readSignal } from '@/components/signal'

describe('the signal scale', () => {
  it('takes a negative number for dBm', () => {
    expect(readSignal(-60)).toEqual({ bars: 4, unit: 'dbm', dbm: -60 })
    expect(readSignal(-90).bars).toBe(2)
    expect(readSignal(-120).bars).toBe(0)
  })

  it('takes 0 to 31 for CSQ and tells its dBm', () => {
    expect(readSignal(31)).toEqual({ bars: 4, unit: 'csq', dbm: -51 })
    expect(readSignal(20)).toEqual({ bars: 4, unit: 'csq', dbm: -73 })
    expect(readSignal(14)).toEqual({ bars: 3, unit: 'csq', dbm: -85 })
    expect(readSignal(2)).toEqual({ bars: 1, unit: 'csq', dbm: -109 })
    expect(readSignal(0)).toEqual({ bars: 0, unit: 'csq', dbm: -113 })
  })

  it('takes anything above for a percentage', () => {
    expect(readSignal(32)).toEqual({ bars: 2, unit: 'percent', dbm: null })
    expect(readSignal(75).bars).toBe(3)
    expect(readSignal(100).bars).toBe(4)
    expect(readSignal(180).bars).toBe(4)
  })

  it('takes 99 for what CSQ means by it: not known', () => {
    expect(readSignal(99).bars).toBeNull()
  })

  it('falls back on the word when there is no number', () => {
    expect(readSignal(null, 'Very Poor').bars).toBe(1)
    expect(readSignal(null, ' excellent ').bars).toBe(4)
    expect(readSignal(99, 'No Signal').bars).toBe(0)
    expect(readSignal(null, 'Unknown').bars).toBeNull()
    expect(readSignal(undefined).bars).toBeNull()
    expect(readSignal(Number.NaN).bars).toBeNull()
  })
})
