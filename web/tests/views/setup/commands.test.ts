import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { getWith, postForm, postJson, quoted, sendDatagram } from '@/views/setup/commands'

/** What a real shell hands to the program; `curl` and `nc` are stood in for by one that prints its words. */
function words(command: string): string[] {
  const script = `curl() { printf '%s\\0' curl "$@"; }; nc() { cat; printf '\\0%s' nc "$@"; }; ${command}`
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').filter((word) => word !== '')
}

const NASTY = `it's "quoted" $HOME \`id\` \\ %s ; & é`

describe('a command', () => {
  it('reaches the program as it was meant, whatever the values hold', () => {
    expect(words(`curl ${quoted(NASTY)}`)).toEqual(['curl', NASTY])
    expect(words(postJson('http://goip.example/in', { text: NASTY }, { Authorization: 'Bearer k' }))).toEqual([
      'curl', '-X', 'POST', 'http://goip.example/in', '-H', 'Authorization: Bearer k', '-H', 'Content-Type: application/json',
      '-d', JSON.stringify({ text: NASTY }),
    ])
  })

  it('encodes the fields of a form and of a query', () => {
    expect(words(postForm('http://goip.example/in', { text: NASTY }))).toEqual([
      'curl', '-X', 'POST', 'http://goip.example/in', '--data-urlencode', `text=${NASTY}`,
    ])
    expect(words(getWith('http://goip.example/in', { from: '+1' }))).toEqual(['curl', '-G', 'http://goip.example/in', '--data-urlencode', 'from=+1'])
  })

  it('sends a datagram to the byte, and waits a second for its answer', () => {
    expect(words(sendDatagram(NASTY, '192.0.2.1', '44444'))).toEqual([NASTY, 'nc', '-u', '-w1', '192.0.2.1', '44444'])
  })
})
