import { describe, expect, it } from 'vitest'
import type { Make, Makes } from '@/api/types'
import { isLoopback, warningsOf } from '@/views/setup/warnings'
import { choice, make, told, withPort } from './samples'

const dbl = withPort('dbl', 'udp')
const older = withPort('dinstar-tcp', 'tcp')

/** What is said, what is in the way marked by an exclamation mark. */
function said(one: Make, change: Partial<Makes> = {}): string[] {
  return warningsOf(choice(one), told(change)).map(({ text, isInTheWay }) => (isInTheWay ? `${text}!` : text))
}

describe('with a port of its own', () => {
  it('the firewall and the open line are always said', () => {
    expect(said(dbl)).toEqual(['setup.firewall', 'setup.inTheClear'])
    expect(warningsOf(choice(older), told())[0]?.params).toEqual({ transport: 'TCP', port: '44444' })
  })

  it('nothing else counts while nobody listens', () => {
    expect(said({ ...dbl, port: null }, { isLocalOnly: true })).toEqual(['setup.udpOff!'])
    expect(said({ ...older, port: null })).toEqual(['setup.tcpOff!'])
  })

  it('a server that listens to its own machine only is in the way, proxy or not', () => {
    expect(said(dbl, { isLocalOnly: true })[0]).toBe('setup.portLocal!')
    expect(said(dbl, { isLocalOnly: true, isProxied: true })).toEqual([
      'setup.portLocal!', 'setup.firewall', 'setup.inTheClear', 'setup.portProxied',
    ])
  })

  it('an address that means every machine itself is in the way', () => {
    expect(said(dbl, { url: 'http://localhost:8080' })[0]).toBe('setup.urlLocal!')
  })

  it('the networks that are heard are named', () => {
    const [warning] = warningsOf(choice({ ...dbl, allowed: ['192.0.2.0/24', '198.51.100.7'] }), told()).slice(-1)
    expect(warning).toEqual({ text: 'setup.portAllowed', params: { networks: '192.0.2.0/24, 198.51.100.7' }, isInTheWay: false })
  })
})

it('of a box that goip dials there is little to say', () => {
  expect(said(make('yeastar', { transport: 'dial' }), { isLocalOnly: true })).toEqual(['setup.inTheClear'])
})

it('of a broker nothing is said where the line to it is closed to others', () => {
  expect(said(make('mqtt', { transport: 'dial', address: 'mqtt://broker.example:1883/goip' }))).toEqual(['setup.inTheClear'])
  expect(said(make('mqtt', { transport: 'dial', address: 'mqtts://broker.example:8883/goip' }))).toEqual([])
})

describe('over HTTP', () => {
  it('nothing is said where all is well', () => {
    expect(said(make('dinstar'))).toEqual([])
  })

  it('apps that want HTTPS are told so, others that the key is in the clear', () => {
    expect(said(make('capcom6'), { url: 'http://192.0.2.7:8080' })).toEqual(['setup.needsHttps!'])
    expect(said(make('dinstar'), { url: 'http://192.0.2.7:8080' })).toEqual(['setup.httpClear'])
  })

  it('a box is another machine for sure; a program may be on this one', () => {
    const local = { url: 'http://127.0.0.1:8080', isLocalOnly: true }
    expect(said(make('dinstar'), local)).toEqual(['setup.httpLocal!'])
    expect(said(make('jasmin'), local)).toEqual(['setup.httpLocal'])
    expect(said(make('http'), { url: 'http://localhost:8080' })).toEqual(['setup.urlLocal'])
  })

  it('a proxy carries it past a server that listens to its own machine only', () => {
    expect(said(make('dinstar'), { isLocalOnly: true, isProxied: true })).toEqual([])
  })

  it('a service that posts from elsewhere has to get here', () => {
    expect(said(make('textbee'))).toEqual(['setup.comesFromInternet'])
  })
})

it.each([
  ['localhost', true], ['goip.localhost', true], ['127.0.0.1', true], ['127.1.2.3', true], ['::1', true],
  ['192.0.2.7', false], ['localhost.example', false], ['goip.example', false], ['2001:db8::1', false],
])('%s is this machine: %s', (host, isSo) => {
  expect(isLoopback(host)).toBe(isSo)
})
