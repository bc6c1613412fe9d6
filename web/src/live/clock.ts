/** Time and chance, so that tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970, by the browser. */
  now(): number
  /** Runs `task` once; the answer cancels it. */
  later(milliseconds: number, task: () => void): () => void
  /** In [0, 1). */
  random(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  later(milliseconds, task) {
    const id = setTimeout(task, milliseconds)
    return () => clearTimeout(id)
  },
  random: () => Math.random(),
}

let offset = 0

/** Ages are told against the server's clock: the reader's may be minutes off. */
export function learnServerTime(serverTime: string): void {
  const told = Date.parse(serverTime)
  if (Number.isFinite(told)) offset = told - Date.now()
}

export function serverNow(): number {
  return Date.now() + offset
}
