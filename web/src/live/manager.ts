import type { Cursor, Frame, Snapshot } from '@/api/types'
import type { Clock } from './clock'
import { hasReached, type LiveStore } from './store'
import type { CloseCode, Connection, LinkState, Transport, TransportState } from './types'

/** A transport that has not opened by then is given up. */
export const OPEN_WITHIN = 8_000
/** Longer silence than a ping and its slack means that the line is dead, whatever the socket says. */
export const QUIET_LIMIT = 40_000
/** While on a lower rung, the better ones are tried again this often, ever more rarely. */
export const CLIMB_AFTER = [5_000, 15_000, 60_000, 300_000]
const LONGEST_BACKOFF = 30_000
/** An outage shorter than this is not worth a word. */
const WORTH_A_NOTE = 1_000

export interface ManagerOptions {
  store: LiveStore
  /** Best first. */
  ladder: readonly Transport[]
  clock: Clock
  fetchSnapshot: () => Promise<Snapshot>
  /** Renews the session; false when it is over. */
  refresh: () => Promise<boolean>
  onLink: (link: LinkState) => void
  onExpired: () => void
  /** After every outage that ended. */
  onReconnect?: () => void
}

interface Attempt {
  rung: number
  connection: Connection | null
  isOpen: boolean
  /** Over this cursor the replay is complete. */
  target: Cursor | null
  cancelDeadline: () => void
}

interface Outage {
  since: number
  n: number
  isReplaced: boolean
}

/** In milliseconds, before try number `n` (from 0): doubling, with half of it left to chance. */
export function backoff(n: number, random: number): number {
  const full = Math.min(LONGEST_BACKOFF, 1_000 * 2 ** n)
  return full / 2 + (full / 2) * random
}

/**
 * Keeps one transport feeding the store: climbs down the ladder when a rung breaks, back up when it can,
 * and never says "connected" for longer than it has heard something.
 */
export class LinkManager {
  link: LinkState = { phase: 'connecting', transport: null, lastHeardAt: null, staleSince: null, retryAt: null, note: null }

  private current: Attempt | null = null
  /** A better rung that is being tried while the current one goes on. */
  private candidate: Attempt | null = null
  private isRunning = false
  private failedRounds = 0
  private climbs = 0
  private outage: Outage | null = null
  private cancelRetry = () => {}
  private cancelClimb = () => {}
  private isFetching = false

  constructor(private readonly options: ManagerOptions) {}

  start(): void {
    if (this.isRunning) return
    this.isRunning = true
    void this.begin()
  }

  stop(): void {
    this.isRunning = false
    this.cancelRetry()
    this.cancelClimb()
    this.drop(this.candidate)
    this.drop(this.current)
    this.candidate = this.current = null
    this.options.store.clear()
    this.tell({ phase: 'connecting', transport: null, lastHeardAt: null, staleSince: null, retryAt: null, note: null })
  }

  /** Tries at once instead of when the back-off ends: the reader asked, or the network came back. */
  retryNow(): void {
    if (!this.isRunning || this.current || this.link.retryAt === null) return
    this.cancelRetry()
    void this.begin()
  }

  dismissNote(): void {
    this.tell({ note: null })
  }

  private async begin(rung = 0): Promise<void> {
    this.tell({ phase: 'connecting', retryAt: null })
    if (!this.options.store.cursor && !(await this.takeSnapshot())) return
    if (this.isRunning && !this.current) this.current = this.attempt(rung)
  }

  private async takeSnapshot(): Promise<boolean> {
    if (this.isFetching) return false
    this.isFetching = true
    try {
      const snapshot = await this.options.fetchSnapshot()
      if (!this.isRunning) return false
      this.options.store.takeSnapshot(snapshot)
      this.heard()
      return true
    } catch {
      if (this.isRunning && !this.current) this.waitAndRetry()
      return false
    } finally {
      this.isFetching = false
    }
  }

  private attempt(rung: number): Attempt {
    const transport = this.options.ladder[rung]!
    const attempt: Attempt = { rung, connection: null, isOpen: false, target: null, cancelDeadline: () => {} }
    this.setDeadline(attempt, OPEN_WITHIN)
    attempt.connection = transport.open(
      this.options.store.cursor,
      (frame) => this.isAlive(attempt) && this.onFrame(attempt, frame),
      (state) => this.isAlive(attempt) && this.onState(attempt, state),
    )
    // It may have failed at once, before there was a connection to close.
    if (!this.isAliveOrNew(attempt)) attempt.connection.close()
    return attempt
  }

  private isAlive(attempt: Attempt): boolean {
    return this.isRunning && !this.dropped.has(attempt)
  }

  private isAliveOrNew(attempt: Attempt): boolean {
    return !this.dropped.has(attempt)
  }

  private readonly dropped = new WeakSet<Attempt>()

  private drop(attempt: Attempt | null): void {
    if (!attempt) return
    this.dropped.add(attempt)
    attempt.cancelDeadline()
    attempt.connection?.close()
  }

  private setDeadline(attempt: Attempt, milliseconds: number): void {
    attempt.cancelDeadline()
    attempt.cancelDeadline = this.options.clock.later(milliseconds, () => this.onClosed(attempt, 'lost'))
  }

  private onState(attempt: Attempt, state: TransportState): void {
    if (state.kind === 'closed') return this.onClosed(attempt, state.code)
    this.setDeadline(attempt, QUIET_LIMIT)
    if (state.kind === 'open') this.onOpen(attempt, state.cursor)
    if (state.kind === 'resync') void this.recover(attempt)
    this.heard()
  }

  private onFrame(attempt: Attempt, frame: Frame): void {
    this.setDeadline(attempt, QUIET_LIMIT)
    this.heard()
    const outcome = this.options.store.takeFrame(frame)
    if (outcome.kind === 'applied' && this.outage) this.outage.n += outcome.n
    if (outcome.kind === 'replaced' && this.outage) this.outage.isReplaced = true
    if (outcome.kind === 'gap') attempt.connection?.resume(this.options.store.cursor!)
    if (outcome.kind === 'lost') void this.recover(attempt)
    this.noteWhenComplete(attempt)
  }

  private async recover(attempt: Attempt): Promise<void> {
    if (!(await this.takeSnapshot())) return
    if (this.outage) this.outage.isReplaced = true
    if (this.isAlive(attempt)) attempt.connection?.resume(this.options.store.cursor!)
    this.noteWhenComplete(attempt)
  }

  private onOpen(attempt: Attempt, target: Cursor | null): void {
    attempt.isOpen = true
    attempt.target = target
    if (attempt === this.candidate) {
      const old = this.current
      this.candidate = null
      this.current = attempt
      this.drop(old)
    }
    this.failedRounds = 0
    const transport = this.options.ladder[attempt.rung]!.name
    this.tell({ phase: transport === 'polling' ? 'polling' : 'connected', transport, staleSince: null, retryAt: null })
    this.noteWhenComplete(attempt)
    this.planClimb()
  }

  private noteWhenComplete(attempt: Attempt): void {
    const { outage } = this
    if (!outage || attempt !== this.current || !attempt.isOpen || !this.options.store.cursor) return
    if (attempt.target && !hasReached(this.options.store.cursor, attempt.target)) return
    this.outage = null
    if (this.options.clock.now() - outage.since >= WORTH_A_NOTE) {
      this.tell({ note: outage.isReplaced ? { kind: 'gap' } : { kind: 'replayed', n: outage.n } })
    }
    this.options.onReconnect?.()
  }

  private onClosed(attempt: Attempt, code: CloseCode): void {
    if (!this.isAlive(attempt)) return
    this.drop(attempt)
    if (attempt === this.candidate) {
      this.candidate = null
      return this.planClimb()
    }
    this.cancelClimb()
    this.drop(this.candidate)
    this.candidate = this.current = null
    if (attempt.isOpen) this.beginOutage()
    if (code === 'unauthorized') return void this.renew(attempt.rung)
    // A line that worked is tried again from the top; one that never opened gives way to the next rung.
    if (attempt.isOpen) return void this.waitAndRetry()
    if (attempt.rung + 1 < this.options.ladder.length) return void this.begin(attempt.rung + 1)
    this.failedRounds += 1
    this.waitAndRetry()
  }

  private beginOutage(): void {
    const since = this.options.clock.now()
    this.outage ??= { since, n: 0, isReplaced: false }
    this.tell({ phase: 'connecting', transport: null, staleSince: this.link.staleSince ?? this.link.lastHeardAt ?? since })
  }

  private async renew(rung: number): Promise<void> {
    let isRenewed: boolean
    try {
      isRenewed = await this.options.refresh()
    } catch {
      return this.waitAndRetry()
    }
    if (!this.isRunning) return
    if (isRenewed) return this.begin(rung)
    this.stop()
    this.options.onExpired()
  }

  private waitAndRetry(): void {
    const { clock } = this.options
    const wait = backoff(this.failedRounds, clock.random())
    this.tell({
      phase: this.failedRounds > 0 || !this.options.store.cursor ? 'error' : 'connecting',
      transport: null,
      retryAt: clock.now() + wait,
    })
    if (!this.options.store.cursor) this.failedRounds += 1
    this.cancelRetry()
    this.cancelRetry = clock.later(wait, () => void this.begin())
  }

  private planClimb(): void {
    this.cancelClimb()
    const rung = this.current?.rung ?? 0
    if (rung === 0) return void (this.climbs = 0)
    const wait = CLIMB_AFTER[Math.min(this.climbs, CLIMB_AFTER.length - 1)]!
    this.climbs += 1
    this.cancelClimb = this.options.clock.later(wait, () => {
      this.candidate = this.attempt(0)
    })
  }

  private heard(): void {
    this.tell({ lastHeardAt: this.options.clock.now() })
  }

  private tell(change: Partial<LinkState>): void {
    this.link = { ...this.link, ...change }
    this.options.onLink(this.link)
  }
}
