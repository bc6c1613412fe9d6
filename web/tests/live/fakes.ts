import type { Cursor, Frame } from '@/api/types'
import type { Clock } from '@/live/clock'
import type { Transport, TransportName, TransportState } from '@/live/types'

/** Lets everything run that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

interface Timer {
  at: number
  task: () => void
}

export class FakeClock implements Clock {
  private time = 1_000_000
  private timers = new Set<Timer>()
  chance = 0

  now = () => this.time
  random = () => this.chance

  later(milliseconds: number, task: () => void): () => void {
    const timer = { at: this.time + milliseconds, task }
    this.timers.add(timer)
    return () => this.timers.delete(timer)
  }

  get pending(): number {
    return this.timers.size
  }

  async advance(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds
    await settle()
    for (;;) {
      const next = [...this.timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.timers.delete(next)
      this.time = next.at
      next.task()
      await settle()
    }
    this.time = end
    await settle()
  }
}

/** A line that the test speaks for. */
export class FakeLine {
  isClosed = false
  readonly resumed: Cursor[] = []

  constructor(
    readonly cursor: Cursor | null,
    private readonly onFrame: (frame: Frame) => void,
    private readonly onState: (state: TransportState) => void,
  ) {}

  open = (cursor: Cursor | null = null, isRecovered = true) => this.onState({ kind: 'open', cursor, isRecovered })
  heard = () => this.onState({ kind: 'heard' })
  resync = () => this.onState({ kind: 'resync', reason: 'slow' })
  frame = (frame: Frame) => this.onFrame(frame)
  fail = (code: 'unreachable' | 'unauthorized' | 'refused' | 'lost' = 'unreachable') =>
    this.onState({ kind: 'closed', code, reason: '' })
}

export class FakeTransport implements Transport {
  readonly lines: FakeLine[] = []

  constructor(readonly name: TransportName) {}

  get line(): FakeLine {
    return this.lines.at(-1)!
  }

  open: Transport['open'] = (cursor, onFrame, onState) => {
    const line = new FakeLine(cursor, onFrame, onState)
    this.lines.push(line)
    return {
      resume: (from) => void line.resumed.push(from),
      close: () => void (line.isClosed = true),
    }
  }
}
