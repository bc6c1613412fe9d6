import type { Cursor } from '@/api/types'

/** One connection, as bare as it comes: what is said on it is shown, not understood. */
export interface Wire {
  /** Ends it with a goodbye. */
  close(): void
  /** Lets go of it without one, as a lost network does. */
  cut(): void
  /** Resolves when the server has answered. */
  ping(): Promise<void>
  /** Asks for a session's progress as well. */
  follow(sessionId: string): void
  /** Says something; only where clients can. */
  send?(name: string, data: unknown): void
}

export interface Sink {
  opened(): void
  /** `text` is what came, for the log; `cursor` where the transport tells it beside the data. */
  said(name: string, data: unknown, text: string, cursor?: Cursor): void
  sent(name: string, text: string): void
  /** Once; nothing follows. */
  closed(reason: string): void
}

export type OpenWire = (rooms: readonly string[], after: Cursor | null, sink: Sink) => Wire

/** How often something is asked for again when it failed, or there was nothing to wait for. */
export const PAUSE_MS = 1_000

export const pause = (milliseconds: number) => new Promise<void>((done) => setTimeout(done, milliseconds))

export async function pingOverHttp(): Promise<void> {
  const response = await fetch('/api/health/live', { cache: 'no-store' })
  if (!response.ok) throw new Error(String(response.status))
}
