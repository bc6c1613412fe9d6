import { shallowRef } from 'vue'

export interface Toast {
  id: number
  text: string
  tone: 'neutral' | 'good' | 'bad'
  /** E.g. undo; the toast goes when it ran. */
  action?: { label: string; run: () => void }
}

const SHOWN_FOR = 6_000
const SHOWN_AT_MOST = 3

export const toasts = shallowRef<readonly Toast[]>([])
let nextId = 1

export function dismissToast(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id)
}

/** For the outcome of what the reader just did; never for events that arrive by themselves. */
export function showToast(text: string, options: Partial<Pick<Toast, 'tone' | 'action'>> & { seconds?: number } = {}): void {
  const { tone = 'neutral', action, seconds = SHOWN_FOR / 1_000 } = options
  const id = nextId++
  toasts.value = [...toasts.value, { id, text, tone, action }].slice(-SHOWN_AT_MOST)
  setTimeout(() => dismissToast(id), seconds * 1_000)
}
