import { onScopeDispose, ref } from 'vue'
import type { Router } from 'vue-router'

const KEY = 'goip-shortcuts'
/** After `g`, the second key has to come within this. */
const SEQUENCE = 1_500

function stored(): boolean {
  try {
    return localStorage.getItem(KEY) !== 'off'
  } catch {
    return true
  }
}

/** Single keys may be switched off: speech input and some keyboards press them by accident. */
export const areShortcutsOn = ref(stored())
export const isHelpOpen = ref(false)

export function setShortcuts(isOn: boolean): void {
  areShortcutsOn.value = isOn
  try {
    localStorage.setItem(KEY, isOn ? 'on' : 'off')
  } catch {
    // It then lasts as long as the page.
  }
}

const PAGES: Record<string, string> = { o: 'overview', d: 'devices', i: 'inbox', a: 'setup' }

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

const searchField = () => document.querySelector<HTMLInputElement>('main input[type="search"]')

async function focusSearch(router: Router): Promise<void> {
  if (!searchField()) await router.push({ name: 'devices' })
  requestAnimationFrame(() => searchField()?.focus())
}

export function useShortcuts(router: Router): void {
  let goAt = 0

  function onKey(event: KeyboardEvent): void {
    if (!areShortcutsOn.value || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
    if (isTyping(event.target) || document.querySelector('[role="dialog"]')) return
    if (run(event.key)) event.preventDefault()
  }

  function run(key: string): boolean {
    const page = Date.now() - goAt < SEQUENCE ? PAGES[key] : undefined
    goAt = 0
    if (page) void router.push({ name: page })
    else if (key === '/') void focusSearch(router)
    else if (key === '?') isHelpOpen.value = true
    else if (key === 'g') goAt = Date.now()
    else return false
    return true
  }

  document.addEventListener('keydown', onKey)
  onScopeDispose(() => document.removeEventListener('keydown', onKey))
}
