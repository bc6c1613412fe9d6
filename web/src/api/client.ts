import { oncePerBrowser } from './refreshLock'
import type { ErrorBody, Session } from './types'

export type QueryValue = string | number | boolean | null | undefined | readonly (string | number)[]
export type Query = Record<string, QueryValue>

export interface RequestOptions {
  query?: Query
  body?: unknown
  signal?: AbortSignal
}

/** What the server refused, or `status` 0 where it could not be reached at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fields: Record<string, string> = {},
    readonly requestId: string | null = null,
    /** Seconds to wait, where the server says so (429, 503). */
    readonly retryAfter: number | null = null,
  ) {
    super(message)
    this.name = 'ApiError'
  }

  get isUnreachable(): boolean {
    return this.status === 0
  }
}

type Listener = () => void
const expiredListeners = new Set<Listener>()

/** Called when the session cannot be refreshed any more. Returns the way to stop listening. */
export function onSessionExpired(listener: Listener): Listener {
  expiredListeners.add(listener)
  return () => expiredListeners.delete(listener)
}

export function urlOf(path: string, query: Query = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value == null || value === '') continue
    search.set(name, Array.isArray(value) ? value.join(',') : String(value))
  }
  const text = search.toString()
  return text ? `${path}?${text}` : path
}

/** Whether there is a session worth asking about; only the server knows whether it still holds. */
export function mayHaveSession(): boolean {
  return cookie('goip_csrf') !== null
}

function cookie(name: string): string | null {
  const found = document.cookie.split('; ').find((pair) => pair.startsWith(`${name}=`))
  return found ? decodeURIComponent(found.slice(name.length + 1)) : null
}

async function send(method: string, path: string, options: RequestOptions): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (method !== 'GET') {
    const token = cookie('goip_csrf')
    if (token) headers['X-CSRF-Token'] = token
  }
  if (options.body !== undefined) headers['Content-Type'] = 'application/json'
  const body = options.body === undefined ? undefined : JSON.stringify(options.body)
  const url = urlOf(path, options.query)
  try {
    return await fetch(url, { method, headers, body, signal: options.signal, credentials: 'same-origin' })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new ApiError(0, 'unreachable', 'The server cannot be reached.')
  }
}

function flatFields(fields: ErrorBody['fields']): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const [name, text] of Object.entries(fields ?? {})) flat[name] = Array.isArray(text) ? text.join(' ') : String(text)
  return flat
}

async function errorOf(response: Response): Promise<ApiError> {
  const retryAfter = Number(response.headers.get('Retry-After')) || null
  const body = (await response.json().catch(() => null)) as ErrorBody | null
  if (!body?.code) return new ApiError(response.status, 'unexpected', `The server answered ${response.status}.`, {}, null, retryAfter)
  return new ApiError(response.status, body.code, body.error, flatFields(body.fields), body.requestId ?? null, retryAfter)
}

let refreshing: Promise<boolean> | null = null

async function refresh(): Promise<boolean> {
  const response = await send('POST', '/api/auth/refresh', { body: {} })
  // Trouble of the server's own says nothing about the session.
  if (response.status >= 500 || response.status === 429) throw await errorOf(response)
  return response.ok
}

/** Renews the cookies; false when the session is over. Calls at the same time share one request. */
export function refreshSession(): Promise<boolean> {
  refreshing ??= oncePerBrowser(refresh).finally(() => {
    refreshing = null
  })
  return refreshing
}

export function reportExpiredSession(): void {
  for (const listener of expiredListeners) listener()
}

async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  let response = await send(method, path, options)
  if (response.status === 401 && !path.startsWith('/api/auth/log')) {
    if (await refreshSession()) response = await send(method, path, options)
    if (response.status === 401) reportExpiredSession()
  }
  if (!response.ok) throw await errorOf(response)
  if (response.status === 204) return undefined as T
  return (await response.json()) as T
}

/** Every call throws `ApiError`, but for an aborted one, which throws what `fetch` throws. */
export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) => request<T>('GET', path, { query, signal }),
  post: <T>(path: string, body: unknown = {}) => request<T>('POST', path, { body }),
  patch: <T>(path: string, body: unknown) => request<T>('PATCH', path, { body }),
  delete: <T>(path: string) => request<T>('DELETE', path),
  login: (username: string, password: string) => request<Session>('POST', '/api/auth/login', { body: { username, password } }),
}
