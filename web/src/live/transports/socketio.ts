import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import type { Cursor, Frame, Snapshot } from '@/api/types'
import type { Connection, Transport } from '../types'
import { Line } from './line'

const PATH = '/api/socket/io'
const ACK_WITHIN = 8_000

interface JoinAck {
  ok: boolean
  cursor?: Cursor
  recovered?: boolean
  error?: string
  code?: string
}

export interface SocketIoOptions {
  rooms: readonly string[]
  /** Stands in for the network in tests. */
  connect?: (options: Partial<ManagerOptions & SocketOptions>) => Socket
}

function joinOf(room: string, cursor: Cursor | null): [string, Record<string, unknown>] {
  const wish: Record<string, unknown> = { frames: true }
  if (cursor) wish.cursor = cursor
  if (room === 'dashboard') return ['join-dashboard', wish]
  return ['join-device-room', { ...wish, deviceId: room.replace(/^device-/, '') }]
}

/** The frame that a bare snapshot stands for. */
export function frameOf(state: Snapshot): Frame {
  return { after: null, cursor: state.cursor, recovered: false, events: [], state }
}

class Session implements Connection {
  constructor(
    private readonly line: Line,
    private readonly socket: Socket,
    private readonly rooms: readonly string[],
    cursor: Cursor | null,
  ) {
    line.whenOver(() => this.letGo())
    socket.on('connect', () => this.join(cursor, true))
    socket.on('frame', (frame: Frame) => line.frame(frame))
    socket.on('state', (state: Snapshot) => line.frame(frameOf(state)))
    socket.on('resync', (said?: { reason?: string }) => line.tell({ kind: 'resync', reason: said?.reason ?? '' }))
    socket.on('connect_error', (error: Error & { data?: { code?: string } }) => {
      line.fail(error.data?.code === 'unauthorized' ? 'unauthorized' : 'unreachable', error.message)
    })
    socket.on('disconnect', (reason) => line.fail('lost', reason))
    socket.io.on('ping', () => line.tell({ kind: 'heard' }))
  }

  resume(cursor: Cursor): void {
    this.join(cursor, false)
  }

  close(): void {
    this.line.close()
  }

  private join(from: Cursor | null, isFirst: boolean): void {
    for (const room of this.rooms) {
      const [event, wish] = joinOf(room, from)
      this.socket.timeout(ACK_WITHIN).emit(event, wish, (error: Error | null, ack?: JoinAck) => {
        if (error || !ack) this.line.fail('lost', 'no answer to the join')
        else if (!ack.ok) this.line.fail(ack.code === 'unauthorized' ? 'unauthorized' : 'refused', ack.error ?? '')
        else if (isFirst) this.line.tell({ kind: 'open', cursor: ack.cursor ?? null, isRecovered: ack.recovered !== false })
      })
    }
  }

  private letGo(): void {
    this.socket.removeAllListeners()
    this.socket.io.removeAllListeners()
    this.socket.disconnect()
  }
}

/** The first rung. Reconnecting is the manager's, so the client's own is off. */
export function socketIoTransport({ rooms, connect = io }: SocketIoOptions): Transport {
  return {
    name: 'socketio',
    open(cursor, onFrame, onState) {
      // WebSocket first: the usual start by polling costs three round trips more. It is still the way back.
      const transports = ['websocket', 'polling']
      const socket = connect({ path: PATH, reconnection: false, forceNew: true, tryAllTransports: true, transports })
      return new Session(new Line(onFrame, onState), socket, rooms, cursor)
    },
  }
}
