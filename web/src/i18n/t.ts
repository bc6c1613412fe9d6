import { computed, shallowRef } from 'vue'
import device from './en/device.json'
import devices from './en/devices.json'
import inbox from './en/inbox.json'
import login from './en/login.json'
import overview from './en/overview.json'
import parts from './en/parts.json'
import setup from './en/setup.json'
import shell from './en/shell.json'
import waiting from './en/waiting.json'
import wstest from './en/wstest.json'
import type makes from './en/makes.json'

const english = { shell, parts, overview, login, devices, device, inbox, setup, waiting, wstest }

/** Areas that are large and of one page only come with that page: see `addTexts`. */
type Catalogue = typeof english & { makes: typeof makes }
type Area = keyof Catalogue

/** `area.key`, for every key of every area's catalogue. */
export type Key = { [A in Area]: `${A}.${keyof Catalogue[A] & string}` }[Area]

/** One text, or one for each plural category; the parameter `n` chooses. */
type Entry = string | ({ other: string } & Partial<Record<Intl.LDMLPluralRule, string>>)
type Texts = Record<string, Record<string, Entry>>

export type Params = Record<string, string | number>

const RIGHT_TO_LEFT = new Set(['ar', 'dv', 'fa', 'he', 'ku', 'ps', 'ug', 'ur', 'yi'])

export const locale = shallowRef('en')
export const direction = computed(() => (RIGHT_TO_LEFT.has(new Intl.Locale(locale.value).language) ? 'rtl' : 'ltr'))
const base: Texts = { ...english }
let translated: Texts = {}
const texts = shallowRef<Texts>(english)

let plurals = new Intl.PluralRules('en')
let numbers = new Intl.NumberFormat('en')

/** Changes the language; keys that `catalogue` lacks stay English. */
export function setLocale(tag: string, catalogue: Texts): void {
  translated = catalogue
  const merged: Texts = {}
  for (const area of Object.keys(base)) merged[area] = { ...base[area], ...translated[area] }
  plurals = new Intl.PluralRules(tag)
  numbers = new Intl.NumberFormat(tag)
  texts.value = merged
  locale.value = tag
  document.documentElement.lang = tag
  document.documentElement.dir = direction.value
}

/** Adds the English texts of an area that came with its page; what the language has of it already wins. */
export function addTexts<A extends Area>(area: A, entries: Catalogue[A]): void {
  base[area] = entries
  texts.value = { ...texts.value, [area]: { ...entries, ...translated[area] } }
}

function entryOf(key: string): Entry {
  const dot = key.indexOf('.')
  return texts.value[key.slice(0, dot)]?.[key.slice(dot + 1)] ?? key
}

function choose(entry: Entry, params: Params): string {
  if (typeof entry === 'string') return entry
  const category = plurals.select(Number(params.n ?? 0))
  return entry[category] ?? entry.other
}

/** The text of `key`, with `{name}` replaced; numbers are written the locale's way. Always a plain string, never markup. */
export function t(key: Key, params: Params = {}): string {
  return choose(entryOf(key), params).replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = params[name]
    if (value === undefined) return whole
    return typeof value === 'number' ? numbers.format(value) : value
  })
}
