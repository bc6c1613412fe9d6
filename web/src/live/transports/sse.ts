import { urlOf } from '@/api/client'
import type { Cursor, Snapshot, WireEvent } from '@/api/types'
import type { Connection, Transport } from '../types'
import { Line } from './line'
import { frameOf } from './socketio'

const PATH = '/api/events'

export interface SseOptions {
  rooms: readonly string[]
  /** Stands in for the network in tests. */
  connect?: (url: string, init: RequestInit) => Promise<Response>
}

export interface SseMessage {
  id: string | null
  event: string
  /** null where the block only moves the cursor. */
  data: string | null
}

/** Reads one block of the stream; null for one that says nothing, such as a comment. */
export function parseSse(block: string): SseMessage | null {
  const message: SseMessage = { id: null, event: 'message', data: null }
  for (const line of block.split(/\r\n|\r|\n/)) {
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') message.data = message.data === null ? value : `${message.data}\n${value}`
    else if (field === 'id') message.id = value
    else if (field === 'event') message.event = value
  }
  return message.data === null && message.id === null ? null : message
}

/** Calls `onChunk` with the blocks that each piece of the stream completes: with none too, for any byte is a sign of life. */
async function readBlocks(body: ReadableStream<Uint8Array>, onChunk: (blocks: string[]) => unknown): Promise<void> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const blocks = (rest + decoder.decode(value, { stream: true })).split(/\r\n\r\n|\n\n|\r\r/)
    rest = blocks.pop()!
    onChunk(blocks)
  }
}

class Stream implements Connection {
  private isOpen = false
  private isRecovered = true
  private events: WireEvent[] = []
  private abort = new AbortController()

  constructor(
    private readonly line: Line,
    private readonly connect: NonNullable<SseOptions['connect']>,
    private readonly rooms: readonly string[],
    private at: Cursor | null,
  ) {
    line.whenOver(() => this.abort.abort())
    void this.listen()
  }

  resume(cursor: Cursor): void {
    this.abort.abort()
    this.abort = new AbortController()
    this.events = []
    this.at = cursor
    void this.listen()
  }

  close(): void {
    this.line.close()
  }

  private async listen(): Promise<void> {
    const { line, abort: { signal } } = this
    try {
      const url = urlOf(PATH, { rooms: this.rooms, after: this.at })
      const headers = { Accept: 'text/event-stream' }
      const response = await this.connect(url, { headers, signal, credentials: 'same-origin', cache: 'no-store' })
      if (signal.aborted) return
      if (response.status === 401) return line.fail('unauthorized', '')
      const isStream = response.ok && response.headers.get('Content-Type')?.startsWith('text/event-stream')
      if (!isStream || !response.body) return line.fail('refused', String(response.status))
      await readBlocks(response.body, (blocks) => signal.aborted || this.hear(blocks))
      if (!signal.aborted) line.fail('lost', 'the stream ended')
    } catch (error) {
      if (!signal.aborted) line.fail(this.isOpen ? 'lost' : 'unreachable', String(error))
    }
  }

  private hear(blocks: string[]): void {
    this.line.tell({ kind: 'heard' })
    for (const block of blocks) {
      const message = parseSse(block)
      if (message) this.take(message)
    }
  }

  private take({ id, event, data }: SseMessage): void {
    if (event === 'resync') this.line.tell({ kind: 'resync', reason: data ?? '' })
    else if (event === 'state' && data !== null) this.restart(JSON.parse(data) as Snapshot)
    else if (data !== null && id !== null) this.events.push(JSON.parse(data) as WireEvent)
    else if (data === null && id !== null) this.complete(id)
  }

  /** A bare id ends what belongs together: events may share a number, and the cursor must not pass between them. */
  private complete(upto: Cursor): void {
    const { events, at } = this
    this.events = []
    this.at = upto
    this.open(upto)
    // The stream is whole and in order, so what follows is all there is after the last one.
    this.line.frame({ after: at, cursor: upto, recovered: true, events })
  }

  private restart(state: Snapshot): void {
    this.at = state.cursor
    this.isRecovered = false
    this.line.frame(frameOf(state))
  }

  /**
   * What was missed comes first, with its end, which a server with nothing to tell sends too. Headers alone prove
   * nothing: a proxy may hold the stream itself back for ever.
   */
  private open(upto: Cursor): void {
    if (this.isOpen) return
    this.isOpen = true
    this.line.tell({ kind: 'open', cursor: upto, isRecovered: this.isRecovered })
  }
}

/**
 * The third rung. It reads the stream itself: `EventSource` tells no status, hides the comments that keep the line
 * alive, and reconnects on its own while still looking open.
 */
export function sseTransport({ rooms, connect = fetch.bind(window) }: SseOptions): Transport {
  return {
    name: 'sse',
    open: (cursor, onFrame, onState) => new Stream(new Line(onFrame, onState), connect, rooms, cursor),
  }
}
