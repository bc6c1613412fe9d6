import type { Device } from '@/api/types'
import { visibleName } from '@/components/visibleText'
import { labelOf } from './describe'
import type { BoxLines } from './deviceFilters'
import { foldedName } from './deviceOrder'

/** A box to choose from. */
export interface Box {
  id: string
  label: string
}

/** The boxes that have lines, by their names; where two have one name, with their ids. */
export function boxesOf(lines: ReadonlyMap<string, BoxLines>, devices: ReadonlyMap<string, Device>): Box[] {
  const named = [...lines.keys()].map((id) => {
    const device = devices.get(id)
    return { id, name: device ? labelOf(device) : id }
  })
  const isShared = (name: string) => named.filter((one) => one.name === name).length > 1
  return named
    .map(({ id, name }) => ({ id, label: visibleName(isShared(name) && name !== id ? `${name} (${id})` : name), key: `${foldedName(name)} ${id}` }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ id, label }) => ({ id, label }))
}
