import type { Outcome } from './store'
import type { OutageNote } from './types'

/** An outage shorter than this is not worth a word. */
export const WORTH_A_NOTE = 1_000

/** Counts what an outage cost, to say it once when it is over. */
export class Outage {
  private n = 0
  private isReplaced = false

  constructor(private readonly since: number) {}

  count(outcome: Outcome): void {
    if (outcome.kind === 'applied') this.n += outcome.n
    if (outcome.kind === 'replaced') this.isReplaced = true
  }

  noteAt(now: number): OutageNote | null {
    if (now - this.since < WORTH_A_NOTE) return null
    return this.isReplaced ? { kind: 'gap' } : { kind: 'replayed', n: this.n }
  }
}
