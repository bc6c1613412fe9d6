import type { Cursor, Frame, Snapshot } from '@/api/types'
import type { Connection, Transport } from '../types'
import { Line } from './line'
import { frameOf } from './socketio'

const PATH = '/api/ws'
/** The closing code of a server that does not know who calls (RFC 6455: 4000-4999 are the application's). */
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

class Talk implements Connection {
  private isOpen = false

  constructor(
    private readonly line: Line,
    private readonly socket: WebSocket,
    private readonly rooms: readonly string[],
    cursor: Cursor | null,
  ) {
    line.whenOver(() => this.letGo())
    socket.onopen = () => this.join(cursor)
    socket.onmessage = ({ data }) => this.onMessage(String(data))
    socket.onclose = ({ code, reason }) => {
      if (code === UNAUTHORIZED) line.fail('unauthorized', reason)
      else line.fail(this.isOpen ? 'lost' : 'unreachable', reason)
    }
  }

  resume(cursor: Cursor): void {
    this.join(cursor)
  }

  close(): void {
    this.line.close()
  }

  private join(after: Cursor | null): void {
    for (const room of this.rooms) this.socket.send(JSON.stringify({ type: 'join', room, after }))
  }

  private letGo(): void {
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null
    this.socket.close()
  }

  private onMessage(text: string): void {
    try {
      this.hear(JSON.parse(text) as Said)
    } catch {
      this.line.fail('lost', 'not JSON')
    }
  }

  private hear(said: Said): void {
    const { line } = this
    if (Array.isArray(said.events)) return line.frame(said as unknown as Frame)
    if (said.type === 'state' && said.state) return line.frame(frameOf(said.state))
    if (said.type === 'resync') return line.tell({ kind: 'resync', reason: said.reason ?? '' })
    if (said.type === 'error') return line.fail(said.code === 'unauthorized' ? 'unauthorized' : 'refused', said.error ?? '')
    if (said.type !== 'joined' || this.isOpen) return line.tell({ kind: 'heard' })
    this.isOpen = true
    line.tell({ kind: 'open', cursor: said.cursor ?? null, isRecovered: said.recovered !== false })
  }
}

/** The second rung: the bare protocol, for where Socket.IO's own handshake is filtered. */
export function webSocketTransport({ rooms, connect = connectHere }: WebSocketOptions): Transport {
  return {
    name: 'websocket',
    open: (cursor, onFrame, onState) => new Talk(new Line(onFrame, onState), connect(PATH), rooms, cursor),
  }
}
