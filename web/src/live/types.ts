import type { Cursor, DeviceReboot, DeviceRemoved, Device, Frame, StatusChange } from '@/api/types'

/** From best to last: the order in which the page climbs down. */
export const TRANSPORT_NAMES = ['socketio', 'websocket', 'sse', 'polling'] as const
export type TransportName = (typeof TRANSPORT_NAMES)[number]

/**
 * What a transport tells about itself. `heard` is any sign of life (a frame tells by itself);
 * after `closed` it says nothing more, and never retries on its own: that is the manager's.
 */
export type TransportState =
  /** `cursor`: where the replay is complete, if the server says; not `isRecovered`: a snapshot follows instead. */
  | { kind: 'open'; cursor: Cursor | null; isRecovered: boolean }
  | { kind: 'heard' }
  | { kind: 'resync'; reason: string }
  | { kind: 'closed'; code: CloseCode; reason: string }

/** `silent`: nothing was heard for too long, whatever the socket says. */
export type CloseCode = 'unreachable' | 'unauthorized' | 'refused' | 'lost' | 'silent'

export interface Connection {
  /** Asks for everything after `cursor`, on the same connection. */
  resume(cursor: Cursor): void
  close(): void
}

/** One way to carry frames. `open` returns at once; everything else is told by the two callbacks. */
export interface Transport {
  /** May change while it is open, where it is another tab's line that carries the frames. */
  readonly name: TransportName
  open(cursor: Cursor | null, onFrame: (frame: Frame) => void, onState: (state: TransportState) => void): Connection
}

export type LinkPhase = 'connecting' | 'connected' | 'polling' | 'error'

/** What came of an outage, and how many milliseconds it lasted. */
export type OutageNote = { kind: 'replayed'; n: number; lasted: number } | { kind: 'gap'; lasted: number }

/** Why a transport came into use: the last two are said of a tab that shares its line with others. */
export type OpenReason = 'opened' | 'back' | 'fell' | 'climbed' | 'tookOver' | 'followed'

/** From `at` on, the page heard by this transport, or by none. */
export interface LinkChange {
  at: number
  transport: TransportName | null
  why: OpenReason | CloseCode
  /** What came of the outage that ended with it. */
  note: OutageNote | null
}

export interface LinkState {
  phase: LinkPhase
  transport: TransportName | null
  /** When the last frame or ping came; what the badge shows the age of. */
  lastHeardAt: number | null
  /** When the values on the page stopped being current; null while they are. */
  staleSince: number | null
  /** When the next try starts, while the link is down. */
  retryAt: number | null
  /** To be said once across the page. */
  note: OutageNote | null
  /** It is another tab that has the line. */
  isShared: boolean
  /** The last changes of transport, newest first. */
  log: readonly LinkChange[]
}

/** A fact about a device, for the list of recent changes. */
export type Change =
  | { event: 'device-status-change'; seq: number; at: string; data: StatusChange }
  | { event: 'device-reboot'; seq: number; at: string; data: DeviceReboot }
  | { event: 'device-removed'; seq: number; at: string; data: DeviceRemoved }
  | { event: 'device-updated'; seq: number; at: string; data: Device }
