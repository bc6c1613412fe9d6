import type { OpenWire } from '@/live/wire'

interface Said {
  type?: string
  events?: unknown[]
}

function socketHere(): WebSocket {
  const url = new URL('/api/ws', location.href)
  url.protocol = url.protocol.replace('http', 'ws')
  return new WebSocket(url)
}

/** `data` is the whole message, so `name` is its type; what has no `type` of its own is sent as it is. */
export const webSocketWire: OpenWire = (rooms, after, sink) => {
  const socket = socketHere()
  const pongs: (() => void)[] = []
  let isOver = false

  function end(reason: string): void {
    if (isOver) return
    isOver = true
    sink.closed(reason)
  }
  function send(name: string, data: unknown): void {
    const text = JSON.stringify(data)
    sink.sent(name, text)
    if (socket.readyState === WebSocket.OPEN) socket.send(text)
  }
  function hear(text: string): void {
    const said = JSON.parse(text) as Said
    const name = said.type ?? (Array.isArray(said.events) ? 'frame' : 'message')
    if (name === 'pong') pongs.shift()?.()
    sink.said(name, said, text)
  }

  socket.onopen = () => {
    sink.opened()
    for (const room of rooms) send('join', { type: 'join', room, after })
  }
  socket.onmessage = ({ data }) => isOver || hear(String(data))
  socket.onclose = ({ code, reason }) => end([code, reason].filter(Boolean).join(' '))
  return {
    send,
    follow: (sessionId) => send('sessionId', { sessionId }),
    ping: () =>
      new Promise((done) => {
        pongs.push(done)
        send('ping', { type: 'ping' })
      }),
    close: () => socket.close(),
    cut() {
      end('cut')
      socket.close()
    },
  }
}
