import type { Replay, WireFrame } from '@/api/types'
import type { Key } from '@/i18n/t'

export type Verdict = WireFrame['verdict']

const KINDS: Record<string, Key> = {
  heartbeat: 'device.kindHeartbeat',
  sms: 'device.kindSms',
  deliveryReport: 'device.kindDeliveryReport',
  callEvent: 'device.kindCallEvent',
  ussd: 'device.kindUssd',
}

/** What the frame is in one line: method and address, or the status, or how its text begins. */
export function summaryOf(frame: WireFrame): string {
  const first = (text: string | null) => text?.split('\n', 1)[0] ?? ''
  return first(frame.head) || first(frame.text) || (frame.base64 ?? '')
}

/** All of it, for the clipboard. */
export const textOf = (frame: WireFrame) => [frame.head, frame.text ?? frame.base64].filter((part) => part !== null && part !== '').join('\n\n')

/** Answers of ours tell nothing, and of half a frame nothing is known. */
export const canBeReplayed = (frame: WireFrame) => frame.direction === 'in' && !frame.isCut

export interface Item {
  /** null for a kind that a newer server knows. */
  word: Key | null
  kind: string
  fields: { name: string; text: string }[]
}

/** What was understood, item by item, each field as text. */
export function itemsOf(replay: Replay): Item[] {
  return replay.understood.map((told) => {
    const { kind, ...fields } = told as Record<string, unknown>
    return {
      kind: String(kind),
      word: KINDS[String(kind)] ?? null,
      fields: Object.entries(fields).map(([name, value]) => ({ name, text: typeof value === 'string' ? value : JSON.stringify(value, null, 2) })),
    }
  })
}

/** Which fields were wrong, and how. */
export const wrongFieldsOf = (replay: Replay) =>
  Object.entries(replay.refused?.fields ?? {}).map(([name, wrong]) => ({ name, text: wrong.join(' ') }))
