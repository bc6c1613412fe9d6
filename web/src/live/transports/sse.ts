import { urlOf } from '@/api/client'
import type { Cursor, Snapshot, WireEvent } from '@/api/types'
import type { Transport } from '../types'
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
  data: string
}

/** Reads one block of the stream; null for one without data, such as a comment. */
export function parseSse(block: string): SseMessage | null {
  const message: SseMessage = { id: null, event: 'message', data: '' }
  const lines: string[] = []
  for (const line of block.split(/\r\n|\r|\n/)) {
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') lines.push(value)
    else if (field === 'id') message.id = value
    else if (field === 'event') message.event = value
  }
  if (lines.length === 0) return null
  message.data = lines.join('\n')
  return message
}

/** Calls `onBlock` for each block, and `onBytes` for whatever came: a comment is a sign of life too. */
async function readBlocks(body: ReadableStream<Uint8Array>, onBlock: (block: string) => void, onBytes: () => void): Promise<void> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    onBytes()
    const blocks = (rest + decoder.decode(value, { stream: true })).split(/\r\n\r\n|\n\n|\r\r/)
    rest = blocks.pop()!
    blocks.forEach(onBlock)
  }
}

/**
 * The third rung. It reads the stream itself: `EventSource` tells no status, hides the comments that keep the line
 * alive, and reconnects on its own while still looking open.
 */
export function sseTransport({ rooms, connect = fetch.bind(window) }: SseOptions): Transport {
  return {
    name: 'sse',
    open(cursor, onFrame, onState) {
      const line = new Line(onFrame, onState)
      let at = cursor
      let isOpen = false
      let abort = new AbortController()
      line.whenOver(() => abort.abort())

      function take(message: SseMessage): void {
        const data: unknown = JSON.parse(message.data)
        if (message.event === 'state') {
          at = (data as Snapshot).cursor
          return line.frame(frameOf(data as Snapshot))
        }
        if (message.event === 'resync') return line.tell({ kind: 'resync', reason: '' })
        if (!message.id) return
        // The stream is whole and in order, so what follows is all there is after the last one.
        line.frame({ after: at, cursor: message.id, recovered: true, events: [data as WireEvent] })
        at = message.id
      }

      // Headers alone prove nothing: a proxy may hold the stream itself back for ever.
      function heard(): void {
        line.tell(isOpen ? { kind: 'heard' } : { kind: 'open', cursor: null, isRecovered: true })
        isOpen = true
      }

      async function listen(): Promise<void> {
        const { signal } = abort
        try {
          const headers = { Accept: 'text/event-stream' }
          const response = await connect(urlOf(PATH, { rooms, after: at }), { headers, signal, credentials: 'same-origin', cache: 'no-store' })
          if (signal.aborted) return
          if (response.status === 401) return line.fail('unauthorized', '')
          if (!response.ok || !response.body) return line.fail('refused', String(response.status))
          if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) return line.fail('refused', 'not a stream')
          const onBlock = (block: string) => {
            const message = parseSse(block)
            if (message && !signal.aborted) take(message)
          }
          await readBlocks(response.body, onBlock, heard)
          if (!signal.aborted) line.fail('lost', 'the stream ended')
        } catch (error) {
          if (!signal.aborted) line.fail(isOpen ? 'lost' : 'unreachable', String(error))
        }
      }

      void listen()
      return {
        resume(from: Cursor) {
          abort.abort()
          abort = new AbortController()
          at = from
          void listen()
        },
        close: () => line.close(),
      }
    },
  }
}
