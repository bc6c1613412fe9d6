/** What tabs of one browser share: channels by name, and locks. */
export class FakeBrowser {
  readonly locks = new FakeLocks()
  /** The kinds of what was said on any channel. */
  readonly said: string[] = []
  private readonly channels = new Set<FakeChannel>()

  openChannel = (name: string): BroadcastChannel => {
    const channel = new FakeChannel(name, this.channels, this.said)
    this.channels.add(channel)
    return channel as unknown as BroadcastChannel
  }
}

class FakeChannel {
  onmessage: ((message: { data: unknown }) => void) | null = null

  constructor(
    readonly name: string,
    private readonly all: Set<FakeChannel>,
    private readonly said: string[],
  ) {}

  /** Arrives later, as a copy, and with everybody else who is there by then. */
  postMessage(data: { kind: string }): void {
    this.said.push(data.kind)
    const text = JSON.stringify(data)
    for (const other of this.all) {
      if (other === this || other.name !== this.name) continue
      queueMicrotask(() => this.all.has(other) && other.onmessage?.({ data: JSON.parse(text) }))
    }
  }

  close(): void {
    this.all.delete(this)
  }
}

interface Request {
  grant: (lock: { name: string } | null) => unknown
  settle: (result?: unknown) => void
  fail: (error: unknown) => void
}

const aborted = () => new DOMException('gone', 'AbortError')

/** Exclusive locks, as the Web Locks API describes them. */
class FakeLocks {
  private readonly locks = new Map<string, FakeLock>()

  request(name: string, how: LockOptions, grant: Request['grant']): Promise<unknown> {
    const lock = this.locks.get(name) ?? new FakeLock(name)
    this.locks.set(name, lock)
    return new Promise((settle, fail) => {
      const request = { grant, settle, fail }
      how.signal?.addEventListener('abort', () => lock.withdraw(request))
      queueMicrotask(() => lock.take(how, request))
    })
  }
}

class FakeLock {
  private holder: Request | null = null
  private readonly queue: Request[] = []

  constructor(private readonly name: string) {}

  take(how: LockOptions, request: Request): void {
    if (how.signal?.aborted) return request.fail(aborted())
    if (how.steal) {
      this.holder?.fail(aborted())
      this.holder = null
      this.queue.unshift(request)
    } else if (how.ifAvailable && (this.holder || this.queue.length)) {
      return void Promise.resolve(request.grant(null)).then(request.settle, request.fail)
    } else {
      this.queue.push(request)
    }
    this.serve()
  }

  withdraw(request: Request): void {
    const at = this.queue.indexOf(request)
    if (at < 0) return
    this.queue.splice(at, 1)
    request.fail(aborted())
  }

  private serve(): void {
    const next = this.holder ? undefined : this.queue.shift()
    if (!next) return
    this.holder = next
    void Promise.resolve(next.grant({ name: this.name })).then((result) => {
      next.settle(result)
      if (this.holder !== next) return
      this.holder = null
      this.serve()
    })
  }
}
