import { describe, expect, it } from 'vitest'
import { appendLive, joinSeries, lonePoints, nearest, type Point } from '@/components/chartData'

const point = (at: number, avg: number): Point => ({ at, avg, min: avg, max: avg, n: 1 })

describe('series on one time axis', () => {
  it('break where nothing was heard', () => {
    const { times, columns } = joinSeries([[point(0, 1), point(60, 2), point(600, 3)]], 150)
    expect(times).toEqual([0, 60, 330, 600])
    expect(columns).toEqual([[1, 2, null, 3]])
  })

  it('do not break one another', () => {
    const { times, columns } = joinSeries([[point(0, 1), point(100, 2)], [point(50, 9)]], 150)
    expect(times).toEqual([0, 50, 100])
    expect(columns).toEqual([[1, undefined, 2], [undefined, 9, undefined]])
  })

  it('may be empty', () => {
    expect(joinSeries([[]], 10)).toEqual({ times: [], columns: [[]] })
  })
})

describe('the live tail', () => {
  it('goes into its bucket, then opens the next', () => {
    const one = appendLive([point(0, 10)], 30, 20, 60)
    expect(one).toEqual([{ at: 0, avg: 15, min: 10, max: 20, n: 2 }])
    expect(appendLive(one, 125, 7, 60)).toEqual([...one, { at: 120, avg: 7, min: 7, max: 7, n: 1 }])
  })

  it('never writes into the past', () => {
    expect(appendLive([point(60, 1)], 10, 5, 60)).toEqual([point(60, 1)])
  })
})

describe('points', () => {
  it('that stand alone are found', () => {
    expect(lonePoints([1, null, 2, 3, null, 4])).toEqual([0, 5])
    expect(lonePoints([1, undefined, 2])).toEqual([])
    expect(lonePoints([5])).toEqual([0])
  })

  it('are found by time', () => {
    expect(nearest([0, 10, 20], 14)).toBe(1)
    expect(nearest([0, 10, 20], 99)).toBe(2)
    expect(nearest([], 5)).toBe(-1)
  })
})
