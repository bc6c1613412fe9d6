import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import type { Cursor, Frame, Snapshot } from '@/api/types'
import type { Transport } from '../types'

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

const connectToHost: NonNullable<SocketIoOptions['connect']> = (options) => io(options)

function joinOf(room: string, cursor: Cursor | null): [string, Record<string, unknown>] {
  const wish: Record<string, unknown> = { frames: true }
  if (cursor) wish.cursor = cursor
  if (room === 'dashboard') return ['join-dashboard', wish]
  return ['join-device-room', { ...wish, deviceId: room.replace(/^device-/, '') }]
}

/** The first rung. Reconnecting is the manager's, so the client's own is off. */
export function socketIoTransport(options: SocketIoOptions): Transport {
  const connect = options.connect ?? connectToHost
  return {
    name: 'socketio',
    open(cursor, onFrame, onState) {
      const socket = connect({ path: PATH, reconnection: false, forceNew: true, transports: ['websocket', 'polling'] })
      let from = cursor
      const lost = (reason: string) => onState({ kind: 'closed', code: 'lost', reason })

      function join(isFirst: boolean): void {
        for (const room of options.rooms) {
          const [event, wish] = joinOf(room, from)
          socket.timeout(ACK_WITHIN).emit(event, wish, (error: Error | null, ack?: JoinAck) => {
            if (error || !ack) return lost('no answer to the join')
            if (!ack.ok) return onState({ kind: 'closed', code: ack.code === 'unauthorized' ? 'unauthorized' : 'refused', reason: ack.error ?? '' })
            if (isFirst) onState({ kind: 'open', cursor: ack.cursor ?? null })
          })
        }
      }

      socket.on('connect', () => join(true))
      socket.on('frame', (frame: Frame) => onFrame(frame))
      socket.on('state', (state: Snapshot) => {
        onFrame({ after: null, cursor: state.cursor, recovered: false, events: [], state })
      })
      socket.on('resync', (said: { reason?: string } | undefined) => onState({ kind: 'resync', reason: said?.reason ?? '' }))
      socket.on('connect_error', (error: Error & { data?: { code?: string } }) => {
        const code = error.data?.code === 'unauthorized' ? 'unauthorized' : 'unreachable'
        onState({ kind: 'closed', code, reason: error.message })
      })
      socket.on('disconnect', lost)
      socket.io.on('ping', () => onState({ kind: 'heard' }))

      return {
        resume(next: Cursor) {
          from = next
          join(false)
        },
        close() {
          socket.removeAllListeners()
          socket.io.removeAllListeners()
          socket.disconnect()
        },
      }
    },
  }
}
