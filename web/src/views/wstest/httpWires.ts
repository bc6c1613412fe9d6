import { urlOf } from '@/api/client'
import type { Cursor, Frame } from '@/api/types'
import { parseSse, type SseMessage } from '@/live/transports/sse'
import { pause, PAUSE_MS, pingOverHttp, type OpenWire, type Sink } from '@/live/wire'

const WAIT_SECONDS = 20
const progressPath = (sessionId: string) => `/api/import/progress/${encodeURIComponent(sessionId)}`

interface Told {
  status: string
  version: number
}

/** Hands out each block of a stream until it ends. */
async function readStream(body: ReadableStream<Uint8Array>, onBlock: (message: SseMessage, text: string) => void): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const blocks = (rest + value).split('\n\n')
    rest = blocks.pop()!
    for (const block of blocks) {
      const message = parseSse(block)
      if (message) onBlock(message, block)
    }
  }
}

class Requests {
  private abort = new AbortController()
  isOver = false

  constructor(readonly sink: Sink) {}

  async get(url: string, accept: string): Promise<Response> {
    this.sink.sent('GET', url)
    const init: RequestInit = { headers: { Accept: accept }, signal: this.abort.signal, credentials: 'same-origin', cache: 'no-store' }
    const response = await fetch(url, init)
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    return response
  }

  end(reason: string): void {
    if (this.isOver) return
    this.isOver = true
    this.abort.abort()
    this.sink.closed(reason)
  }
}

async function stream(requests: Requests, url: string, onOpen: () => void): Promise<void> {
  const response = await requests.get(url, 'text/event-stream')
  onOpen()
  if (!response.body) return
  await readStream(response.body, ({ id, event, data }, text) => {
    if (!requests.isOver) requests.sink.said(data === null ? 'id' : event, data === null ? null : JSON.parse(data), text, id ?? undefined)
  })
}

export const sseWire: OpenWire = (rooms, after, sink) => {
  const requests = new Requests(sink)
  stream(requests, urlOf('/api/events', { rooms, after }), () => sink.opened())
    .then(() => requests.end('the stream ended'))
    .catch((error: Error) => requests.end(error.message))
  return {
    ping: pingOverHttp,
    follow: (sessionId) => void stream(requests, progressPath(sessionId), () => {}).catch((error: Error) => note(requests, error)),
    close: () => requests.end('closed'),
    cut: () => requests.end('cut'),
  }
}

function note(requests: Requests, error: Error): void {
  if (!requests.isOver) requests.sink.said('failed', null, error.message)
}

async function ask<T>(requests: Requests, name: string, url: string): Promise<T> {
  const text = await (await requests.get(url, 'application/json')).text()
  const answer = JSON.parse(text) as T
  if (!requests.isOver) requests.sink.said(name, answer, text)
  return answer
}

async function pollFrames(requests: Requests, rooms: readonly string[], from: Cursor | null): Promise<void> {
  let after = from
  let isFirst = true
  while (!requests.isOver) {
    const wait = isFirst ? 0 : WAIT_SECONDS
    const frame = await ask<Frame>(requests, 'frame', urlOf('/api/events', { rooms, after, wait }))
    if (isFirst) requests.sink.opened()
    isFirst = false
    after = frame.cursor
    await pause(PAUSE_MS / 4)
  }
}

async function pollProgress(requests: Requests, sessionId: string): Promise<void> {
  let after = 0
  while (!requests.isOver) {
    const told = await ask<Told>(requests, 'progress', urlOf(progressPath(sessionId), { after, wait: WAIT_SECONDS }))
    if (told.status !== 'running') return
    after = told.version
  }
}

export const pollingWire: OpenWire = (rooms, after, sink) => {
  const requests = new Requests(sink)
  pollFrames(requests, rooms, after).catch((error: Error) => requests.end(error.message))
  return {
    ping: pingOverHttp,
    follow: (sessionId) => void pollProgress(requests, sessionId).catch((error: Error) => note(requests, error)),
    close: () => requests.end('closed'),
    cut: () => requests.end('cut'),
  }
}
