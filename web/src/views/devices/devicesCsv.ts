import type { Device } from '@/api/types'
import { saveFile } from '@/components/saveFile'
import { labelOf, modelOf, shelfOf } from './describe'

const NUMBER = /^[+-]?[\d ]+$/

/** A cell that a spreadsheet would run as a formula is defused with an apostrophe; a phone number is left alone. */
export function csvCell(value: unknown): string {
  let text = value == null ? '' : String(value)
  if (/^[=@\t\r]/.test(text) || (/^[+-]/.test(text) && !NUMBER.test(text))) text = `'${text}`
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const HEADER = [
  'deviceId', 'name', 'make', 'parent', 'status', 'statusReason', 'statusSince', 'lastSeen', 'batteryLevel', 'signalStrength',
  'model', 'firmware', 'ipAddress', 'operators', 'phoneNumbers', 'iccids',
]

function rowOf(device: Device): unknown[] {
  const slots = device.simSlots
  const list = (values: (string | null)[]) => values.filter(Boolean).join('; ')
  return [
    device.deviceId, labelOf(device), device.make, device.parent, shelfOf(device), device.statusReason, device.statusSince, device.lastSeen,
    device.batteryLevel, device.signalStrength, modelOf(device), device.firmware, device.ipAddress,
    list(slots.map((slot) => slot.operatorName ?? slot.carrierName)), list(device.phoneNumbers), list(slots.map((slot) => slot.iccid)),
  ]
}

export function devicesCsv(devices: Iterable<Device>): string {
  const lines = [HEADER, ...Array.from(devices, rowOf)].map((row) => row.map(csvCell).join(','))
  return `${lines.join('\r\n')}\r\n`
}

/** The mark at its start tells spreadsheets that it is UTF-8. */
export function downloadCsv(name: string, csv: string): void {
  saveFile(name, `\ufeff${csv}`, 'text/csv;charset=utf-8')
}
