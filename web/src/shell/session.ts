import { ref, shallowRef } from 'vue'
import { api, ApiError, mayHaveSession, onSessionExpired, refreshSession } from '@/api/client'
import type { Meta, User } from '@/api/types'
import { learnServerTime, serverNow } from '@/live/clock'
import { reopenLive, startLive, stopLive } from '@/live/vue'

/** `unreachable` is not `out`: the session may well hold, the server just cannot be asked. */
export type SessionState = 'unknown' | 'in' | 'out' | 'unreachable'

/** Renewed this long before the access token ends, so that no socket is closed for it. */
const RENEW_AHEAD = 90_000
const SOONEST_RENEWAL = 20_000

export const user = shallowRef<User | null>(null)
export const sessionState = ref<SessionState>('unknown')
/** The session ended by itself, not by its owner. */
export const hasExpired = ref(false)

/** What to try where the server does not say. */
const USUAL_TRANSPORTS = ['socketio', 'polling']

/** Asked once, beside the first question of all. */
let meta: Promise<Meta | null> | undefined

let renewal: ReturnType<typeof setTimeout> | undefined

interface Me {
  user: User
  expiresAt: string
}

function loadMeta(): Promise<Meta | null> {
  meta ??= api.get<Meta>('/api/meta').then(
    (answer) => {
      learnServerTime(answer.serverTime)
      return answer
    },
    () => {
      meta = undefined
      return null
    },
  )
  return meta
}

async function enter(who: User, milliseconds: number): Promise<void> {
  user.value = who
  hasExpired.value = false
  sessionState.value = 'in'
  planRenewal(milliseconds)
  const transports = (await loadMeta())?.transports ?? USUAL_TRANSPORTS
  if (sessionState.value === 'in') startLive(transports, who.id)
}

function expire(): void {
  hasExpired.value = sessionState.value === 'in'
  leave()
}

function leave(): void {
  clearTimeout(renewal)
  user.value = null
  sessionState.value = 'out'
  stopLive()
}

const restOf = (me: Me): number => Date.parse(me.expiresAt) - serverNow()

function planRenewal(milliseconds: number): void {
  clearTimeout(renewal)
  renewal = setTimeout(() => void renew(), Math.max(SOONEST_RENEWAL, milliseconds - RENEW_AHEAD))
}

/** The lines are opened anew in any case: they end with the token that they were opened with. */
async function renew(): Promise<void> {
  try {
    let me = await api.get<Me>('/api/auth/me')
    // Another tab may have renewed it for all of them.
    if (restOf(me) <= RENEW_AHEAD + SOONEST_RENEWAL) {
      if (!(await refreshSession())) return expire()
      me = await api.get<Me>('/api/auth/me')
    }
    planRenewal(restOf(me))
    reopenLive()
  } catch {
    // The next answer 401 renews it; until then there is nothing to be lost.
    if (sessionState.value === 'in') planRenewal(0)
  }
}

/** Asks the server who is here. Never throws. */
export async function loadSession(): Promise<void> {
  if (!mayHaveSession()) return leave()
  try {
    const [me] = await Promise.all([api.get<Me>('/api/auth/me'), loadMeta()])
    void enter(me.user, restOf(me))
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) leave()
    else sessionState.value = 'unreachable'
  }
}

export async function login(username: string, password: string): Promise<void> {
  const session = await api.login(username, password)
  void enter(session.user, session.expiresIn * 1_000)
}

export async function logout(): Promise<void> {
  try {
    await api.post('/api/auth/logout')
  } finally {
    leave()
  }
}

/** Whether the reader may change things, rather than look at them. */
export function mayOperate(): boolean {
  return user.value?.role === 'operator' || user.value?.role === 'admin'
}

/** Whether the reader may see who is connected, and start jobs to try things with. */
export function mayAdminister(): boolean {
  return user.value?.role === 'admin'
}

onSessionExpired(expire)
