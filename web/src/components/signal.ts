/** What a gateway calls its signal differs by make: bars, a percentage, dBm, or the modem's own CSQ. */
export type SignalUnit = 'csq' | 'dbm' | 'percent'

export interface Signal {
  /** 0 (none) to 4 (full); null when nothing is known. */
  bars: 0 | 1 | 2 | 3 | 4 | null
  unit: SignalUnit | null
  /** dBm where it can be told, for the tooltip of a CSQ. */
  dbm: number | null
}

const UNKNOWN: Signal = { bars: null, unit: null, dbm: null }

const WORDS: Record<string, Signal['bars']> = {
  excellent: 4,
  good: 3,
  fair: 2,
  poor: 1,
  'very poor': 1,
  'no signal': 0,
}

function barsOfDbm(dbm: number): Signal['bars'] {
  if (dbm >= -73) return 4
  if (dbm >= -85) return 3
  if (dbm >= -97) return 2
  if (dbm >= -111) return 1
  return 0
}

function barsOfPercent(percent: number): Signal['bars'] {
  if (percent <= 0) return 0
  if (percent > 75) return 4
  if (percent > 50) return 3
  return percent > 25 ? 2 : 1
}

/**
 * Reads a signal strength as sent: negative is dBm, 0 to 31 is CSQ (27.007: dBm = 2 × CSQ − 113), anything
 * above is a percentage. 99 is CSQ's own "not known": reading it as 99 % would show a dead modem as perfect.
 */
export function readSignal(value: number | null | undefined, word?: string | null): Signal {
  const fromWord = word ? WORDS[word.trim().toLowerCase()] : undefined
  if (value === null || value === undefined || !Number.isFinite(value) || value === 99) {
    return fromWord === undefined ? UNKNOWN : { bars: fromWord, unit: null, dbm: null }
  }
  if (value < 0) return { bars: barsOfDbm(value), unit: 'dbm', dbm: value }
  if (value <= 31) {
    const dbm = 2 * value - 113
    return { bars: value === 0 ? 0 : barsOfDbm(dbm), unit: 'csq', dbm }
  }
  return { bars: barsOfPercent(Math.min(value, 100)), unit: 'percent', dbm: null }
}
