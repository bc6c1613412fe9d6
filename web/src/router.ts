import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import type { Key } from '@/i18n/t'
import { loadSession, sessionState } from './shell/session'

declare module 'vue-router' {
  interface RouteMeta {
    title: Key
    /** Reachable without a session. */
    isPublic?: boolean
  }
}

const routes: RouteRecordRaw[] = [
  { path: '/login', name: 'login', component: () => import('./views/login/LoginView.vue'), meta: { title: 'login.title', isPublic: true } },
  { path: '/', name: 'overview', component: () => import('./views/overview/OverviewView.vue'), meta: { title: 'overview.title' } },
  { path: '/devices', name: 'devices', component: () => import('./views/devices/DevicesView.vue'), meta: { title: 'shell.devices' } },
  { path: '/devices/:id', name: 'device', component: () => import('./views/device/DeviceView.vue'), props: true, meta: { title: 'shell.device' } },
  { path: '/waiting', name: 'waiting', component: () => import('./views/waiting/WaitingView.vue'), meta: { title: 'waiting.title' } },
  { path: '/inbox', name: 'inbox', component: () => import('./views/inbox/InboxView.vue'), meta: { title: 'shell.inbox' } },
  { path: '/setup/:make?', name: 'setup', component: () => import('./views/setup/SetupView.vue'), props: true, meta: { title: 'setup.title' } },
  { path: '/ws-test', name: 'wstest', component: () => import('./views/wstest/WsTestView.vue'), meta: { title: 'wstest.title' } },
  { path: '/:path(.*)*', name: 'missing', component: () => import('./views/missing/MissingView.vue'), meta: { title: 'shell.missingTitle' } },
]

export const router = createRouter({
  history: createWebHistory(),
  routes,
  // Back gives the list as it was; a new page starts at its top.
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? undefined : { top: 0 }),
})

/** Only a path of this very page: a link must not send a fresh session elsewhere. */
export function pathAfterLogin(next: unknown): string {
  return typeof next === 'string' && /^\/(?!\/)/.test(next) && !next.startsWith('/login') ? next : '/'
}

router.beforeEach(async (to) => {
  if (sessionState.value === 'unknown') await loadSession()
  if (sessionState.value === 'out' && !to.meta.isPublic) return { name: 'login', query: { next: to.fullPath } }
  if (sessionState.value === 'in' && to.name === 'login') return pathAfterLogin(to.query.next)
  return true
})
