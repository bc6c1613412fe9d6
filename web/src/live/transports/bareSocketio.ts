import { io } from 'socket.io-client'
import type { OpenWire } from '../wire'

const PATH = '/api/socket/io'
const ACK_WITHIN = 8_000

/** Which events go out as a room is joined: by name where it has one, as any client of the field does. */
function joinOf(room: string, wish: Record<string, unknown>): [string, unknown] {
  if (room === 'dashboard') return ['join-dashboard', wish]
  if (room.startsWith('device-')) return ['join-device-room', { ...wish, deviceId: room.slice('device-'.length) }]
  return ['subscribe', { ...wish, room }]
}

/** Socket.IO for the test page, on one carrier alone. */
export const bareSocketIo = (carrier: 'websocket' | 'polling'): OpenWire => (rooms, after, sink) => {
  const socket = io({ path: PATH, reconnection: false, forceNew: true, transports: [carrier], upgrade: false })
  let isOver = false
  const end = (reason: string) => {
    if (isOver) return
    isOver = true
    socket.removeAllListeners()
    socket.offAny()
    sink.closed(reason)
  }
  const ask = async (name: string, data: unknown) => {
    sink.sent(name, JSON.stringify(data) ?? '')
    const answer: unknown = await socket.timeout(ACK_WITHIN).emitWithAck(name, ...(data === undefined ? [] : [data]))
    if (!isOver) sink.said(`ack ${name}`, answer, JSON.stringify(answer) ?? '')
  }
  const send = (name: string, data: unknown) => void ask(name, data).catch((error: Error) => isOver || sink.said(`ack ${name}`, null, error.message))

  socket.on('connect', () => {
    sink.opened()
    for (const room of rooms) send(...joinOf(room, after ? { frames: true, cursor: after } : { frames: true }))
  })
  socket.onAny((name: string, data: unknown) => sink.said(name, data, JSON.stringify(data) ?? ''))
  socket.on('connect_error', (error) => end(error.message))
  socket.on('disconnect', (reason) => end(reason))
  return {
    send,
    ping: () => ask('ping', undefined),
    follow: (sessionId) => send('registerSession', sessionId),
    close: () => socket.disconnect(),
    cut() {
      const engine = socket.io.engine as unknown as { removeAllListeners(): void; transport: { doClose(): void; close(): void } }
      engine.removeAllListeners()
      // Long-polling would still say goodbye on its way out.
      if (carrier === 'polling') engine.transport.doClose = () => {}
      engine.transport.close()
      end('cut')
    },
  }
}
