/** However lucky: a server that is down is not asked at the pace of its refusals. */
const SOONEST = 200
const SHORTEST_BACKOFF = 1_000
const LONGEST_BACKOFF = 15_000

/** Any time up to `full` milliseconds: what pages do after the same event, they do not do at the same instant. */
export function jitter(full: number, random: number): number {
  return SOONEST + (full - SOONEST) * random
}

/** In milliseconds, after `n` failures: doubling, and all of it left to chance. */
export function backoff(n: number, random: number): number {
  return jitter(Math.min(LONGEST_BACKOFF, SHORTEST_BACKOFF * 2 ** n), random)
}
