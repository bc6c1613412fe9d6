import type { Device, SimSlot } from '@/api/types'

export function aSlot(over: Partial<SimSlot> = {}): SimSlot {
  return {
    slotIndex: 0, carrierName: null, operatorName: null, phoneNumber: null, signalStatus: null, signalStrength: null,
    iccid: null, imsi: null, imei: null, status: null, balance: null, rawStatus: null, ...over,
  }
}

export function aDevice(deviceId: string, over: Partial<Device> = {}): Device {
  return {
    deviceId, name: null, make: 'http', status: 'online', statusReason: 'first heartbeat', statusSince: '2026-11-21T12:00:00.000Z', isOnline: true,
    isPending: false, deviceStatus: null, batteryLevel: null, charging: null, signalStrength: null, firmware: null,
    ipAddress: null, intervalSeconds: null, setIntervalSeconds: null, parent: null, timeZone: null, lastSeen: null, nextDueAt: null, registeredAt: '2026-11-21T12:00:00.000Z', counter: null,
    phoneNumbers: [], deviceBrandInfo: {}, simSlots: [], seq: 1, ...over,
  }
}
