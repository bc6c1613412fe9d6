const LOCK = 'goip-refresh-lock'
const RENEWED = 'goip-refreshed-at'
const HELD_AT_MOST = 10_000

interface Held {
  by: string
  until: number
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

function read<T>(key: string): T | null {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null') as T | null
  } catch {
    return null
  }
}

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value))
  } catch {
    // Without storage this tab cannot tell the others; the server's own check stays.
  }
}

/** Web Locks are missing on plain HTTP, where most of these pages are opened. */
async function withStorageLock<T>(task: () => Promise<T>): Promise<T> {
  const me = crypto.getRandomValues(new Uint32Array(2)).join('-')
  const giveUpAt = Date.now() + HELD_AT_MOST
  while (Date.now() < giveUpAt) {
    const held = read<Held>(LOCK)
    if (!held || held.until < Date.now()) {
      write(LOCK, { by: me, until: Date.now() + HELD_AT_MOST } satisfies Held)
      // Two tabs may both have found it free; the one that wrote last has it.
      await pause(30)
      const winner = read<Held>(LOCK)
      if (!winner || winner.by === me) break
    }
    await pause(50)
  }
  try {
    return await task()
  } finally {
    if (read<Held>(LOCK)?.by === me) write(LOCK, null)
  }
}

function withLock<T>(task: () => Promise<T>): Promise<T> {
  if (navigator.locks) return navigator.locks.request(LOCK, task) as Promise<T>
  return withStorageLock(task)
}

/**
 * Runs `renew` in one tab at a time, and not at all where another tab has just done it: the tabs share one
 * refresh token, and using it twice would end the session of all of them.
 */
export async function oncePerBrowser(renew: () => Promise<boolean>): Promise<boolean> {
  const wantedAt = Date.now()
  return withLock(async () => {
    if ((read<number>(RENEWED) ?? 0) > wantedAt) return true
    const isRenewed = await renew()
    if (isRenewed) write(RENEWED, Date.now())
    return isRenewed
  })
}
