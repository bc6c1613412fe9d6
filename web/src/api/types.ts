/** What stands on the wire. Times are ISO 8601 UTC with milliseconds; ids are strings. */

export type DeviceStatus = 'online' | 'late' | 'offline' | 'unknown'

export interface SimSlot {
  slotIndex: number
  carrierName: string | null
  operatorName: string | null
  phoneNumber: string | null
  signalStatus: string | null
  signalStrength: number | null
  iccid: string | null
  imsi: string | null
  imei: string | null
  status: string | null
  balance: string | number | null
  rawStatus: string | null
}

export interface DeviceBrandInfo {
  brand?: string | null
  model?: string | null
  product?: string | null
  board?: string | null
  device?: string | null
  manufacturer?: string | null
}

export interface Device {
  deviceId: string
  name: string | null
  make: string
  status: DeviceStatus
  statusReason: string | null
  statusSince: string | null
  /** True for online and for late. */
  isOnline: boolean
  /** Waits for an operator to adopt it. */
  isPending: boolean
  /** The device's own word. */
  deviceStatus: string | null
  batteryLevel: number | null
  charging: boolean | null
  /** As sent: dBm, CSQ or per cent, by make. */
  signalStrength: number | null
  firmware: string | null
  ipAddress: string | null
  /** As declared by the device. */
  intervalSeconds: number | null
  lastSeen: string | null
  nextDueAt: string | null
  registeredAt: string | null
  counter: number | null
  phoneNumbers: string[]
  deviceBrandInfo: DeviceBrandInfo | null
  simSlots: SimSlot[]
  seq: number
}

export interface SlotInfo {
  slotIndex: number
  carrierName: string | null
  phoneNumber: string | null
}

export interface Sms {
  id: string
  deviceId: string
  direction: 'inbound' | 'outbound'
  sender: string | null
  recipient: string | null
  message: string
  timestamp: string | null
  receivedAt: string
  slotIndex: number | null
  carrierName: string | null
  slotInfo: SlotInfo | null
  status: string | null
  seq: number
}

export interface Stats {
  totalDevices: number
  onlineDevices: number
  lateDevices: number
  offlineDevices: number
  unknownDevices: number
  totalSms: number
  receivedSms: number
  sentSms: number
  deliveredSms: number
  failedSms: number
  timestamp: string
  seq: number
}

export interface StatusChange {
  deviceId: string
  /** null for a new device. */
  previousStatus: DeviceStatus | null
  currentStatus: DeviceStatus
  isOnline: boolean
  isNewDevice: boolean
  reason: string | null
  at: string
  seq: number
}

export interface DeviceReboot {
  deviceId: string
  previousCounter: number | null
  counter: number | null
  at: string
  seq: number
}

export interface DeviceRemoved {
  deviceId: string
  at: string
  seq: number
}

/** `"epoch:seq"`; opaque but for the live store. */
export type Cursor = string

/** The names that this page knows, and the data that each carries. An unknown name is not an error. */
export interface EventData {
  'device-heartbeat': Device
  'device-updated': Device
  'device-status-change': StatusChange
  'device-reboot': DeviceReboot
  'device-removed': DeviceRemoved
  'sms-received': Sms
  'stats-update': Stats
}

export interface WireEvent<Data = unknown> {
  seq: number
  event: string
  room: string
  data: Data
  at: string
}

export interface Snapshot {
  cursor: Cursor
  rooms: string[]
  devices: Device[]
  stats: Stats | null
  alerts: unknown[]
  notifications: unknown[]
  serverTime: string
}

/** All that a subscription has between `after` and `cursor`, vouched for by the server. */
export interface Frame {
  after: Cursor | null
  cursor: Cursor
  recovered: boolean
  events: WireEvent[]
  /** Comes with `recovered: false` where the transport can carry it. */
  state?: Snapshot
}

export type Role = 'viewer' | 'operator' | 'admin'

export interface User {
  id: string | number
  username: string
  role: Role
  customerId?: string | number | null
}

export interface Session {
  accessToken: string
  refreshToken: string
  expiresIn: number
  user: User
}

export interface Meta {
  version: string
  buildId: string | null
  serverTime: string
  transports: string[]
}

export interface Enrollment {
  mode: 'auto' | 'approve'
  /** This server as the caller sees it. */
  url: string
  hasKey: boolean
}

export interface EnrollmentKey {
  /** Shown once. */
  enrollmentKey: string
  curl: string
}

export interface DevicePage {
  devices: Device[]
  nextCursor: string | null
  total: number
}

export interface SmsPage {
  messages: Sms[]
  nextCursor: string | null
  total: number | null
}

export interface Conversation {
  deviceId: string
  deviceName: string | null
  peer: string
  nMessages: number
  lastMessage: Sms
}

export interface ConversationPage {
  conversations: Conversation[]
  nextCursor: string | null
  total: null
}

export interface Sim {
  simId: string | number
  iccid: string | null
  imsi: string | null
  phoneNumber: string | null
  carrierName: string | null
  operatorName: string | null
  deviceId: string | null
  slotIndex: number | null
  balance: string | number | null
  firstSeen: string
  lastSeen: string
}

export interface SimPage {
  sims: Sim[]
  nextCursor: string | null
  total: number
}

export interface HistoryPoint {
  at: string
  avg: number | null
  min: number | null
  max: number | null
  n: number
}

/** Buckets without data are missing: gaps stay gaps. */
export interface History {
  deviceId: string
  metric: 'battery' | 'signal' | 'heartbeats'
  slotIndex: number | null
  from: string
  to: string
  step: number
  points: HistoryPoint[]
}

export interface HeartbeatRow {
  seq: number
  at: string
  sentAt: string | null
  batteryLevel: number | null
  charging: boolean | null
  signalStrength: number | null
  deviceStatus: string | null
  counter: number | null
  simSlots: SimSlot[]
}

export interface HeartbeatPage {
  heartbeats: HeartbeatRow[]
  nextCursor: string | null
}

export interface EventPage {
  events: WireEvent[]
  nextCursor: string | null
}

export interface ErrorBody {
  success: false
  error: string
  code: string
  fields?: Record<string, string | string[]>
  requestId?: string
}
