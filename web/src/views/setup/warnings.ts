import type { Makes } from '@/api/types'
import type { Key, Params } from '@/i18n/t'
import { hostOf, type Choice } from './choices'

export interface Warning {
  text: Key
  params?: Params
  /** It cannot work before this is mended. */
  isInTheWay: boolean
}

/** True for a name by which a machine means itself. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.endsWith('.localhost') || /^127\./.test(host)
}

/** What stands between this kind of gateway and this server, or is to be known of the way; the worst first. */
export function warningsOf(choice: Choice, told: Makes): Warning[] {
  const { transport } = choice.make
  if (transport === 'dial') return choice.make.address?.startsWith('mqtts:') ? [] : [{ text: 'setup.inTheClear', isInTheWay: false }]
  const warnings = transport === 'http' ? httpWarnings(choice, told) : portWarnings(choice, told)
  return warnings.sort((a, b) => Number(b.isInTheWay) - Number(a.isInTheWay))
}

/** Of makes that have a port of their own. */
function portWarnings({ make }: Choice, told: Makes): Warning[] {
  const transport = make.transport.toUpperCase()
  if (make.port === null) return [{ text: make.transport === 'udp' ? 'setup.udpOff' : 'setup.tcpOff', isInTheWay: true }]
  const host = hostOf(told.url)
  const warnings: Warning[] = [
    { text: 'setup.firewall', params: { transport, port: String(make.port) }, isInTheWay: false },
    { text: 'setup.inTheClear', isInTheWay: false },
  ]
  if (told.isLocalOnly) warnings.push({ text: 'setup.portLocal', isInTheWay: true })
  else if (isLoopback(host)) warnings.push({ text: 'setup.urlLocal', params: { host }, isInTheWay: true })
  if (told.isProxied) warnings.push({ text: 'setup.portProxied', params: { host }, isInTheWay: false })
  if (make.allowed.length) warnings.push({ text: 'setup.portAllowed', params: { networks: make.allowed.join(', ') }, isInTheWay: false })
  return warnings
}

function httpWarnings({ guide }: Choice, told: Makes): Warning[] {
  const host = hostOf(told.url)
  const isPlain = told.url.startsWith('http:')
  // A box or a phone is another machine for sure; a script or a program may be on this very one.
  const isInTheWay = guide.group === 'box' || guide.group === 'phone'
  const warnings: Warning[] = []
  if (guide.needsHttps && isPlain) warnings.push({ text: 'setup.needsHttps', isInTheWay: true })
  if (told.isLocalOnly && !told.isProxied) warnings.push({ text: 'setup.httpLocal', isInTheWay })
  else if (isLoopback(host)) warnings.push({ text: 'setup.urlLocal', params: { host }, isInTheWay })
  else if (isPlain && !guide.needsHttps) warnings.push({ text: 'setup.httpClear', isInTheWay: false })
  if (guide.comesFromInternet) warnings.push({ text: 'setup.comesFromInternet', isInTheWay: false })
  return warnings
}
