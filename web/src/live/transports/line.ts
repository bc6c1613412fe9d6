import type { Frame } from '@/api/types'
import type { CloseCode, TransportState } from '../types'

/**
 * What every transport promises, kept in one place: after `closed`, or once it was closed from outside, a line
 * says nothing more, and what it held is let go of at once.
 */
export class Line {
  isOver = false
  private release = () => {}

  constructor(
    private readonly onFrame: (frame: Frame) => void,
    private readonly onState: (state: TransportState) => void,
  ) {}

  /** Runs once, when the line ends; at once if it has. */
  whenOver(release: () => void): void {
    if (this.isOver) release()
    else this.release = release
  }

  frame(frame: Frame): void {
    if (!this.isOver) this.onFrame(frame)
  }

  tell(state: Exclude<TransportState, { kind: 'closed' }>): void {
    if (!this.isOver) this.onState(state)
  }

  fail(code: CloseCode, reason: string): void {
    if (this.isOver) return
    this.close()
    this.onState({ kind: 'closed', code, reason })
  }

  close(): void {
    if (this.isOver) return
    this.isOver = true
    this.release()
  }
}
