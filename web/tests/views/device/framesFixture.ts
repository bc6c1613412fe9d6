import type { WireFrame } from '@/api/types'

export function frame(id: number, change: Partial<WireFrame> = {}): WireFrame {
  return {
    id: String(id), at: '2026-11-21T05:22:21.123Z', deviceId: 'gw-1', isAdmitted: true, direction: 'in', transport: 'udp', make: 'dbl',
    address: '192.0.2.7', verdict: 'accepted', reason: null, head: null, text: `req:${id};id:gw-1;`, base64: null, nBytes: 16, isCut: false,
    ...change,
  }
}
