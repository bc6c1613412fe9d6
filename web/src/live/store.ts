import type { Cursor, Device, EventData, Frame, Sms, Snapshot, Stats, StatusChange, WireEvent } from '@/api/types'
import type { Change } from './types'

export const MESSAGES_KEPT = 200
export const CHANGES_KEPT = 200

/** What the caller has to do after a frame. */
export type Outcome =
  | { kind: 'applied'; n: number }
  /** A snapshot came with the frame and was taken. */
  | { kind: 'replaced' }
  /** Something between our cursor and the frame is missing: ask again from our cursor. */
  | { kind: 'gap' }
  /** Our cursor is worth nothing here: fetch a snapshot. */
  | { kind: 'lost' }

/** What changed since the last look; `devices` holds ids, of removed ones too. */
export interface Dirt {
  devices: Set<string>
  stats: boolean
  messages: boolean
  changes: boolean
}

const clean = (): Dirt => ({ devices: new Set(), stats: false, messages: false, changes: false })

export function parseCursor(cursor: Cursor): { epoch: string; seq: number } {
  const colon = cursor.lastIndexOf(':')
  return { epoch: cursor.slice(0, colon), seq: Number(cursor.slice(colon + 1)) }
}

/** True where `cursor` is at or past `other`, in the same epoch. */
export function hasReached(cursor: Cursor, other: Cursor): boolean {
  const [a, b] = [parseCursor(cursor), parseCursor(other)]
  return a.epoch === b.epoch && a.seq >= b.seq
}

/**
 * The page's copy of the server's state. Rows are frozen and replaced whole, so a reader may keep one.
 * Frames may come twice, from two transports or out of order: the cursor decides what is news.
 */
export class LiveStore {
  readonly devices = new Map<string, Device>()
  stats: Stats | null = null
  /** Newest first. */
  messages: readonly Sms[] = []
  /** Newest first. */
  changes: readonly Change[] = []
  cursor: Cursor | null = null

  private dirt = clean()

  /** `onDirty` runs after every change; `onEvent` once for every event that was news. */
  constructor(
    private readonly onDirty: () => void = () => {},
    private readonly onEvent: (event: WireEvent) => void = () => {},
  ) {}

  /** Hands over what changed since the last call. */
  takeDirt(): Dirt {
    const dirt = this.dirt
    this.dirt = clean()
    return dirt
  }

  /**
   * Replaces everything. A snapshot older than the cursor is taken too: the server may have been set back, and
   * where it has not, the next frame shows a gap and the rest is asked for again.
   */
  takeSnapshot(snapshot: Snapshot): void {
    const goesOn = this.cursor !== null && hasReached(snapshot.cursor, this.cursor)
    if (!goesOn) this.forgetFacts()
    const kept = new Set(snapshot.devices.map((device) => device.deviceId))
    for (const id of this.devices.keys()) if (!kept.has(id)) this.removeDevice(id)
    for (const device of snapshot.devices) {
      if (!goesOn || this.devices.get(device.deviceId)?.seq !== device.seq) this.setDevice(device)
    }
    if (snapshot.stats) this.setStats(snapshot.stats)
    this.cursor = snapshot.cursor
    this.onDirty()
  }

  takeFrame(frame: Frame): Outcome {
    if (!frame.recovered) {
      if (!frame.state) return { kind: 'lost' }
      this.takeSnapshot(frame.state)
      this.applyEvents(frame.events)
      return { kind: 'replaced' }
    }
    if (!this.cursor) return { kind: 'lost' }
    const own = parseCursor(this.cursor)
    const upto = parseCursor(frame.cursor)
    if (upto.epoch !== own.epoch) return { kind: 'lost' }
    if (frame.after !== null && parseCursor(frame.after).seq > own.seq) return { kind: 'gap' }
    const n = this.applyEvents(frame.events)
    if (upto.seq > parseCursor(this.cursor).seq) this.cursor = frame.cursor
    return { kind: 'applied', n }
  }

  /** Adds messages that were fetched; those that came live stay. */
  addMessages(messages: readonly Sms[]): void {
    const known = new Set(this.messages.map((message) => message.id))
    const news = messages.filter((message) => !known.has(message.id)).map((message) => Object.freeze(message))
    if (news.length === 0) return
    this.messages = [...this.messages, ...news].sort((a, b) => b.seq - a.seq).slice(0, MESSAGES_KEPT)
    this.dirt.messages = true
    this.onDirty()
  }

  /** Takes a row from an answer to a command; an event that was faster wins. */
  putDevice(device: Device): void {
    const row = this.devices.get(device.deviceId)
    if (row && row.seq > device.seq) return
    this.setDevice(device)
    this.onDirty()
  }

  clear(): void {
    for (const id of [...this.devices.keys()]) this.removeDevice(id)
    this.stats = null
    this.cursor = null
    this.dirt.stats = true
    this.forgetFacts()
    this.onDirty()
  }

  /** They are another stream's, and their numbers mean something else now. */
  private forgetFacts(): void {
    this.messages = []
    this.changes = []
    this.dirt.messages = this.dirt.changes = true
  }

  private applyEvents(events: readonly WireEvent[]): number {
    const { epoch, seq: start } = parseCursor(this.cursor!)
    const news = events.filter((event) => event.seq > start).sort((a, b) => a.seq - b.seq)
    // Within a frame too, the same event may stand twice, once for each room.
    const seen = new Set<string>()
    for (const event of news) {
      const identity = `${event.seq} ${event.event}`
      if (seen.has(identity)) continue
      seen.add(identity)
      this.apply(event)
      this.onEvent(event)
    }
    const last = news.at(-1)?.seq
    if (last === undefined) return 0
    this.cursor = `${epoch}:${last}`
    this.onDirty()
    return seen.size
  }

  private apply(event: WireEvent): void {
    const { seq, at } = event
    switch (event.event as keyof EventData) {
      case 'device-heartbeat':
        return this.setDevice(event.data as Device)
      case 'device-updated':
        this.setDevice(event.data as Device)
        return this.addChange({ event: 'device-updated', seq, at, data: event.data as Device })
      case 'device-status-change':
        this.changeStatus(event.data as StatusChange)
        return this.addChange({ event: 'device-status-change', seq, at, data: event.data as StatusChange })
      case 'device-reboot':
        return this.addChange({ event: 'device-reboot', seq, at, data: event.data as EventData['device-reboot'] })
      case 'device-removed':
        this.removeDevice((event.data as EventData['device-removed']).deviceId)
        return this.addChange({ event: 'device-removed', seq, at, data: event.data as EventData['device-removed'] })
      case 'sms-received':
        return this.addMessage(event.data as Sms)
      case 'stats-update':
        return this.setStats(event.data as Stats)
    }
  }

  private setDevice(device: Device): void {
    this.devices.set(device.deviceId, Object.freeze(device))
    this.dirt.devices.add(device.deviceId)
  }

  private removeDevice(id: string): void {
    if (this.devices.delete(id)) this.dirt.devices.add(id)
  }

  private changeStatus(change: StatusChange): void {
    const row = this.devices.get(change.deviceId)
    if (!row) return
    const { currentStatus: status, isOnline, reason: statusReason, at: statusSince, seq } = change
    this.setDevice({ ...row, status, isOnline, statusReason, statusSince, seq })
  }

  private setStats(stats: Stats): void {
    this.stats = Object.freeze(stats)
    this.dirt.stats = true
  }

  private addMessage(message: Sms): void {
    if (this.messages.some((known) => known.id === message.id)) return
    this.messages = [Object.freeze(message), ...this.messages].slice(0, MESSAGES_KEPT)
    this.dirt.messages = true
  }

  private addChange(change: Change): void {
    this.changes = [change, ...this.changes].slice(0, CHANGES_KEPT)
    this.dirt.changes = true
  }
}
