import { flushPromises, mount } from '@vue/test-utils'
import { beforeEach, expect, it, vi } from 'vitest'
import { ApiError } from '@/api/client'
import LoginView from '@/views/login/LoginView.vue'

const login = vi.hoisted(() => vi.fn())
const replace = vi.hoisted(() => vi.fn())

vi.mock('@/shell/session', () => ({ login, hasExpired: { value: false }, sessionState: { value: 'out' }, loadSession: vi.fn() }))
vi.mock('vue-router', async (original) => ({
  ...(await original<typeof import('vue-router')>()),
  useRoute: () => ({ query: { next: '/devices?status=late' } }),
  useRouter: () => ({ replace }),
}))

beforeEach(() => {
  login.mockReset()
  replace.mockReset()
})

async function signIn(username = ' maria ', password = 'secret') {
  const page = mount(LoginView, { attachTo: document.body })
  await page.get('#username').setValue(username)
  await page.get('#password').setValue(password)
  await page.get('form').trigger('submit')
  await flushPromises()
  return page
}

it('goes on to where the reader was going', async () => {
  await signIn()
  expect(login).toHaveBeenCalledWith('maria', 'secret')
  expect(replace).toHaveBeenCalledWith('/devices?status=late')
})

it('puts the cursor where something is missing, and asks nobody', async () => {
  const page = await signIn('maria', '')
  expect(document.activeElement?.id).toBe('password')
  expect(page.text()).toContain('Enter the password.')
  expect(login).not.toHaveBeenCalled()
})

it.each([
  [new ApiError(401, 'unauthorized', 'no'), 'The username or password is wrong.'],
  [new ApiError(0, 'unreachable', 'no'), 'The server cannot be reached.'],
  [new ApiError(503, 'unavailable', 'busy'), 'could not sign you in: busy'],
])('says why it failed: %s', async (error, text) => {
  login.mockRejectedValueOnce(error)
  const page = await signIn()
  expect(page.get('[role="alert"]').text()).toContain(text)
  expect(document.activeElement?.id).toBe('password')
  expect(replace).not.toHaveBeenCalled()
})

it('waits as long as the server says after too many tries', async () => {
  login.mockRejectedValueOnce(new ApiError(429, 'rate_limited', 'slow', {}, null, 7))
  const page = await signIn()
  const button = page.get<HTMLButtonElement>('button[type="submit"]')
  expect(page.get('[role="alert"]').text()).toContain('Too many tries')
  expect(button.text()).toBe('Wait 7 seconds')
  expect(button.element.disabled).toBe(true)
})
