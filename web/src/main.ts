import { createApp } from 'vue'
import App from './App.vue'
import { router } from './router'
import './shell/theme'
import './style.css'

// The page's own part is fetched while the server is asked who is here. What fails will fail again where it is shown.
const part = router.resolve(location.pathname).matched.at(-1)?.components?.default
if (typeof part === 'function') void (part as () => Promise<unknown>)().catch(() => {})

const app = createApp(App).use(router)
const mount = () => app.mount('#app')
router.isReady().then(mount, mount)
