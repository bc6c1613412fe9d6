import { describe, expect, it } from 'vitest'
import type { Change } from '@/live/types'
import { recentChanges } from '@/views/overview/recentChanges'
import { device } from '../../live/samples'

const at = (minute: number) => `2026-11-21T12:${String(minute).padStart(2, '0')}:00.000Z`

function change(deviceId: string, minute: number, isNewDevice = false): Change {
  const data = { deviceId, previousStatus: isNewDevice ? null : 'online' as const, currentStatus: 'offline' as const, isOnline: false, isNewDevice, reason: 'silent', at: at(minute), seq: minute }
  return { event: 'device-status-change', seq: minute, at: at(minute), data }
}

describe('recent changes', () => {
  it('begin with what the devices themselves tell of their last one', () => {
    const rows = recentChanges([], [device('a', 1, { statusSince: at(1) }), device('b', 1, { statusSince: at(2) })], 10)
    expect(rows.map((row) => row.deviceId)).toEqual(['b', 'a'])
  })

  it('tell a live change once, not again from the device', () => {
    const rows = recentChanges([change('a', 5)], [device('a', 5, { statusSince: at(5) })], 10)
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({ status: 'offline', text: 'Online to Offline', reason: 'silent' })
  })

  it('say of a new device that it is new', () => {
    expect(recentChanges([change('a', 5, true)], [], 10)[0]?.text).toBe('New device, Offline')
  })

  it('keep to the newest', () => {
    const devices = Array.from({ length: 50 }, (_, i) => device(String(i), 1, { statusSince: at(i) }))
    const rows = recentChanges([], devices, 3)
    expect(rows.map((row) => row.deviceId)).toEqual(['49', '48', '47'])
  })
})
