import type { LocationQuery, LocationQueryRaw } from 'vue-router'
import type { Device } from '@/api/types'
import { modelOf, SHELVES, shelfOf, type Shelf } from './describe'

export const SORT_KEYS = ['status', 'name', 'box', 'battery', 'signal', 'lastSeen', 'model'] as const
export type SortKey = (typeof SORT_KEYS)[number]
/** A key, with `-` in front for the other way round. */
export type Sort = SortKey | `-${SortKey}`

export const DEFAULT_SORT: Sort = 'status'

export interface DeviceFilters {
  search: string
  /** Empty: all of them. */
  shelves: readonly Shelf[]
  make: string
  /** The id of a box: it and its lines. */
  box: string
  sort: Sort
}

const text = (value: LocationQuery[string] | undefined): string => (Array.isArray(value) ? value.join(',') : (value ?? ''))

export function isSort(value: string): value is Sort {
  return (SORT_KEYS as readonly string[]).includes(value.replace(/^-/, ''))
}

/** Reads the filters from a URL. What it does not know it leaves out: an old link must still open. */
export function filtersOf(query: LocationQuery, savedSort: string | null = null): DeviceFilters {
  const words = text(query.status).split(',')
  const sort = text(query.sort) || (savedSort ?? '')
  return {
    search: text(query.search),
    shelves: SHELVES.filter((shelf) => words.includes(shelf)),
    make: text(query.make),
    box: text(query.box),
    sort: isSort(sort) ? sort : DEFAULT_SORT,
  }
}

/** The twin of `filtersOf`; what is at its default is left out, so that links stay short. */
export function queryOf(filters: DeviceFilters): LocationQueryRaw {
  const query: LocationQueryRaw = {}
  if (filters.search.trim()) query.search = filters.search
  if (filters.shelves.length) query.status = filters.shelves.join(',')
  if (filters.make) query.make = filters.make
  if (filters.box) query.box = filters.box
  if (filters.sort !== DEFAULT_SORT) query.sort = filters.sort
  return query
}

export const isFiltered = (filters: DeviceFilters): boolean =>
  filters.search.trim() !== '' || filters.shelves.length > 0 || filters.make !== '' || filters.box !== ''

// Rows are frozen and replaced whole, so what was read from one stays true of it.
const haystacks = new WeakMap<Device, string>()

function haystackOf(device: Device): string {
  let found = haystacks.get(device)
  if (found === undefined) {
    const slots = device.simSlots.flatMap((slot) => [
      slot.carrierName, slot.operatorName, slot.phoneNumber, slot.iccid, slot.imsi, slot.imei,
    ])
    const parts = [device.deviceId, device.name, device.ipAddress, device.firmware, modelOf(device), ...device.phoneNumbers, ...slots]
    found = parts.filter(Boolean).join('\n').toLowerCase()
    haystacks.set(device, found)
  }
  return found
}

/** Every word must occur somewhere: in the name, an id, a number, an operator, the address or the model. */
function matchesSearch(device: Device, words: readonly string[]): boolean {
  if (!words.length) return true
  const haystack = haystackOf(device)
  return words.every((word) => haystack.includes(word))
}

export interface Matches {
  devices: Device[]
  total: number
  /** How many each shelf would show: all filters applied but the shelf's own. */
  counts: Record<Shelf, number>
  makes: string[]
  /** How many lines each box has, and how many of them are online. */
  boxes: ReadonlyMap<string, BoxLines>
}

export interface BoxLines {
  online: number
  total: number
}

function countLine(boxes: Map<string, BoxLines>, line: Device): void {
  if (line.parent === null) return
  const known = boxes.get(line.parent) ?? { online: 0, total: 0 }
  boxes.set(line.parent, { online: known.online + (line.isOnline ? 1 : 0), total: known.total + 1 })
}

export function matching(fleet: Iterable<Device>, filters: DeviceFilters): Matches {
  const words = filters.search.toLowerCase().split(/\s+/).filter(Boolean)
  const counts: Record<Shelf, number> = { offline: 0, late: 0, pending: 0, unknown: 0, online: 0 }
  const makes = new Set<string>(filters.make ? [filters.make] : [])
  const boxes = new Map<string, BoxLines>()
  const devices: Device[] = []
  let total = 0
  for (const device of fleet) {
    total += 1
    makes.add(device.make)
    countLine(boxes, device)
    if (filters.box && device.deviceId !== filters.box && device.parent !== filters.box) continue
    if (filters.make && device.make !== filters.make) continue
    if (!matchesSearch(device, words)) continue
    const shelf = shelfOf(device)
    counts[shelf] += 1
    if (!filters.shelves.length || filters.shelves.includes(shelf)) devices.push(device)
  }
  return { devices, total, counts, makes: [...makes].sort(), boxes }
}
