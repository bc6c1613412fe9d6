import type { Device, DeviceStatus } from '@/api/types'
import { t } from '@/i18n/t'
import type { Change } from '@/live/types'

export interface ChangeRow {
  key: string
  deviceId: string
  /** null where the row is about something else than the status. */
  status: DeviceStatus | null
  text: string
  reason: string | null
  at: string
}

const word = (status: DeviceStatus) => t(`overview.${status}`)

function textOf(change: Change): string {
  switch (change.event) {
    case 'device-reboot':
      return t('overview.reboot')
    case 'device-removed':
      return t(change.data.isRejected ? 'overview.rejected' : 'overview.removed')
    case 'device-updated':
      return t('overview.updated')
    case 'device-status-change': {
      const { previousStatus, currentStatus, isNewDevice } = change.data
      if (isNewDevice || !previousStatus) return t('overview.newDevice', { status: word(currentStatus) })
      return t('overview.wentTo', { previous: word(previousStatus), current: word(currentStatus) })
    }
  }
}

function rowOf(change: Change): ChangeRow {
  const isStatus = change.event === 'device-status-change'
  return {
    key: `${change.seq} ${change.event}`,
    deviceId: change.data.deviceId,
    status: isStatus ? change.data.currentStatus : null,
    text: textOf(change),
    reason: isStatus ? change.data.reason : null,
    at: change.at,
  }
}

function rowOfDevice(device: Device): ChangeRow {
  const { deviceId, status, statusReason: reason, statusSince } = device
  return { key: `row ${deviceId}`, deviceId, status, text: word(status), reason, at: statusSince ?? '' }
}

/** The `n` whose status changed last, newest first; one pass, for there may be thousands. */
function newestOf(devices: Iterable<Device>, isTold: (deviceId: string) => boolean, n: number): Device[] {
  const newest: Device[] = []
  for (const device of devices) {
    const since = device.statusSince
    if (!since || isTold(device.deviceId)) continue
    if (newest.length === n && since <= newest[n - 1]!.statusSince!) continue
    const place = newest.findIndex((other) => other.statusSince! < since)
    newest.splice(place < 0 ? newest.length : place, 0, device)
    newest.length = Math.min(newest.length, n)
  }
  return newest
}

/**
 * The newest changes: those that came live, and before them what each device's own row tells of its last one,
 * so that the list is not empty after every reload.
 */
export function recentChanges(live: readonly Change[], devices: Iterable<Device>, n: number): ChangeRow[] {
  const told = new Set(live.filter((change) => change.event === 'device-status-change').map((change) => change.data.deviceId))
  const older = newestOf(devices, (deviceId) => told.has(deviceId), n)
  const rows = [...live.slice(0, n).map(rowOf), ...older.map(rowOfDevice)]
  return rows.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)).slice(0, n)
}
