import { ref } from 'vue'

export type Theme = 'light' | 'dark' | 'system'

const KEY = 'goip-theme'
const system = matchMedia('(prefers-color-scheme: dark)')

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY)
    return value === 'light' || value === 'dark' ? value : 'system'
  } catch {
    return 'system'
  }
}

export const theme = ref<Theme>(stored())

function show(): void {
  const isDark = theme.value === 'dark' || (theme.value === 'system' && system.matches)
  document.documentElement.classList.toggle('dark', isDark)
  const background = getComputedStyle(document.documentElement).getPropertyValue('--bg').trim()
  document.querySelector('meta[name="theme-color"]')?.setAttribute('content', background)
}

export function setTheme(value: Theme): void {
  theme.value = value
  try {
    localStorage.setItem(KEY, value)
  } catch {
    // It then lasts as long as the page.
  }
  show()
}

system.addEventListener('change', show)
show()
