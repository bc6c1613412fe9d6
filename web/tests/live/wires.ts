import { ApiError } from '@/api/client'
import type { Cursor, Frame, Snapshot, WireEvent } from '@/api/types'
import { pollingTransport } from '@/live/transports/polling'
import { socketIoTransport, type SocketIoOptions } from '@/live/transports/socketio'
import { sseTransport } from '@/live/transports/sse'
import { webSocketTransport } from '@/live/transports/websocket'
import type { Transport } from '@/live/types'
import { FakeClock, settle } from './fakes'

/** A transport with the far end of its wire in the test's hand. */
export interface Wire {
  transport: Transport
  /** The server takes the connection: everything up to `cursor` is what was `missed`, or in a snapshot. */
  accept(cursor: Cursor, missed?: Missed): Promise<void>
  refuse(): Promise<void>
  unreachable(): Promise<void>
  break(): Promise<void>
  send(frame: Frame): Promise<void>
  /** A snapshot, for a client whose cursor could not be recovered. */
  sendSnapshot(state: Snapshot): Promise<void>
  /** The cursors that the server was asked from. */
  askedFrom(): Promise<(Cursor | null)[]>
  /** Whether the client still holds the connection. */
  isHeld(): boolean
}

export type Missed = { events: WireEvent[] } | { state: Snapshot }

const ROOMS = ['dashboard']
const NOTHING: Missed = { events: [] }

const answerOf = (after: Cursor | null, cursor: Cursor, missed: Missed): Frame =>
  'state' in missed
    ? { after, cursor, recovered: false, events: [], state: missed.state }
    : { after, cursor, recovered: true, events: missed.events }

type Handler = (...args: never[]) => void

class FakeEmitter {
  handlers = new Map<string, Handler>()
  on = (name: string, handler: Handler) => void this.handlers.set(name, handler)
  removeAllListeners = () => this.handlers.clear()
  fire = (name: string, ...args: unknown[]) => this.handlers.get(name)?.(...(args as never[]))
}

class FakeSocket extends FakeEmitter {
  io = new FakeEmitter()
  isHeld = true
  joins: { cursor?: Cursor }[] = []
  acks: ((error: Error | null, ack?: unknown) => void)[] = []
  timeout = () => this
  disconnect = () => void (this.isHeld = false)
  emit = (_event: string, wish: { cursor?: Cursor }, ack: (error: Error | null, ack?: unknown) => void) => {
    this.joins.push(wish)
    this.acks.push(ack)
  }
}

export function socketIoWire(): Wire {
  const socket = new FakeSocket()
  const connect = (() => socket) as unknown as SocketIoOptions['connect']
  return {
    transport: socketIoTransport({ rooms: ROOMS, connect }),
    async accept(cursor, missed = NOTHING) {
      socket.fire('connect')
      const answer = answerOf(socket.joins[0]!.cursor ?? null, cursor, missed)
      if (answer.state) socket.fire('state', answer.state)
      socket.acks[0]?.(null, { ok: true, cursor, recovered: answer.recovered })
      if (!answer.state) socket.fire('frame', answer)
    },
    refuse: async () => socket.fire('connect_error', Object.assign(new Error('no'), { data: { code: 'unauthorized' } })),
    unreachable: async () => socket.fire('connect_error', new Error('websocket error')),
    break: async () => socket.fire('disconnect', 'transport close'),
    send: async (frame) => socket.fire('frame', frame),
    sendSnapshot: async (state) => socket.fire('state', state),
    askedFrom: async () => socket.joins.map((wish) => wish.cursor ?? null),
    isHeld: () => socket.isHeld,
  }
}

interface Question {
  after: string | null
  signal: AbortSignal
  answer: (frame: Frame) => void
  refuse: (error: Error) => void
}

export function pollingWire(): Wire {
  const clock = new FakeClock()
  const questions: Question[] = []
  const fetchFrame = ({ after }: { after: string | null }, signal: AbortSignal) =>
    new Promise<Frame>((answer, refuse) => questions.push({ after, signal, answer, refuse }))
  const last = () => questions.at(-1)!
  const end = async (error: Error) => {
    last().refuse(error)
    await settle()
  }
  const send = async (frame: Frame) => {
    await clock.advance(1_000)
    last().answer(frame)
    await settle()
  }
  return {
    transport: pollingTransport({ rooms: ROOMS, clock, fetchFrame }),
    accept: (cursor, missed = NOTHING) => send(answerOf(last().after, cursor, missed)),
    refuse: () => end(new ApiError(401, 'unauthorized', 'no')),
    unreachable: () => end(new ApiError(0, 'unreachable', 'no')),
    async break() {
      await clock.advance(1_000)
      await end(new ApiError(503, 'unavailable', 'no'))
    },
    send,
    sendSnapshot: (state) => send({ after: last().after, cursor: state.cursor, recovered: false, events: [], state }),
    async askedFrom() {
      await clock.advance(1_000)
      return questions.map((question) => question.after)
    },
    isHeld: () => !last().signal.aborted,
  }
}

class FakeWebSocket {
  onopen: (() => void) | null = null
  onmessage: ((message: { data: string }) => void) | null = null
  onclose: ((end: { code: number; reason: string }) => void) | null = null
  onerror = null
  isHeld = true
  sent: { type: string; after: Cursor | null }[] = []
  send = (text: string) => void this.sent.push(JSON.parse(text))
  close = () => void (this.isHeld = false)
  say = (said: unknown) => this.onmessage?.({ data: JSON.stringify(said) })
}

export function webSocketWire(): Wire {
  const socket = new FakeWebSocket()
  return {
    transport: webSocketTransport({ rooms: ROOMS, connect: () => socket as unknown as WebSocket }),
    async accept(cursor, missed = NOTHING) {
      socket.onopen?.()
      const answer = answerOf(socket.sent[0]!.after, cursor, missed)
      socket.say({ type: 'joined', room: 'dashboard', cursor, recovered: answer.recovered })
      socket.say(answer.state ? { type: 'state', state: answer.state } : answer)
    },
    refuse: async () => socket.say({ type: 'error', code: 'unauthorized', error: 'no' }),
    unreachable: async () => socket.onclose?.({ code: 1006, reason: '' }),
    break: async () => socket.onclose?.({ code: 1006, reason: '' }),
    send: async (frame) => socket.say(frame),
    sendSnapshot: async (state) => socket.say({ type: 'state', state }),
    askedFrom: async () => socket.sent.map((message) => message.after),
    isHeld: () => socket.isHeld,
  }
}

export function sseWire(): Wire {
  const asked: { url: URL; signal: AbortSignal; answer: (response: Response) => void; refuse: (error: Error) => void }[] = []
  let stream: ReadableStreamDefaultController<Uint8Array>
  const connect = (url: string, init: RequestInit) =>
    new Promise<Response>((answer, refuse) => {
      asked.push({ url: new URL(url, 'http://here'), signal: init.signal!, answer, refuse })
    })
  const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 0))
  const write = async (text: string) => {
    stream.enqueue(new TextEncoder().encode(text))
    await pause()
  }
  const block = (id: Cursor | null, event: string, data: unknown) =>
    `${id ? `id: ${id}\n` : ''}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
  return {
    transport: sseTransport({ rooms: ROOMS, connect }),
    async accept(cursor, missed = NOTHING) {
      const body = new ReadableStream<Uint8Array>({ start: (controller) => void (stream = controller) })
      const headers = new Headers({ 'Content-Type': 'text/event-stream' })
      asked[0]!.answer({ status: 200, ok: true, headers, body } as Response)
      await write('retry: 1000\n\n')
      if ('state' in missed) await write(block(cursor, 'state', missed.state))
      else for (const event of missed.events) await write(block(`e:${event.seq}`, event.event, event))
      await write(`id: ${cursor}\n\n`)
    },
    async refuse() {
      asked[0]!.answer({ status: 401, ok: false } as Response)
      await pause()
    },
    async unreachable() {
      asked[0]!.refuse(new TypeError('failed'))
      await pause()
    },
    async break() {
      stream.close()
      await pause()
    },
    async send(frame) {
      const blocks = frame.events.map((event) => block(`e:${event.seq}`, event.event, event))
      await write(`${blocks.join('')}id: ${frame.cursor}\n\n`)
    },
    sendSnapshot: (state) => write(block(state.cursor, 'state', state)),
    askedFrom: async () => asked.map(({ url }) => url.searchParams.get('after')),
    isHeld: () => !asked.at(-1)!.signal.aborted,
  }
}
