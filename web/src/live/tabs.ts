import type { Cursor, Frame } from '@/api/types'
import type { Clock } from './clock'
import type { LinkState } from './types'

/** A tab that heard nothing from the leader for so long asks whether it is still there. */
export const CHECK_EVERY = 4_000
/** A leader that says nothing for this long, and up to twice of it by chance, hangs or is frozen. */
export const ANSWER_WITHIN = 2_000
/** Browsers let the timers of a tab run only once a minute when it was hidden for five; by then another leads. */
export const HIDDEN_TOO_LONG = 240_000

/** How the leading tab is: its line, and what its page has. */
export interface News {
  link: LinkState
  /** The line is open, and nothing is missing. */
  isWhole: boolean
  cursor: Cursor | null
  hiddenSince: number | null
}

export type Told =
  | ({ kind: 'news' } & News)
  | { kind: 'frame'; frame: Frame; at: number }
  /** Asks the leader for its news. */
  | { kind: 'hello' }
  /** Asks the leader not to sit out its back-off. */
  | { kind: 'retry' }
  /** The session was ended by its owner. */
  | { kind: 'over' }

export interface TabsOptions {
  clock: Clock
  /** Missing on plain HTTP but for this very machine: there each tab has a line of its own. */
  locks: LockManager | undefined
  openChannel: ((name: string) => BroadcastChannel) | undefined
  isHidden: () => boolean
  news: () => Omit<News, 'hiddenSince'>
  /** `silentFor`: for how many milliseconds this tab has been without a line already. */
  onLead: (silentFor: number) => void
  onFollow: (silentFor: number) => void
  /** The leader told how it is. */
  onNews: () => void
  onRetry: () => void
  onOver: () => void
}

/**
 * The tabs of one reader share one line to the server. Who holds the lock leads: it has the line, and tells the others
 * every frame. When it closes, the next in the queue leads; when it hangs, is frozen or throttled, the lock is stolen.
 */
export class Tabs {
  /** What the leader told last; null for the leader itself. */
  leader: News | null = null
  isLeader = false

  private name: string | null = null
  private channel: BroadcastChannel | null = null
  /** Ends with the wish for the lock, or the hold of it. */
  private term = new AbortController()
  private heardAt = 0
  private lostAt: number | null = null
  private hiddenSince: number | null = null
  private cancelCheck = () => {}
  private readonly listeners = new Set<(told: Told) => void>()

  constructor(private readonly options: TabsOptions) {}

  /** `name` is the reader's: who signs in as somebody else hears nothing of the others. */
  join(name: string): void {
    if (this.name !== null) return
    const { openChannel, locks, onLead } = this.options
    this.name = name
    this.noteVisibility()
    if (openChannel) {
      this.channel = openChannel(name)
      this.channel.onmessage = ({ data }) => this.hear(data as Told)
    }
    if (this.channel && locks) void this.contend(locks, { ifAvailable: true })
    else onLead(this.takeSilence())
  }

  leave(): void {
    this.name = null
    this.lostAt = this.options.clock.now()
    this.isLeader = false
    this.leader = null
    this.term.abort()
    this.cancelCheck()
    this.channel?.close()
    this.channel = null
  }

  say(told: Told): void {
    this.channel?.postMessage(told)
  }

  /** To the others, if this tab leads them. */
  publish(frame: Frame): void {
    if (this.isLeader) this.say({ kind: 'frame', frame, at: this.options.clock.now() })
  }

  tellNews(): void {
    if (this.isLeader) this.say({ kind: 'news', ...this.options.news(), hiddenSince: this.hiddenSince })
  }

  /** Calls `listener` with what the leader tells. Returns the way to stop listening. */
  listen(listener: (told: Told) => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  noteVisibility(): void {
    this.hiddenSince = this.options.isHidden() ? (this.hiddenSince ?? this.options.clock.now()) : null
    this.tellNews()
    if (this.leader && this.hiddenSince === null) this.check()
  }

  private async contend(locks: LockManager, how: LockOptions): Promise<void> {
    this.term.abort()
    const term = (this.term = new AbortController())
    const name = this.name!
    try {
      await locks.request(name, how.ifAvailable || how.steal ? how : { signal: term.signal }, (lock) => lock && this.lead(term))
    } catch (error) {
      // Where the browser refuses locks altogether, this tab is on its own.
      if (!(error instanceof DOMException && error.name === 'AbortError') && this.term === term) return this.options.onLead(this.takeSilence())
    }
    if (this.term !== term || term.signal.aborted) return
    this.follow()
    void this.contend(locks, {})
  }

  /** For as long as the answer is pending, the lock is held. */
  private lead(term: AbortController): Promise<void> | undefined {
    if (term.signal.aborted) return
    this.isLeader = true
    this.leader = null
    this.cancelCheck()
    this.options.onLead(this.takeSilence())
    this.tellNews()
    return new Promise((resolve) => term.signal.addEventListener('abort', () => resolve()))
  }

  private follow(): void {
    this.isLeader = false
    this.heardAt = this.options.clock.now()
    this.options.onFollow(this.takeSilence())
    this.planCheck()
  }

  private planCheck(): void {
    this.cancelCheck()
    this.cancelCheck = this.options.clock.later(CHECK_EVERY, () => this.check())
  }

  private check(): void {
    const { clock } = this.options
    const now = clock.now()
    const hiddenFor = now - (this.leader?.hiddenSince ?? now)
    if (hiddenFor > HIDDEN_TOO_LONG && this.hiddenSince === null) return this.steal()
    if (now - this.heardAt < CHECK_EVERY) return this.planCheck()
    this.say({ kind: 'hello' })
    this.cancelCheck()
    // This tab may itself have been frozen: what it did not hear then is no proof.
    this.cancelCheck = clock.later(ANSWER_WITHIN * (1 + clock.random()), () => (this.heardAt >= now ? this.planCheck() : this.steal()))
  }

  private takeSilence(): number {
    const { lostAt } = this
    this.lostAt = null
    return lostAt === null ? 0 : this.options.clock.now() - lostAt
  }

  private steal(): void {
    this.lostAt = this.heardAt
    void this.contend(this.options.locks!, { steal: true })
  }

  private hear(told: Told): void {
    if (told.kind === 'hello') return this.tellNews()
    if (told.kind === 'over') return this.options.onOver()
    if (told.kind === 'retry') return void (this.isLeader && this.options.onRetry())
    if (this.isLeader) return
    this.heardAt = this.options.clock.now()
    if (told.kind === 'news') this.leader = told
    for (const listener of this.listeners) listener(told)
    if (told.kind === 'news') this.options.onNews()
  }
}
