import { onScopeDispose, ref, type Ref } from 'vue'

/** Follows a media query; from `min-width` on there is room for a table, or for two panes. */
export function useMedia(query: string): Readonly<Ref<boolean>> {
  const media = window.matchMedia(query)
  const matches = ref(media.matches)
  const follow = () => (matches.value = media.matches)
  media.addEventListener('change', follow)
  onScopeDispose(() => media.removeEventListener('change', follow))
  return matches
}
