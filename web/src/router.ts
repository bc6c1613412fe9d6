import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import type { Key } from '@/i18n/t'

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
  { path: '/inbox', name: 'inbox', component: () => import('./views/inbox/InboxView.vue'), meta: { title: 'shell.inbox' } },
  { path: '/setup', name: 'setup', component: () => import('./views/setup/SetupView.vue'), meta: { title: 'setup.title' } },
  { path: '/:path(.*)*', name: 'missing', component: () => import('./views/missing/MissingView.vue'), meta: { title: 'shell.missingTitle' } },
]

export const router = createRouter({
  history: createWebHistory(),
  routes,
  // Back gives the list as it was; a new page starts at its top.
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? undefined : { top: 0 }),
})
