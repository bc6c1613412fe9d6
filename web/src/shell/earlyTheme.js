/* Runs before the first paint: see earlyScript in vite.plugins.ts. The rest of the theme is in theme.ts. */
;(function () {
  var chosen = null
  try {
    chosen = localStorage.getItem('goip-theme')
  } catch {
    // Storage may be forbidden; the system's theme then decides.
  }
  var isDark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.classList.toggle('dark', isDark)
})()
