import { api } from '@/api/client'
import type { Device, HeartbeatPage, HeartbeatRow, History } from '@/api/types'
import { appendLive, type Point } from '@/components/chartData'

/** The signal of one slot, or of the device itself (null). */
export interface Line {
  slotIndex: number | null
  points: readonly Point[]
}

export interface Readings {
  battery: readonly Point[]
  signals: readonly Line[]
}

export interface Request {
  id: string
  slots: readonly (number | null)[]
  /** ms */
  from: number
  to: number
  signal: AbortSignal
}

const MOST_ROWS = 500
const SPARE_ROWS = 20

const onePoint = (at: number, value: number): Point => ({ at, avg: value, min: value, max: value, n: 1 })

export function signalIn(device: Pick<Device, 'signalStrength' | 'simSlots'>, slotIndex: number | null): number | null {
  if (slotIndex === null) return device.signalStrength
  return device.simSlots.find((slot) => slot.slotIndex === slotIndex)?.signalStrength ?? null
}

/** The readings with one more heartbeat at their end. */
export function withBeat({ battery, signals }: Readings, device: Device, at: number, stepMs: number): Readings {
  const append = (points: readonly Point[], value: number | null) =>
    value === null ? points : appendLive(points, at, value, stepMs)
  return {
    battery: append(battery, device.batteryLevel),
    signals: signals.map(({ slotIndex, points }) => ({ slotIndex, points: append(points, signalIn(device, slotIndex)) })),
  }
}

/** Every single heartbeat: finer than any bucket, for as long as single ones are kept and few. */
async function readHeartbeats(request: Request, intervalSeconds: number): Promise<Readings> {
  const expected = Math.ceil((request.to - request.from) / 1_000 / Math.max(1, intervalSeconds))
  const query = { limit: Math.min(MOST_ROWS, expected + SPARE_ROWS) }
  const page = await api.get<HeartbeatPage>(`/api/devices/${encodeURIComponent(request.id)}/heartbeats`, query, request.signal)
  return ofHeartbeats(page.heartbeats, request)
}

/** Newest first in, oldest first out; what lies before the range is left out. */
export function ofHeartbeats(rows: readonly HeartbeatRow[], { slots, from }: Pick<Request, 'slots' | 'from'>): Readings {
  const inRange = rows
    .map((row) => ({ row, at: Date.parse(row.at) }))
    .filter(({ at }) => at >= from)
    .sort((a, b) => a.at - b.at)
  const pointsOf = (read: (row: HeartbeatRow) => number | null) =>
    inRange.flatMap(({ row, at }) => {
      const value = read(row)
      return value === null ? [] : [onePoint(at, value)]
    })
  return {
    battery: pointsOf((row) => row.batteryLevel),
    signals: slots.map((slotIndex) => ({ slotIndex, points: pointsOf((row) => signalIn(row, slotIndex)) })),
  }
}

const ofBuckets = (history: History): Point[] =>
  history.points.flatMap(({ at, avg, min, max, n }) =>
    avg === null ? [] : [{ at: Date.parse(at), avg, min: min ?? avg, max: max ?? avg, n }],
  )

/** Buckets that the server has added up, one call a line. */
async function readBuckets(request: Request, stepSeconds: number): Promise<Readings> {
  const path = `/api/devices/${encodeURIComponent(request.id)}/history`
  const range = { from: new Date(request.from).toISOString(), to: new Date(request.to).toISOString(), step: stepSeconds }
  const read = async (metric: 'battery' | 'signal', slotIndex: number | null) =>
    ofBuckets(await api.get<History>(path, { ...range, metric, slotIndex }, request.signal))
  const [battery, ...lines] = await Promise.all([read('battery', null), ...request.slots.map((slot) => read('signal', slot))])
  return { battery, signals: lines.map((points, i) => ({ slotIndex: request.slots[i]!, points })) }
}

/** In buckets of `stepSeconds`, or with 0 every single heartbeat. */
export const read = (request: Request, stepSeconds: number, intervalSeconds: number): Promise<Readings> =>
  stepSeconds ? readBuckets(request, stepSeconds) : readHeartbeats(request, intervalSeconds)
