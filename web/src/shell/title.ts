import { computed, watchEffect } from 'vue'
import { useRoute } from 'vue-router'
import { t } from '@/i18n/t'
import { useLive } from '@/live/vue'

const MOST_SHOWN = 99

/** The mark of the tab as a picture of its own: with a count while something is wrong. */
export function faviconOf(problems: number): string {
  const bars = '<g fill="#fff"><rect x="7" y="18" width="4" height="7" rx="1.5"/><rect x="14" y="13" width="4" height="12" rx="1.5"/><rect x="21" y="7" width="4" height="18" rx="1.5"/></g>'
  const count = problems > MOST_SHOWN ? `${MOST_SHOWN}+` : String(problems)
  const size = count.length > 2 ? 12 : 15
  const badge =
    problems > 0
      ? `<circle cx="21" cy="21" r="11" fill="#b92525"/><text x="21" y="${21 + size * 0.36}" font-family="sans-serif" font-weight="700" font-size="${size}" fill="#fff" text-anchor="middle">${count}</text>`
      : ''
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0f5fd7"/>${bars}${badge}</svg>`
  return `data:image/svg+xml,${encodeURIComponent(svg)}`
}

/** Keeps the tab's title and picture telling the page, and how many devices are offline. */
export function useTitle(): void {
  const route = useRoute()
  const { stats } = useLive()
  const problems = computed(() => stats.value?.offlineDevices ?? 0)

  watchEffect(() => {
    const title = t('shell.pageTitle', { page: t(route.meta.title ?? 'shell.product') })
    document.title = problems.value > 0 ? t('shell.problemTitle', { n: problems.value, title }) : title
  })
  watchEffect(() => {
    document.querySelector<HTMLLinkElement>('link[rel="icon"]')?.setAttribute('href', faviconOf(problems.value))
  })
}
