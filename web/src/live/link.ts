import type { Clock } from './clock'
import { LinkManager, type ManagerOptions } from './manager'
import { Tabs, type TabsOptions } from './tabs'
import type { PollingOptions } from './transports/polling'
import { sharedTransport } from './transports/shared'
import type { LinkState, Transport } from './types'

export interface LinkOptions
  extends Omit<ManagerOptions, 'onTaken'>, Pick<TabsOptions, 'locks' | 'openChannel' | 'isHidden' | 'onOver'> {
  /** The same for every tab, so that one line serves them all. */
  rooms: readonly string[]
  fetchFrame: PollingOptions['fetchFrame']
  /** The machine's own, by which the tabs tell each other times. */
  tabClock: Clock
}

/** A tab's part in the line to the server: its own line, where it leads the tabs of its reader, or the leader's. */
export class Link {
  state: LinkState

  private ladder: readonly Transport[] = []
  private reader: string | null = null
  private readonly manager: LinkManager
  private readonly tabs: Tabs

  constructor(private readonly options: LinkOptions) {
    const { rooms, fetchFrame, tabClock: clock } = options
    this.tabs = new Tabs({
      ...options,
      clock,
      news: () => ({ link: this.manager.link, isWhole: this.manager.isWhole, cursor: options.store.cursor }),
      onLead: (silentFor) => this.manager.switchTo(this.ladder, 'tookOver', silentFor),
      onFollow: (silentFor) => this.manager.switchTo(shared, 'followed', silentFor),
      onNews: () => this.onNews(),
      onRetry: () => this.manager.retryNow(),
    })
    const shared = [sharedTransport({ rooms, tabs: this.tabs, clock, fetchFrame })]
    this.manager = new LinkManager({ ...options, onLink: () => this.onLink(), onTaken: (frame) => this.tabs.publish(frame) })
    this.state = this.manager.link
  }

  /** `ladder`: the transports to use, best first; `reader`: whose tabs share one line. */
  start(ladder: readonly Transport[], reader: string): void {
    this.ladder = ladder
    this.reader = reader
    this.tabs.join(`goip-live-${reader}`)
  }

  /** The session is over, in the other tabs too. */
  stop(): void {
    this.reader = null
    this.tabs.say({ kind: 'over' })
    this.tabs.leave()
    this.manager.stop()
  }

  /** A frozen tab neither leads nor lets frames pile up. */
  freeze(): void {
    this.tabs.leave()
  }

  thaw(): void {
    if (this.reader !== null) this.start(this.ladder, this.reader)
  }

  noteVisibility(): void {
    this.tabs.noteVisibility()
    if (!this.options.isHidden()) this.manager.retryNow()
  }

  retryNow(): void {
    this.manager.retryNow()
    this.tabs.say({ kind: 'retry' })
  }

  /** See the manager's; it is for the tab that has the line to do. */
  reopen(): void {
    if (!this.state.isShared) this.manager.reopen()
  }

  dismissNote(): void {
    this.manager.dismissNote()
  }

  private onNews(): void {
    this.show()
    if (this.tabs.leader?.isWhole) this.manager.retryNow()
  }

  private onLink(): void {
    this.show()
    this.tabs.tellNews()
  }

  /** Of a tab that follows: how the leader's line is, while there is nothing else to tell. */
  private show(): void {
    const led = this.tabs.leader?.link
    const own = { ...this.manager.link, isShared: led !== undefined }
    this.state = led && !led.transport && !own.transport ? { ...own, phase: led.phase, retryAt: led.retryAt } : own
    this.options.onLink(this.state)
  }
}
