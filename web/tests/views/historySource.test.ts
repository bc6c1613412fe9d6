import { describe, expect, it } from 'vitest'
import type { HeartbeatRow } from '@/api/types'
import { ofHeartbeats } from '@/views/device/historySource'
import { aSlot } from './devicesFixture'

const beat = (at: number, over: Partial<HeartbeatRow> = {}): HeartbeatRow => ({
  seq: at, at: new Date(at).toISOString(), sentAt: null, batteryLevel: null, charging: null, signalStrength: null,
  deviceStatus: null, counter: null, simSlots: [], ...over,
})

describe('readings of single heartbeats', () => {
  it('stand oldest first, one line for each slot that is asked for', () => {
    const rows = [
      beat(3_000, { batteryLevel: 50, signalStrength: -70, simSlots: [aSlot({ slotIndex: 1, signalStrength: 20 })] }),
      beat(2_000, { batteryLevel: 51 }),
      beat(1_000, { batteryLevel: 52 }),
    ]
    const { battery, signals } = ofHeartbeats(rows, { slots: [null, 1], from: 2_000 })
    expect(battery.map((point) => [point.at, point.avg])).toEqual([[2_000, 51], [3_000, 50]])
    expect(signals.map((line) => [line.slotIndex, line.points.map((point) => point.avg)])).toEqual([[null, [-70]], [1, [20]]])
  })
})
