import type { Make } from '@/api/types'
import { t } from '@/i18n/t'
import { genericGuide, GUIDES } from './guides'
import type { Given, Group, Guide } from './guides/guide'

/** One make to choose: how to set it up, and what the server says of it. */
export interface Choice {
  guide: Guide
  make: Make
}

const GROUPS: readonly Group[] = ['any', 'box', 'phone', 'software']
const KEY_PLACE = '{key}'
const LONGEST_NAME = 60
const NAMES: Record<Group, string> = { any: 'device-1', box: 'box-1', phone: 'phone-1', software: 'server-1' }

/** What can report to this server, group by group; a make that the page knows nothing of has general steps. */
export function choicesOf(makes: readonly Make[]): Choice[] {
  const choices = makes.map((make) => ({ make, guide: GUIDES.find(({ name }) => name === make.name) ?? genericGuide(make.name) }))
  const place = ({ guide }: Choice) => (GUIDES.includes(guide) ? GUIDES.indexOf(guide) : GUIDES.length)
  return choices.sort((a, b) => GROUPS.indexOf(a.guide.group) - GROUPS.indexOf(b.guide.group) || place(a) - place(b))
}

/** Those in which every word of `search` is found, wherever. */
export function matching(choices: readonly Choice[], search: string): Choice[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  return choices.filter(({ make, guide }) => {
    const text = [make.name, make.title, t(guide.about), guide.words].join(' ').toLowerCase()
    return words.every((word) => text.includes(word))
  })
}

export function grouped(choices: readonly Choice[]): { group: Group; choices: Choice[] }[] {
  return GROUPS.map((group) => ({ group, choices: choices.filter((choice) => choice.guide.group === group) })).filter(({ choices }) => choices.length > 0)
}

/** A host as programs take it: an IPv6 address without its brackets. */
export const hostOf = (url: string) => new URL(url).hostname.replace(/^\[(.*)\]$/, '$1')

/** A name as every make can carry it: none of the characters that part an address or a packet. */
export const usableName = (text: string) => text.trim().replace(/[\s/?#%&;:,=@'"\\]+/g, '-').slice(0, LONGEST_NAME)

/** What this choice's form is filled with; `name` is what the reader typed for one. */
export function givenOf({ guide, make }: Choice, reader: { url: string; key: string; trial: Trial; name: string }): Given {
  const { url, key, trial } = reader
  const tryId = guide.isKnownByNumber ? trial.number : `${trial.id}-${make.name}`
  const address = make.address?.replace(KEY_PLACE, key) ?? ''
  const named = (name: string) => (address && name ? `${address}/${encodeURIComponent(name)}` : address)
  const name = guide.naming ? usableName(reader.name) || (guide.naming === 'needed' ? NAMES[guide.group] : '') : ''
  return {
    url, key, tryId, name,
    host: hostOf(url),
    address: named(name),
    tryAddress: named(tryId),
    port: make.port === null ? '' : String(make.port),
  }
}

/** Who tries say they are: the beginning of an id, and a number, that nobody has by chance. */
export interface Trial {
  id: string
  number: string
}

export const isOfTrial = (trial: Trial, deviceId: string) => deviceId.startsWith(`${trial.id}-`) || deviceId === trial.number

export function newTrial(): Trial {
  const numbers = Array.from(crypto.getRandomValues(new Uint8Array(9)))
  const letters = numbers.slice(0, 5).map((number) => (number % 36).toString(36))
  const digits = numbers.slice(5).map((number) => number % 10)
  return { id: `try-${letters.join('')}`, number: `+1555010${digits.join('')}` }
}
