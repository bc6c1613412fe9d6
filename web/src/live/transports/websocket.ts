import type { Cursor, Frame, Snapshot } from '@/api/types'
import type { Transport } from '../types'
import { Line } from './line'
import { frameOf } from './socketio'

const PATH = '/api/ws'
/** The closing code of a server that does not know who calls (RFC 6455, 4000-4999 are the application's). */
const UNAUTHORIZED = 4401

export interface WebSocketOptions {
  rooms: readonly string[]
  /** Stands in for the network in tests. */
  connect?: (url: string) => WebSocket
}

interface Said {
  type?: string
  cursor?: Cursor
  recovered?: boolean
  code?: string
  error?: string
  reason?: string
  state?: Snapshot
  events?: unknown[]
}

function connectHere(path: string): WebSocket {
  const url = new URL(path, location.href)
  url.protocol = url.protocol.replace('http', 'ws')
  return new WebSocket(url)
}

/** The second rung: the bare protocol, for where Socket.IO's own handshake is filtered. */
export function webSocketTransport({ rooms, connect = connectHere }: WebSocketOptions): Transport {
  return {
    name: 'websocket',
    open(cursor, onFrame, onState) {
      const line = new Line(onFrame, onState)
      const socket = connect(PATH)
      let isOpen = false
      line.whenOver(() => {
        socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null
        socket.close()
      })

      function join(after: Cursor | null): void {
        for (const room of rooms) socket.send(JSON.stringify({ type: 'join', room, after }))
      }

      function hear(said: Said): void {
        if (Array.isArray(said.events)) return line.frame(said as unknown as Frame)
        if (said.type === 'state' && said.state) return line.frame(frameOf(said.state))
        if (said.type === 'resync') return line.tell({ kind: 'resync', reason: said.reason ?? '' })
        if (said.type === 'error') return line.fail(said.code === 'unauthorized' ? 'unauthorized' : 'refused', said.error ?? '')
        if (said.type === 'joined' && !isOpen) {
          isOpen = true
          return line.tell({ kind: 'open', cursor: said.cursor ?? null, isRecovered: said.recovered !== false })
        }
        line.tell({ kind: 'heard' })
      }

      socket.onopen = () => join(cursor)
      socket.onmessage = ({ data }) => {
        try {
          hear(JSON.parse(String(data)) as Said)
        } catch {
          line.fail('lost', 'not JSON')
        }
      }
      socket.onclose = ({ code, reason }) => {
        if (code === UNAUTHORIZED) line.fail('unauthorized', reason)
        else line.fail(isOpen ? 'lost' : 'unreachable', reason)
      }

      return { resume: join, close: () => line.close() }
    },
  }
}
