import type { components } from './schema'

/**
 * What stands on the wire, by the names that the page uses. The shapes are the server's own: `schema.d.ts` is
 * generated from its OpenAPI document. Times are ISO 8601 UTC with milliseconds; ids are strings.
 */
type Schemas = components['schemas']

export type Device = Schemas['Device']
export type DeviceStatus = Device['status']
export type SimSlot = Schemas['SimSlot']
export type DeviceBrandInfo = Schemas['DeviceBrand']
export type Sms = Schemas['Sms']
export type SlotInfo = Schemas['SlotInfo']
export type Stats = Schemas['Stats']
export type StatusChange = Schemas['StatusChange']
export type DeviceReboot = Schemas['DeviceReboot']
export type DeviceRemoved = Schemas['DeviceRemoved']
export type DeviceReadmitted = Schemas['DeviceReadmitted']

export type SimInserted = Schemas['SimInserted']
export type SimMoved = Schemas['SimMoved']
export type SimVanished = Schemas['SimVanished']
export type SimConflict = Schemas['SimConflict']
export type SmsRecovered = Schemas['SmsRecovered']
export type CardPlace = Schemas['CardPlace']

/** `"epoch:seq"`; opaque but for the live store. */
export type Cursor = string

/** The names that this page knows, and the data that each carries. An unknown name is not an error. */
export interface EventData {
  'device-heartbeat': Device
  'device-updated': Device
  'device-status-change': StatusChange
  'device-reboot': DeviceReboot
  'device-removed': DeviceRemoved
  'device-readmitted': DeviceReadmitted
  'sim-inserted': SimInserted
  'sim-moved': SimMoved
  'sim-vanished': SimVanished
  'sim-conflict': SimConflict
  'sms-received': Sms
  'sms-recovered': SmsRecovered
  'stats-update': Stats
}

export type WireEvent<Data = unknown> = Omit<Schemas['Event'], 'data'> & { data: Data }
export type Snapshot = Schemas['StateAnswer']

/** All that a subscription has between `after` and `cursor`, vouched for by the server. */
export type Frame = Omit<Schemas['FrameAnswer'], 'events'> & { events: WireEvent[] }

export type User = Schemas['Identity']
export type Role = User['role']
export type Session = Schemas['LoginAnswer']
export type Meta = Schemas['MetaAnswer']
export type Enrollment = Schemas['EnrollmentAnswer']
/** Shown once. */
export type EnrollmentKey = Schemas['EnrollmentKeyAnswer']

/** The makes of gateways, and what to type into each. */
export type Makes = Schemas['MakesAnswer']
export type Make = Schemas['Make']

/** What an operator sets of a device. */
export type DeviceSettings = Schemas['DevicePatch']
/** A device that was turned away. */
export type Rejection = Schemas['Rejection']
export type Rejections = Schemas['RejectionsAnswer']
export type DeviceKeys = Schemas['DeviceKeysAnswer']

export type DevicePage = Schemas['DevicesAnswer']
export type SmsPage = Schemas['SmsPageAnswer']
export type Conversation = Schemas['Conversation']
export type ConversationPage = Schemas['ConversationsAnswer']
export type Sim = Schemas['Sim']
export type SimPage = Schemas['SimsAnswer']
export type HistoryPoint = Schemas['Point']
/** Buckets without data are missing: gaps stay gaps. */
export type History = Schemas['HistoryAnswer']
export type HeartbeatRow = Schemas['Heartbeat']
export type HeartbeatPage = Schemas['HeartbeatsAnswer']
export type EventPage = Omit<Schemas['EventsPageAnswer'], 'events'> & { events: WireEvent[] }
/** One message on the wire, as the wire log keeps it. */
export type WireFrame = Schemas['WireFrame']
export type WireFramePage = Schemas['WireFramesAnswer']
/** What a frame tells by today's decoder. */
export type Replay = Schemas['ReplayAnswer']
export type Progress = Schemas['ProgressAnswer']
/** Who is connected. */
export type Connections = Schemas['ConnectionsAnswer']
export type ErrorBody = Schemas['ErrorAnswer']
