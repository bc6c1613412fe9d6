import type { Make, Makes } from '@/api/types'
import { choicesOf, type Choice } from '@/views/setup/choices'
import { GUIDES } from '@/views/setup/guides'

export function make(name: string, change: Partial<Make> = {}): Make {
  const address = `https://goip.example/in/${name}/{key}`
  return { name, make: name, title: `The ${name}`, transport: 'http', address, port: null, allowed: [], ...change }
}

export function withPort(name: string, transport: 'udp' | 'tcp', change: Partial<Make> = {}): Make {
  return make(name, { transport, address: null, port: 44_444, ...change })
}

const OTHERS: Record<string, Make> = {
  dbl: withPort('dbl', 'udp'),
  'dinstar-tcp': withPort('dinstar-tcp', 'tcp', { make: 'dinstar', port: 12_000 }),
  mqtt: make('mqtt', { transport: 'dial', address: 'mqtt://broker.example:1883/goip' }),
  yeastar: make('yeastar', { transport: 'dial', address: null }),
}

/** All that the page can describe. */
export const everyMake = GUIDES.map(({ name }) => OTHERS[name] ?? make(name))

export function choice(one: Make): Choice {
  return choicesOf([one])[0]!
}

export function told(change: Partial<Makes> = {}): Makes {
  return { url: 'https://goip.example', isLocalOnly: false, isProxied: false, makes: everyMake, ...change }
}
