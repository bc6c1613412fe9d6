import type { Device, DeviceSettings } from '@/api/types'

/** What an operator may set of a device, as the fields of a form have it: blank for what the device is to say itself. */
export interface SettingsForm {
  name: string
  parent: string
  timeZone: string
  intervalSeconds: number | ''
}

export const formOf = (device: Device): SettingsForm => ({
  name: device.name ?? '',
  parent: device.parent ?? '',
  timeZone: device.timeZone ?? '',
  intervalSeconds: device.setIntervalSeconds ?? '',
})

/** What of the form differs from what it was filled with; a blank field is null. */
export function changesOf(form: SettingsForm, before: SettingsForm): DeviceSettings {
  const changes: DeviceSettings = {}
  const name = form.name.trim()
  const timeZone = form.timeZone.trim()
  if (name !== before.name) changes.name = name || null
  if (form.parent !== before.parent) changes.parent = form.parent || null
  if (timeZone !== before.timeZone) changes.timeZone = timeZone || null
  if (form.intervalSeconds !== before.intervalSeconds) changes.intervalSeconds = form.intervalSeconds === '' ? null : form.intervalSeconds
  return changes
}

/** The names of time zones that this browser knows; the server says no to what it does not. */
export const zoneNames = (): readonly string[] => ['UTC', ...Intl.supportedValuesOf('timeZone')]
