import { onScopeDispose, readonly, ref, shallowReactive, shallowRef, type Ref, type ShallowRef } from 'vue'
import { api, mayHaveSession, refreshSession, reportExpiredSession } from '@/api/client'
import type { Device, Frame, Sms, SmsPage, Snapshot, Stats, WireEvent } from '@/api/types'
import { learnServerTime, serverNow, systemClock } from './clock'
import { Link } from './link'
import { LiveStore } from './store'
import { pollingTransport } from './transports/polling'
import { socketIoTransport } from './transports/socketio'
import { sseTransport } from './transports/sse'
import { webSocketTransport } from './transports/websocket'
import type { Change, LinkState, Transport } from './types'

const ROOMS = ['dashboard']
/** How often the page catches up while nobody looks: animation frames stop then. */
const HIDDEN_FLUSH = 1_000
const SEED = 50

export interface Live {
  /** Every device, by id; rows are frozen and replaced whole. */
  devices: ReadonlyMap<string, Device>
  stats: Readonly<ShallowRef<Stats | null>>
  /** The newest 200, newest first. */
  messages: Readonly<ShallowRef<readonly Sms[]>>
  /** The newest facts about devices, newest first. */
  changes: Readonly<ShallowRef<readonly Change[]>>
  link: Readonly<ShallowRef<LinkState>>
  /** False until the first snapshot came. */
  isReady: Readonly<Ref<boolean>>
}

const devices = shallowReactive(new Map<string, Device>())
const stats = shallowRef<Stats | null>(null)
const messages = shallowRef<readonly Sms[]>([])
const changes = shallowRef<readonly Change[]>([])
const isReady = ref(false)
const listeners = new Set<(event: WireEvent) => void>()
const reconnectListeners = new Set<() => void>()

let isFlushPlanned = false

function planFlush(): void {
  if (isFlushPlanned) return
  isFlushPlanned = true
  if (document.hidden) setTimeout(flush, HIDDEN_FLUSH)
  else requestAnimationFrame(flush)
}

/** Mirrors what changed since the last frame, and nothing else: only the rows on show render again. */
function flush(): void {
  if (!isFlushPlanned) return
  isFlushPlanned = false
  const dirt = store.takeDirt()
  for (const id of dirt.devices) {
    const row = store.devices.get(id)
    if (row) devices.set(id, row)
    else devices.delete(id)
  }
  if (dirt.stats) stats.value = store.stats
  if (dirt.messages) messages.value = store.messages
  if (dirt.changes) changes.value = store.changes
  isReady.value = store.cursor !== null
}

// A tab that was hidden between the plan and its animation frame would wait for ever.
document.addEventListener('visibilitychange', () => isFlushPlanned && setTimeout(flush, 0))

const store = new LiveStore(planFlush, (event) => {
  for (const listener of listeners) listener(event)
})

const fetchMessages = () => api.get<SmsPage>('/api/sms', { limit: SEED })
/** Asked for beside the snapshot, and taken after it. */
let early: Promise<SmsPage> | null = null

async function fetchSnapshot(): Promise<Snapshot> {
  early = fetchMessages()
  early.catch(() => {})
  const snapshot = await api.get<Snapshot>('/api/state', { rooms: ROOMS })
  learnServerTime(snapshot.serverTime)
  return snapshot
}

/** The snapshot has no messages. Where they cannot be had, the feed starts with the next one that arrives. */
function seedMessages(): void {
  const page = early ?? fetchMessages()
  early = null
  page.then((page) => store.addMessages(page.messages)).catch(() => {})
}

const fetchFrame = (query: Record<string, string | number | null>, signal: AbortSignal) =>
  api.get<Frame>('/api/events', query, signal)

/** The rungs that this server has, best first; polling is always there to fall back on. */
function ladderOf(names: readonly string[]): Transport[] {
  const all: Transport[] = [
    socketIoTransport({ rooms: ROOMS }),
    webSocketTransport({ rooms: ROOMS }),
    sseTransport({ rooms: ROOMS }),
    pollingTransport({ rooms: ROOMS, clock: systemClock, fetchFrame }),
  ]
  return all.filter(({ name }) => name === 'polling' || names.includes(name))
}

const line = new Link({
  store,
  rooms: ROOMS,
  fetchFrame,
  tabClock: systemClock,
  locks: navigator.locks,
  openChannel: typeof BroadcastChannel === 'undefined' ? undefined : (name) => new BroadcastChannel(name),
  isHidden: () => document.hidden,
  clock: { ...systemClock, now: serverNow },
  fetchSnapshot,
  refresh: refreshSession,
  onLink: (state) => (link.value = state),
  onExpired: reportExpiredSession,
  // Who signed in again meanwhile goes on.
  onOver: () => mayHaveSession() || reportExpiredSession(),
  onReplaced: seedMessages,
  onReconnect: () => {
    for (const listener of reconnectListeners) listener()
  },
})
const link = shallowRef<LinkState>(line.state)

// The network came back, or the reader did: no need to sit out the back-off.
window.addEventListener('online', () => line.retryNow())
document.addEventListener('visibilitychange', () => line.noteVisibility())
document.addEventListener('freeze', () => line.freeze())
document.addEventListener('resume', () => line.thaw())

/** The live state, one for the whole page. */
export function useLive(): Live {
  return { devices, stats, messages, changes, link, isReady }
}

/** Calls `listener` for every event once, in order, until the component goes. */
export function onLiveEvent(listener: (event: WireEvent) => void): void {
  listeners.add(listener)
  onScopeDispose(() => listeners.delete(listener))
}

export function onReconnect(listener: () => void): void {
  reconnectListeners.add(listener)
  onScopeDispose(() => reconnectListeners.delete(listener))
}

/** Takes the row that a command answered with, without waiting for the event. */
export function putDevice(device: Device): void {
  store.putDevice(device)
}

/** `transports`: the names that the server gives for what it can do; `userId`: whose tabs share one line, if they are of one version. */
export const startLive = (transports: readonly string[], userId: string) => line.start(ladderOf(transports), `${userId}-${__BUILD_ID__}`)
export const stopLive = () => line.stop()
export const retryLive = () => line.retryNow()
export const reopenLive = () => line.reopen()
export const dismissOutageNote = () => line.dismissNote()

const now = ref(serverNow())
let ticks: ReturnType<typeof setInterval> | undefined

/** Milliseconds since 1970 by the server's clock; one ticking ref for all the ages on the page. */
export function useClock(): Readonly<Ref<number>> {
  ticks ??= setInterval(() => (now.value = serverNow()), 1_000)
  return readonly(now)
}

export type { Change, LinkState }
