import type { Point } from '@/components/chartData'

/** What a line's figures are; one line has one unit, told by all of its points together. */
export type LineUnit = 'dbm' | 'percent'

const MOST_CSQ = 31
const NOT_KNOWN = 99

const toDbm = (csq: number) => 2 * csq - 113

/**
 * Brings a signal line to dBm where it can be: CSQ is only another way to write it (27.007), and lines of
 * both kinds share one chart. A line that ever goes above 31 is a percentage all the way.
 */
export function inOneUnit(points: readonly Point[]): { unit: LineUnit; points: readonly Point[] } {
  const known = points.filter((point) => point.avg !== NOT_KNOWN)
  if (known.some((point) => point.max > MOST_CSQ)) return { unit: 'percent', points: known }
  if (known.some((point) => point.min < 0)) return { unit: 'dbm', points: known }
  const converted = known.map((point) => ({ ...point, avg: toDbm(point.avg), min: toDbm(point.min), max: toDbm(point.max) }))
  return { unit: 'dbm', points: converted }
}
