import { locale } from './t'

type Moment = string | number | Date

const cache = new Map<string, Intl.DateTimeFormat>()

function dateFormat(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale.value} ${name}`
  let format = cache.get(key)
  if (!format) {
    format = new Intl.DateTimeFormat(locale.value, options)
    cache.set(key, format)
  }
  return format
}

/** `12:03:10`, in the reader's own zone. */
export function formatTime(at: Moment): string {
  return dateFormat('time', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(new Date(at))
}

/** The full time with its zone named, for tooltips and logs. */
export function formatDateTime(at: Moment): string {
  const options: Intl.DateTimeFormatOptions = {
    year: 'numeric', month: 'short', day: 'numeric',
    hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZoneName: 'short',
  }
  return dateFormat('full', options).format(new Date(at))
}

/** `12:03` today, `21 Nov 12:03` before. */
export function formatShort(at: Moment, now: number): string {
  const date = new Date(at)
  const time = dateFormat('minute', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(date)
  if (date.toDateString() === new Date(now).toDateString()) return time
  return `${dateFormat('day', { day: 'numeric', month: 'short' }).format(date)} ${time}`
}

export function formatNumber(value: number): string {
  return new Intl.NumberFormat(locale.value).format(value)
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]]

/** `8 sec. ago`, `3 min. ago`. A clock that is a little off never says "in 2 seconds". */
export function formatAge(at: Moment, now: number): string {
  const seconds = Math.max(0, Math.round((now - new Date(at).getTime()) / 1_000))
  const relative = new Intl.RelativeTimeFormat(locale.value, { numeric: 'auto', style: 'narrow' })
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? ['second', 1]
  return relative.format(-Math.floor(seconds / size), unit)
}

/** `45s`, `12m`, `3h 20m`, `4d 2h`: for columns where every character counts. */
export function formatDuration(totalSeconds: number): string {
  const seconds = Math.max(0, Math.floor(totalSeconds))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 86_400) return joined(Math.floor(seconds / 3_600), 'h', Math.floor((seconds % 3_600) / 60), 'm')
  return joined(Math.floor(seconds / 86_400), 'd', Math.floor((seconds % 86_400) / 3_600), 'h')
}

function joined(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small ? `${big}${bigUnit} ${small}${smallUnit}` : `${big}${bigUnit}`
}
