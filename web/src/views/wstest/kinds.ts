import { bareSocketIo } from '@/live/transports/bareSocketio'
import type { OpenWire } from '@/live/wire'
import { pollingWire, sseWire } from './httpWires'
import { webSocketWire } from './websocketWire'

/** Something that a client can say, with data to begin from. */
export interface Saying {
  name: string
  data: unknown
}

const BEAT = { batteryLevel: 87, signalStrength: 23, intervalSeconds: 60 }

const BY_SOCKETIO: Saying[] = [
  { name: 'ping', data: null },
  { name: 'join-dashboard', data: { frames: true } },
  { name: 'join-device-room', data: 'demo-1' },
  { name: 'leave-device-room', data: 'demo-1' },
  { name: 'subscribe', data: { room: 'dashboard', frames: true } },
  { name: 'unsubscribe', data: { room: 'dashboard' } },
  { name: 'registerSession', data: '' },
  { name: 'device:authenticate', data: { deviceId: 'demo-1', key: '' } },
  { name: 'device:heartbeat', data: BEAT },
  { name: 'sms:sent', data: { messageId: '1', recipient: '+15550101' } },
  { name: 'sms:status', data: { messageId: '1', status: 'delivered' } },
]
const BY_WEBSOCKET: Saying[] = [
  { name: 'ping', data: { type: 'ping' } },
  { name: 'join', data: { type: 'join', room: 'dashboard', after: null } },
  { name: 'leave', data: { type: 'leave', room: 'dashboard' } },
  { name: 'auth', data: { type: 'auth', token: '' } },
  { name: 'sessionId', data: { sessionId: '' } },
]

export const KINDS = [
  { id: 'socketio-websocket', open: bareSocketIo('websocket'), sayings: BY_SOCKETIO },
  { id: 'socketio-polling', open: bareSocketIo('polling'), sayings: BY_SOCKETIO },
  { id: 'websocket', open: webSocketWire, sayings: BY_WEBSOCKET },
  { id: 'sse', open: sseWire, sayings: [] },
  { id: 'polling', open: pollingWire, sayings: [] },
] as const satisfies readonly { id: string; open: OpenWire; sayings: readonly Saying[] }[]

export type Kind = (typeof KINDS)[number]
