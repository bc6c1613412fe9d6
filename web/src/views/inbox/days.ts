import type { Sms } from '@/api/types'

export interface Day {
  key: string
  at: string
  messages: Sms[]
}

/** Cuts messages (newest first) into days of the reader's calendar, oldest first. */
export function byDay(messages: readonly Sms[]): Day[] {
  const days: Day[] = []
  for (const message of messages.toReversed()) {
    const key = new Date(message.receivedAt).toDateString()
    const last = days.at(-1)
    if (last?.key === key) last.messages.push(message)
    else days.push({ key, at: message.receivedAt, messages: [message] })
  }
  return days
}
