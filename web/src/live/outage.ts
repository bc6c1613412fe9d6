import type { Outcome } from './store'
import type { OutageNote } from './types'

/** An outage shorter than this is not worth a word across the page. */
export const WORTH_A_NOTE = 1_000

/** Counts what an outage cost, to say it once when it is over. */
export class Outage {
  private n = 0
  private isReplaced = false

  /** `since`: when the line was heard last, as far as that is known. */
  constructor(private readonly since: number) {}

  count(outcome: Outcome): void {
    if (outcome.kind === 'applied') this.n += outcome.n
    if (outcome.kind === 'replaced') this.isReplaced = true
  }

  noteAt(now: number): OutageNote {
    const lasted = now - this.since
    return this.isReplaced ? { kind: 'gap', lasted } : { kind: 'replayed', n: this.n, lasted }
  }
}
