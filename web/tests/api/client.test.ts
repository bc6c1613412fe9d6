import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { api, ApiError, onSessionExpired, refreshSession, urlOf } from '@/api/client'

const fetchMock = vi.fn<typeof fetch>()
const answers = (...responses: Response[]) => responses.forEach((response) => fetchMock.mockResolvedValueOnce(response))
const json = (status: number, body: unknown, headers: Record<string, string> = {}) => new Response(JSON.stringify(body), { status, headers })
const refusal = (status: number, code = 'unauthorized') => json(status, { success: false, error: 'no', code, requestId: 'r1' })
const asked = () => fetchMock.mock.calls.map(([url, init]) => `${init?.method} ${String(url)}`)
const headersOf = (call: number) => fetchMock.mock.calls[call]![1]!.headers as Record<string, string>

beforeEach(() => {
  fetchMock.mockReset()
  vi.stubGlobal('fetch', fetchMock)
  localStorage.clear()
  document.cookie = 'goip_csrf=abc%3D; path=/'
})
afterEach(() => vi.unstubAllGlobals())

describe('a request', () => {
  it('shows the CSRF token when it changes something, and only then', async () => {
    answers(json(200, {}), json(200, {}))
    await api.get('/api/devices')
    await api.post('/api/devices', { deviceId: 'a' })
    expect(headersOf(0)['X-CSRF-Token']).toBeUndefined()
    expect(headersOf(1)['X-CSRF-Token']).toBe('abc=')
  })

  it('leaves out what is not asked, and joins lists', () => {
    expect(urlOf('/api/devices', { search: '', status: ['late', 'offline'], make: undefined, limit: 5 })).toBe('/api/devices?status=late%2Coffline&limit=5')
  })

  it('that is refused throws what the server said', async () => {
    answers(json(422, { success: false, error: 'Wrong', code: 'invalid_payload', fields: { name: ['Too long.', 'Odd.'] }, requestId: 'r9' }))
    const error = await api.get('/x').catch((error: unknown) => error)
    expect(error).toMatchObject({ status: 422, code: 'invalid_payload', message: 'Wrong', fields: { name: 'Too long. Odd.' }, requestId: 'r9' })
  })

  it('that a proxy answered throws too', async () => {
    answers(new Response('<html>', { status: 502 }))
    await expect(api.get('/x')).rejects.toMatchObject({ status: 502, code: 'unexpected' })
  })

  it('tells how long to wait', async () => {
    answers(json(429, { success: false, error: 'slow', code: 'rate_limited' }, { 'Retry-After': '7' }))
    await expect(api.login('a', 'b')).rejects.toMatchObject({ retryAfter: 7 })
  })

  it('without a network is unreachable', async () => {
    fetchMock.mockRejectedValueOnce(new TypeError('failed'))
    const error = await api.get('/x').catch((error: unknown) => error)
    expect((error as ApiError).isUnreachable).toBe(true)
  })
})

describe('a session that ran out', () => {
  it('is renewed silently, and the request sent again', async () => {
    answers(refusal(401), json(200, {}), json(200, { ok: 1 }))
    expect(await api.get('/api/devices')).toEqual({ ok: 1 })
    expect(asked()).toEqual(['GET /api/devices', 'POST /api/auth/refresh', 'GET /api/devices'])
  })

  it('that cannot be renewed is told to whoever listens', async () => {
    const expired = vi.fn()
    const stop = onSessionExpired(expired)
    answers(refusal(401), refusal(401))
    await expect(api.get('/api/devices')).rejects.toMatchObject({ status: 401 })
    expect(expired).toHaveBeenCalledTimes(1)
    stop()
  })

  it('is not given up because the server has trouble', async () => {
    const expired = vi.fn()
    const stop = onSessionExpired(expired)
    answers(refusal(401), refusal(503, 'unavailable'))
    await expect(api.get('/api/devices')).rejects.toMatchObject({ status: 503 })
    expect(expired).not.toHaveBeenCalled()
    stop()
  })

  it('is renewed once for all who ask at the same time', async () => {
    answers(json(200, {}))
    expect(await Promise.all([refreshSession(), refreshSession(), refreshSession()])).toEqual([true, true, true])
    expect(fetchMock).toHaveBeenCalledTimes(1)
  })

  it('is not renewed where another tab has done it meanwhile', async () => {
    const waiting = refreshSession()
    localStorage.setItem('goip-refreshed-at', JSON.stringify(Date.now() + 1))
    expect(await waiting).toBe(true)
    expect(fetchMock).not.toHaveBeenCalled()
  })

  it('is no reason to renew when the password is wrong', async () => {
    answers(refusal(401))
    await expect(api.login('a', 'b')).rejects.toMatchObject({ status: 401 })
    expect(asked()).toEqual(['POST /api/auth/login'])
  })
})
