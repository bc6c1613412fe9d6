import { visibleText } from '@/components/visibleText'

export const MOST_ENTRIES = 500
/** A snapshot of a large fleet is megabytes: the log keeps its start. */
const MOST_CHARACTERS = 4_000

export type Direction = 'in' | 'out' | 'note'

export interface Entry {
  n: number
  at: number
  direction: Direction
  type: string
  /** Bytes of what was said. */
  size: number
  text: string
}

const encoder = new TextEncoder()

/** The last of what was said; while it is paused it goes on by itself, and shows what it had. */
export class Log {
  private entries: Entry[] = []
  private frozen: readonly Entry[] | null = null
  private count = 0

  add(at: number, direction: Direction, type: string, text: string): void {
    const size = encoder.encode(text).length
    this.entries.push({ n: ++this.count, at, direction, type: legible(type), size, text: legible(text.slice(0, MOST_CHARACTERS)) })
    if (this.entries.length > MOST_ENTRIES) this.entries.shift()
  }

  get shown(): readonly Entry[] {
    return this.frozen ?? this.entries.slice()
  }

  get isPaused(): boolean {
    return this.frozen !== null
  }

  /** How many came since it was paused, as far as they are kept. */
  get waiting(): number {
    const last = this.frozen?.at(-1)?.n ?? 0
    return this.frozen ? this.entries.filter(({ n }) => n > last).length : 0
  }

  setPaused(isPaused: boolean): void {
    this.frozen = isPaused ? this.entries.slice() : null
  }

  clear(): void {
    this.entries = []
    if (this.frozen) this.frozen = []
  }
}

/** Strangers' text, with what hides in it named. */
export function legible(text: string): string {
  return visibleText(text).map((piece) => (piece.symbol ? `‹${piece.symbol}›` : piece.text)).join('')
}

const ARROWS: Record<Direction, string> = { in: '←', out: '→', note: '·' }
export const arrowOf = (direction: Direction): string => ARROWS[direction]

/** `12:03:10.123`: in a log the order within a second matters. */
export function timeOf(at: number): string {
  const date = new Date(at)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

export function copyOf(entries: readonly Entry[]): string {
  return entries.map(({ at, direction, type, size, text }) => [new Date(at).toISOString(), arrowOf(direction), type, size, text].join('\t')).join('\n')
}
