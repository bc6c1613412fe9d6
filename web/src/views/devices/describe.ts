import type { Device, DeviceStatus } from '@/api/types'
import { readSignal } from '@/components/signal'

/** What a device is filed under: one that waits for adoption is that, whatever its heartbeats say. */
export type Shelf = DeviceStatus | 'pending'

/** In the order of trouble: what needs somebody comes first. */
export const SHELVES: readonly Shelf[] = ['offline', 'late', 'pending', 'unknown', 'online']

export const shelfOf = (device: Device): Shelf => (device.isPending ? 'pending' : device.status)

export const labelOf = (device: Device): string => device.name || device.deviceId

/** "Samsung Galaxy A15", without saying the brand twice. */
export function modelOf(device: Device): string {
  const { brand, manufacturer, model, product } = device.deviceBrandInfo ?? {}
  const maker = brand || manufacturer || ''
  const kind = model || product || ''
  if (!maker || kind.toLowerCase().startsWith(maker.toLowerCase())) return kind || maker
  return kind ? `${maker} ${kind}` : maker
}

export interface SignalReading {
  value: number | null
  word: string | null
}

/** The device's own signal, else its strongest slot's: one live slot is what makes a box of use. */
export function signalOf(device: Pick<Device, 'signalStrength' | 'simSlots'>): SignalReading {
  if (device.signalStrength !== null) return { value: device.signalStrength, word: null }
  let best: SignalReading = { value: null, word: null }
  let most = -1
  for (const slot of device.simSlots) {
    const { bars } = readSignal(slot.signalStrength, slot.signalStatus)
    if (bars === null || bars <= most) continue
    most = bars
    best = { value: slot.signalStrength, word: slot.signalStatus }
  }
  return best
}
