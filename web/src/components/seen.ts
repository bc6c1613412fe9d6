import { onBeforeUnmount, onMounted, watch, type Ref } from 'vue'

/**
 * Calls `onSeen` whenever `target` comes into view, and again after `again` changes while it still is: a page
 * that was too short to fill the screen asks for the next one by itself.
 */
export function useSeen(target: Readonly<Ref<HTMLElement | null>>, onSeen: () => void, again: () => unknown): void {
  let observer: IntersectionObserver | undefined

  function observe(): void {
    observer?.disconnect()
    observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && onSeen(), { rootMargin: '300px' })
    if (target.value) observer.observe(target.value)
  }
  onMounted(observe)
  watch(again, observe, { flush: 'post' })
  onBeforeUnmount(() => observer?.disconnect())
}
