import type { Device } from '@/api/types'
import { readSignal } from '@/components/signal'
import { labelOf, modelOf, SHELVES, shelfOf, signalOf } from './describe'
import type { Sort, SortKey } from './deviceFilters'

/**
 * Names compare as strings once digits are padded ("gw-9" before "gw-10"). A collator would do the same ten
 * times slower, and ten thousand devices are put in order once a second.
 */
const folded = new Map<string, string>()
const MOST_FOLDED = 50_000

export function foldedName(name: string): string {
  let key = folded.get(name)
  if (key === undefined) {
    if (folded.size > MOST_FOLDED) folded.clear()
    key = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, '0'))
    folded.set(name, key)
  }
  return key
}

const time = (at: string | null): number => (at ? Date.parse(at) : 0)

function barsOf(device: Device): number | null {
  const { value, word } = signalOf(device)
  return readSignal(value, word).bars
}

export type Rank = number | string | null

/** What a sort compares first; null sorts last, whichever way round. */
const RANKS: Record<SortKey, (device: Device) => Rank> = {
  status: (device) => SHELVES.indexOf(shelfOf(device)),
  name: (device) => foldedName(labelOf(device)),
  // A box and its lines stand together.
  box: (device) => foldedName(device.parent ?? device.deviceId),
  battery: (device) => device.batteryLevel,
  signal: barsOf,
  lastSeen: (device) => (device.lastSeen ? time(device.lastSeen) : null),
  model: (device) => foldedName(modelOf(device)) || null,
}

/** Fresh trouble before old trouble: what just broke is what somebody is looking for. */
function freshness(device: Device): number {
  return device.isOnline || device.status === 'unknown' ? 0 : -time(device.statusSince)
}

/** What tells devices of one rank apart, before their names. */
function orderWithin(key: SortKey, device: Device): number {
  if (key === 'status') return freshness(device)
  return key === 'box' && device.parent !== null ? 1 : 0
}

interface Entry {
  id: string
  rank: Rank
  then: number
  name: string
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function compareRank(a: Rank, b: Rank, way: number): number {
  if (a === b) return 0
  if (a === null) return 1
  if (b === null) return -1
  return (a < b ? -1 : 1) * way
}

/**
 * Puts devices in order and gives their ids. Every sort starts with what may be trouble: the longest unseen, the emptiest
 * battery. `frozenRanks` (id → rank) keeps the places of an earlier call, so that heartbeats alone never reshuffle
 * a list sorted by age.
 */
export function orderedIds(devices: readonly Device[], sort: Sort, frozenRanks?: Map<string, Rank>): string[] {
  const key = sort.replace(/^-/, '') as SortKey
  const way = sort.startsWith('-') ? -1 : 1
  const entries = devices.map((device): Entry => {
    const id = device.deviceId
    const rank = frozenRanks?.has(id) ? (frozenRanks.get(id) ?? null) : RANKS[key](device)
    frozenRanks?.set(id, rank)
    return { id, rank, then: orderWithin(key, device), name: foldedName(labelOf(device)) }
  })
  entries.sort(
    (a, b) => compareRank(a.rank, b.rank, way) || a.then - b.then || compareText(a.name, b.name) || compareText(a.id, b.id),
  )
  return entries.map((entry) => entry.id)
}
