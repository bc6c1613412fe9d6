import { expect, it } from 'vitest'
import { pathAfterLogin } from '@/router'

it.each([
  ['/devices?status=late', '/devices?status=late'],
  ['//evil.example', '/'],
  ['https://evil.example', '/'],
  ['/login?next=/login', '/'],
  [undefined, '/'],
  [['/a', '/b'], '/'],
])('after the login, %s leads to %s', (next, path) => {
  expect(pathAfterLogin(next)).toBe(path)
})
