import type { Device, Frame, Sms, Snapshot, Stats, WireEvent } from '@/api/types'

export const AT = '2026-11-21T12:00:00.000Z'

export function device(deviceId: string, seq: number, change: Partial<Device> = {}): Device {
  return {
    deviceId, name: deviceId, make: 'http', status: 'online', statusReason: 'first heartbeat', statusSince: AT, isOnline: true,
    isPending: false, deviceStatus: null, batteryLevel: 80, charging: false, signalStrength: -70, firmware: null,
    ipAddress: null, intervalSeconds: 30, setIntervalSeconds: null, parent: null, timeZone: null, lastSeen: AT, nextDueAt: null, registeredAt: AT, counter: null,
    phoneNumbers: [], deviceBrandInfo: {}, simSlots: [], seq, ...change,
  }
}

export function sms(id: string, seq: number, message = 'hello'): Sms {
  return {
    id, deviceId: 'a', direction: 'inbound', sender: 'Bank', recipient: null, message, timestamp: AT, receivedAt: AT,
    slotIndex: 0, carrierName: null, slotInfo: null, status: 'received', seq,
  }
}

export function stats(seq: number, totalDevices = 0): Stats {
  return {
    totalDevices, onlineDevices: 0, lateDevices: 0, offlineDevices: 0, unknownDevices: 0, totalSms: 0, receivedSms: 0,
    sentSms: 0, deliveredSms: 0, failedSms: 0, timestamp: AT, seq,
  }
}

export function snapshot(cursor: string, devices: Device[] = []): Snapshot {
  return { cursor, rooms: ['dashboard'], devices, stats: stats(0, devices.length), alerts: [], notifications: [], serverTime: AT }
}

export function event(seq: number, name: string, data: unknown): WireEvent {
  return { seq, event: name, room: 'dashboard', data, at: AT }
}

export function heartbeat(deviceId: string, seq: number, change: Partial<Device> = {}): WireEvent {
  return event(seq, 'device-heartbeat', device(deviceId, seq, change))
}

export function frame(after: string | null, cursor: string, events: WireEvent[] = [], change: Partial<Frame> = {}): Frame {
  return { after, cursor, recovered: true, events, ...change }
}
