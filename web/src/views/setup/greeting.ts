import type { Device, WireFrame } from '@/api/types'
import { isOfTrial, type Choice, type Trial } from './choices'

const MOST_KNOCKS = 3

/** What there is to say of who was heard: of the chosen make, of others, and of those who were not let in. */
export interface Greeting {
  state: 'waiting' | 'tried' | 'greeted'
  greeted: readonly Device[]
  others: readonly Device[]
  knocks: readonly WireFrame[]
}

export function greetingOf(choice: Choice, heard: readonly Device[], knocks: readonly WireFrame[], trial: Trial): Greeting {
  const { make } = choice.make
  // A box was not heard itself: it is there because its lines were.
  const boxes = new Set(heard.map((device) => device.parent))
  const arrivals = heard.filter(({ deviceId }) => !boxes.has(deviceId))
  const greeted = arrivals.filter((device) => device.make === make)
  const itself = greeted.filter(({ deviceId }) => !isOfTrial(trial, deviceId))
  // Whoever is here now may have knocked in vain before.
  const greetedAt = Math.max(0, ...itself.map((device) => Date.parse(device.statusSince)))
  const isOurs = (frame: WireFrame) => Number(frame.make === make)
  return {
    state: itself.length ? 'greeted' : greeted.length ? 'tried' : 'waiting',
    greeted,
    others: arrivals.filter((device) => device.make !== make),
    knocks: knocks.filter((frame) => Date.parse(frame.at) > greetedAt).sort((a, b) => isOurs(b) - isOurs(a)).slice(0, MOST_KNOCKS),
  }
}
