/** A stretch of time with what was measured in it; times in ms. */
export interface Point {
  at: number
  avg: number
  min: number
  max: number
  n: number
}

/** `undefined`: this series says nothing at that time, its line goes on; `null`: here its line is broken. */
export type Value = number | null | undefined

export interface Joined {
  times: number[]
  columns: Value[][]
}

/**
 * Puts several series on one time axis. Between two points that lie more than `maxGap` ms apart a break is set:
 * a device that was silent for an hour has no straight line through that hour.
 */
export function joinSeries(series: readonly (readonly Point[])[], maxGap: number): Joined {
  const byTime = new Map<number, Value[]>()
  const put = (at: number, index: number, value: number | null) => {
    const row = byTime.get(at) ?? new Array<Value>(series.length).fill(undefined)
    row[index] ??= value
    byTime.set(at, row)
  }
  series.forEach((points, index) => {
    points.forEach((point, i) => {
      const before = points[i - 1]
      if (before && point.at - before.at > maxGap) put(Math.round((before.at + point.at) / 2), index, null)
      put(point.at, index, point.avg)
    })
  })
  const times = [...byTime.keys()].sort((a, b) => a - b)
  return { times, columns: series.map((_, index) => times.map((at) => byTime.get(at)![index])) }
}

/** Adds a live measurement to the bucket that it belongs to, or opens the next; the points given stay as they are. */
export function appendLive(points: readonly Point[], at: number, value: number, stepMs: number): Point[] {
  const last = points.at(-1)
  if (last && at < last.at) return [...points]
  if (last && at - last.at < stepMs) {
    const n = last.n + 1
    const merged = {
      at: last.at, n, avg: last.avg + (value - last.avg) / n, min: Math.min(last.min, value), max: Math.max(last.max, value),
    }
    return [...points.slice(0, -1), merged]
  }
  return [...points, { at: Math.floor(at / stepMs) * stepMs, avg: value, min: value, max: value, n: 1 }]
}

/** Where a lone point has no neighbour to draw a line to: it needs a dot, or it would not be seen. */
export function lonePoints(column: readonly Value[]): number[] {
  const known = column.flatMap((value, i) => (value === undefined ? [] : [i]))
  return known.filter((index, k) => {
    if (column[index] === null) return false
    const before = k > 0 ? column[known[k - 1]!] : null
    const after = k < known.length - 1 ? column[known[k + 1]!] : null
    return before === null && after === null
  })
}

/** The place in `times` that is nearest to `at`, or -1 when there is none. */
export function nearest(times: readonly number[], at: number): number {
  let low = 0
  let high = times.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle]! < at) low = middle + 1
    else high = middle
  }
  if (low > 0 && at - times[low - 1]! < times[low]! - at) return low - 1
  return times.length ? low : -1
}
