import type { Cursor, Frame, Snapshot } from '@/api/types'
import { backoff, jitter } from './backoff'
import type { Clock } from './clock'
import { Outage, WORTH_A_NOTE } from './outage'
import { hasReached, type LiveStore } from './store'
import type { CloseCode, Connection, LinkChange, LinkState, OpenReason, Transport, TransportState } from './types'

/** A transport that has not opened by then is given up. */
export const OPEN_WITHIN = 8_000
/** Longer silence than a ping and its slack means that the line is dead, whatever the socket says. */
export const QUIET_LIMIT = 40_000
/** While on a lower rung, the better ones are tried again within these, ever more rarely. */
export const CLIMB_WITHIN = [5_000, 15_000, 60_000, 300_000]
/** A line that held for so long has earned a fresh start of the back-off. */
export const STABLE_AFTER = 30_000
/** How many changes of transport the page remembers. */
export const CHANGES_LOGGED = 20
/** The age on the badge is told in seconds, so it need not change more often. */
const TELL_AGE_EVERY = 1_000

const START: LinkState = {
  phase: 'connecting', transport: null, lastHeardAt: null, staleSince: null, retryAt: null, note: null, isShared: false, log: [],
}

export interface ManagerOptions {
  store: LiveStore
  clock: Clock
  fetchSnapshot: () => Promise<Snapshot>
  /** Renews the session; false when it is over, an error when that is not known. */
  refresh: () => Promise<boolean>
  onLink: (link: LinkState) => void
  /** Every frame that the store took, after it did. */
  onTaken: (frame: Frame) => void
  onExpired: () => void
  /** After every snapshot that was taken: what it does not carry may be fetched now. */
  onReplaced: () => void
  /** After every outage that ended. */
  onReconnect: () => void
}

interface Attempt {
  rung: number
  connection: Connection | null
  isOpen: boolean
  isStable: boolean
  isDropped: boolean
  isRecovering: boolean
  /** Where the replay is complete. */
  target: Cursor | null
  /** The server could not replay; until its snapshot is here, nothing is complete. */
  awaitsSnapshot: boolean
  cancelDeadline: () => void
}

/**
 * Keeps one transport feeding the store: climbs down the ladder when a rung breaks, back up when it can,
 * and never says "connected" for longer than it has heard something.
 */
export class LinkManager {
  link: LinkState = START

  /** Best first. */
  private ladder: readonly Transport[] = []
  private current: Attempt | null = null
  /** Another rung, or the same with a fresh session, being tried while the current one goes on. */
  private candidate: Attempt | null = null
  private isRunning = false
  /** Rounds down the whole ladder, and lines that broke soon, since the last line that held. */
  private failures = 0
  private climbs = 0
  /** What to say of the next line that opens. */
  private opening: OpenReason = 'opened'
  private isRenewed = false
  private outage: Outage | null = null
  private lastHeardAt: number | null = null
  private cancelRetry = () => {}
  private cancelClimb = () => {}
  private cancelStable = () => {}

  constructor(private readonly options: ManagerOptions) {}

  /** `ladder`: the transports to use, best first. */
  start(ladder: readonly Transport[], why: OpenReason = 'opened'): void {
    if (this.isRunning) return
    this.isRunning = true
    this.opening = why
    this.ladder = ladder
    void this.begin()
  }

  /** Whether the line is open, and nothing is missing. */
  get isWhole(): boolean {
    return this.current?.isOpen === true && this.outage === null
  }

  /** Goes on from its own cursor by other transports; the line may have been gone for `silentFor` milliseconds. */
  switchTo(ladder: readonly Transport[], why: OpenReason, silentFor = 0): void {
    if (!this.isRunning) return this.start(ladder, why === 'tookOver' ? 'opened' : why)
    this.cancelRetry()
    if (this.current?.isOpen) this.beginOutage(this.options.clock.now() - silentFor)
    this.dropAll()
    this.opening = why
    this.ladder = ladder
    void this.begin()
  }

  /** Forgets everything: the next reader of this page may be somebody else. */
  stop(): void {
    this.isRunning = false
    this.dropAll()
    this.cancelRetry()
    this.outage = this.lastHeardAt = null
    this.failures = this.climbs = 0
    this.options.store.clear()
    this.tell(START)
  }

  /** Tries at once instead of when the back-off ends: the reader asked, or the network came back. */
  retryNow(): void {
    if (!this.isRunning || this.link.retryAt === null) return
    this.cancelRetry()
    void this.begin()
  }

  /** Opens the same rung anew beside the old one, which would end with the session that it was opened with. */
  reopen(): void {
    if (!this.current?.isOpen || this.candidate) return
    this.cancelClimb()
    this.candidate = this.attempt(this.current.rung)
  }

  dismissNote(): void {
    this.tell({ note: null })
  }

  private async begin(rung = 0): Promise<void> {
    const { ladder } = this
    this.tell({ phase: this.failures > 0 ? 'error' : 'connecting', transport: null, retryAt: null })
    const hasPlace = this.options.store.cursor !== null || (await this.takeSnapshot())
    if (!this.isRunning || this.ladder !== ladder) return
    if (!hasPlace) return this.fail()
    this.current ??= this.attempt(rung)
  }

  private async takeSnapshot(): Promise<boolean> {
    try {
      const snapshot = await this.options.fetchSnapshot()
      if (!this.isRunning) return false
      this.options.store.takeSnapshot(snapshot)
      this.outage?.count({ kind: 'replaced' })
      this.options.onReplaced()
      this.heard()
      return true
    } catch {
      return false
    }
  }

  private attempt(rung: number): Attempt {
    const attempt: Attempt = {
      rung, connection: null, isOpen: false, isStable: false, isDropped: false, isRecovering: false,
      target: null, awaitsSnapshot: false, cancelDeadline: () => {},
    }
    this.setDeadline(attempt, OPEN_WITHIN)
    attempt.connection = this.ladder[rung]!.open(
      this.options.store.cursor,
      (frame) => attempt.isDropped || this.onFrame(attempt, frame),
      (state) => attempt.isDropped || this.onState(attempt, state),
    )
    return attempt
  }

  private drop(attempt: Attempt | null): void {
    if (!attempt) return
    attempt.isDropped = true
    attempt.cancelDeadline()
    attempt.connection?.close()
  }

  private dropAll(): void {
    this.cancelClimb()
    this.cancelStable()
    this.drop(this.candidate)
    this.drop(this.current)
    this.candidate = this.current = null
  }

  private setDeadline(attempt: Attempt, milliseconds: number): void {
    attempt.cancelDeadline()
    attempt.cancelDeadline = this.options.clock.later(milliseconds, () => this.onClosed(attempt, 'silent'))
  }

  private onState(attempt: Attempt, state: TransportState): void {
    if (state.kind === 'closed') return this.onClosed(attempt, state.code)
    if (state.kind === 'open') this.onOpen(attempt, state.cursor, state.isRecovered)
    this.heardFrom(attempt)
    if (state.kind === 'resync') void this.recover(attempt)
  }

  private onFrame(attempt: Attempt, frame: Frame): void {
    this.heardFrom(attempt)
    const outcome = this.options.store.takeFrame(frame)
    this.outage?.count(outcome)
    if (outcome.kind === 'replaced') {
      attempt.awaitsSnapshot = false
      this.options.onReplaced()
    }
    if (outcome.kind === 'applied' || outcome.kind === 'replaced') this.options.onTaken(frame)
    if (outcome.kind === 'gap') attempt.connection?.resume(this.options.store.cursor!)
    if (outcome.kind === 'lost') void this.recover(attempt)
    this.endOutageWhenComplete()
  }

  private async recover(attempt: Attempt): Promise<void> {
    if (attempt.isRecovering) return
    attempt.isRecovering = true
    const isTaken = await this.takeSnapshot()
    attempt.isRecovering = attempt.awaitsSnapshot = false
    if (attempt.isDropped) return
    if (!isTaken) return this.onClosed(attempt, 'lost')
    attempt.connection?.resume(this.options.store.cursor!)
    this.endOutageWhenComplete()
  }

  private onOpen(attempt: Attempt, target: Cursor | null, isRecovered: boolean): void {
    attempt.isOpen = true
    attempt.target = target
    // The snapshot may have come before the word that it would.
    attempt.awaitsSnapshot = !isRecovered && this.options.store.cursor !== target
    const isClimb = attempt.rung < (this.current?.rung ?? 0)
    if (attempt === this.candidate) {
      this.drop(this.current)
      this.candidate = null
      this.current = attempt
    }
    this.isRenewed = false
    this.cancelStable()
    this.cancelStable = this.options.clock.later(STABLE_AFTER, () => this.settleDown(attempt))
    this.showTransport(attempt, isClimb ? 'climbed' : attempt.rung > 0 ? 'fell' : this.opening)
    this.opening = 'back'
    this.endOutageWhenComplete()
    this.planClimb()
  }

  private settleDown(attempt: Attempt): void {
    attempt.isStable = true
    this.failures = 0
    if (attempt.rung === 0) this.climbs = 0
  }

  private showTransport({ rung }: Attempt, why: OpenReason): void {
    const transport = this.ladder[rung]!.name
    if (transport !== this.link.transport) this.log({ transport, why })
    this.tell({ phase: transport === 'polling' ? 'polling' : 'connected', transport, staleSince: null, retryAt: null })
  }

  private log({ transport, why }: Pick<LinkChange, 'transport' | 'why'>): void {
    const change = { at: this.options.clock.now(), transport, why, note: null }
    this.tell({ log: [change, ...this.link.log].slice(0, CHANGES_LOGGED) })
  }

  private endOutageWhenComplete(): void {
    const { current, outage } = this
    const { store, clock } = this.options
    if (!outage || !current?.isOpen || current.isRecovering || current.awaitsSnapshot || !store.cursor) return
    if (current.target && !hasReached(store.cursor, current.target)) return
    this.outage = null
    const note = outage.noteAt(clock.now())
    const [latest, ...older] = this.link.log
    this.tell({ note: note.lasted < WORTH_A_NOTE ? null : note, log: latest ? [{ ...latest, note }, ...older] : [] })
    this.options.onReconnect()
  }

  private onClosed(attempt: Attempt, code: CloseCode): void {
    if (attempt.isDropped) return
    this.drop(attempt)
    if (attempt === this.candidate) return this.onCandidateClosed(attempt)
    this.dropAll()
    if (attempt.isOpen) this.lose(attempt, code)
    if (code === 'unauthorized' && !this.isRenewed) return void this.renew(attempt.rung)
    // A line that worked is tried again from the top; one that never opened gives way to the next rung.
    if (attempt.isOpen) return this.waitAndRetry()
    if (attempt.rung + 1 < this.ladder.length) return void this.begin(attempt.rung + 1)
    this.fail()
  }

  private onCandidateClosed(candidate: Attempt): void {
    this.candidate = null
    const next = candidate.rung + 1
    if (next < (this.current?.rung ?? 0)) this.candidate = this.attempt(next)
    else this.planClimb()
  }

  private lose({ isStable }: Attempt, code: CloseCode): void {
    if (!isStable) this.failures += 1
    const now = this.options.clock.now()
    // A socket tells at once that it broke; silence began when it did.
    this.beginOutage(code === 'silent' ? (this.lastHeardAt ?? now) : now)
    this.log({ transport: null, why: code })
  }

  private beginOutage(since: number): void {
    this.outage ??= new Outage(since)
    this.tell({ phase: 'connecting', transport: null, staleSince: this.link.staleSince ?? this.lastHeardAt ?? since, note: null })
  }

  private async renew(rung: number): Promise<void> {
    const { ladder } = this
    let isRenewed: boolean
    try {
      isRenewed = await this.options.refresh()
    } catch {
      return this.fail()
    }
    if (!this.isRunning) return
    this.isRenewed = true
    if (isRenewed) return this.begin(ladder === this.ladder ? rung : 0)
    this.stop()
    this.options.onExpired()
  }

  private fail(): void {
    if (!this.isRunning) return
    this.failures += 1
    this.isRenewed = false
    this.waitAndRetry()
  }

  private waitAndRetry(): void {
    const { clock } = this.options
    const wait = backoff(this.failures, clock.random())
    this.tell({ phase: this.failures > 0 ? 'error' : 'connecting', transport: null, retryAt: clock.now() + wait })
    this.cancelRetry()
    this.cancelRetry = clock.later(wait, () => void this.begin())
  }

  private planClimb(): void {
    this.cancelClimb()
    if (!this.current || this.current.rung === 0) return
    const { clock } = this.options
    const wait = jitter(CLIMB_WITHIN[Math.min(this.climbs, CLIMB_WITHIN.length - 1)]!, clock.random())
    this.climbs += 1
    this.cancelClimb = clock.later(wait, () => {
      this.candidate ??= this.attempt(0)
    })
  }

  private heardFrom(attempt: Attempt): void {
    this.setDeadline(attempt, attempt.isOpen ? QUIET_LIMIT : OPEN_WITHIN)
    const isShown = attempt !== this.current || !attempt.isOpen || this.ladder[attempt.rung]!.name === this.link.transport
    if (!isShown) this.showTransport(attempt, 'followed')
    this.heard()
  }

  private heard(): void {
    const now = this.options.clock.now()
    this.lastHeardAt = now
    if (now - (this.link.lastHeardAt ?? -Infinity) >= TELL_AGE_EVERY) this.tell({ lastHeardAt: now })
  }

  private tell(change: Partial<LinkState>): void {
    this.link = { ...this.link, ...change }
    this.options.onLink(this.link)
  }
}
