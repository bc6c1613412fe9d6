import { describe, expect, it } from 'vitest'
import type { Point } from '@/components/chartData'
import { inOneUnit } from '@/views/device/signalLines'

const line = (...values: number[]): Point[] => values.map((value, at) => ({ at, avg: value, min: value, max: value, n: 1 }))
const read = (...values: number[]) => {
  const { unit, points } = inOneUnit(line(...values))
  return [unit, ...points.map((point) => point.avg)]
}

describe('a line of signals', () => {
  it('is brought from CSQ to dBm', () => {
    expect(read(0, 10, 31)).toEqual(['dbm', -113, -93, -51])
  })

  it('in dBm stays as it is', () => {
    expect(read(-80, -60)).toEqual(['dbm', -80, -60])
  })

  it('is a percentage all the way once it goes above 31', () => {
    expect(read(20, 80)).toEqual(['percent', 20, 80])
  })

  it('leaves out what the modem did not know', () => {
    expect(read(10, 99)).toEqual(['dbm', -93])
  })
})
