import { describe, expect, it } from 'vitest'
import { copyOf, legible, Log, MOST_ENTRIES, timeOf } from '@/views/wstest/log'

describe('the log of a connection', () => {
  it('keeps the last 500, numbered as they came', () => {
    const log = new Log()
    for (let n = 0; n < MOST_ENTRIES + 20; n += 1) log.add(n, 'in', 'frame', '{}')
    expect(log.shown).toHaveLength(MOST_ENTRIES)
    expect(log.shown[0]!.n).toBe(21)
    expect(log.shown.at(-1)!.n).toBe(MOST_ENTRIES + 20)
  })

  it('shows what it had while it is paused, and counts what came since', () => {
    const log = new Log()
    log.add(1, 'in', 'one', '')
    log.setPaused(true)
    log.add(2, 'in', 'two', '')
    log.add(3, 'out', 'three', '')
    expect(log.shown.map(({ type }) => type)).toEqual(['one'])
    expect(log.waiting).toBe(2)
    log.setPaused(false)
    expect(log.shown.map(({ type }) => type)).toEqual(['one', 'two', 'three'])
    expect(log.waiting).toBe(0)
  })

  it('is empty once it was cleared, also while it is paused', () => {
    const log = new Log()
    log.add(1, 'in', 'one', '')
    log.setPaused(true)
    log.clear()
    expect(log.shown).toEqual([])
    log.setPaused(false)
    expect(log.shown).toEqual([])
  })

  it('tells the size in bytes of all, and keeps the start of what is long', () => {
    const log = new Log()
    log.add(1, 'in', 'state', 'ü'.repeat(10_000))
    expect(log.shown[0]!.size).toBe(20_000)
    expect(log.shown[0]!.text.length).toBeLessThan(5_000)
  })

  it('names the characters by which a stranger would hide something', () => {
    expect(legible('a\u202Eb\u0000')).toBe('a‹RLO›b‹␀›')
    const log = new Log()
    log.add(1, 'in', 'to\u200Bld', 'x\u2066y')
    expect(log.shown[0]).toMatchObject({ type: 'to‹ZWSP›ld', text: 'x‹LRI›y' })
  })

  it('is copied line by line, with exact times', () => {
    const log = new Log()
    log.add(Date.UTC(2026, 10, 21, 5, 22, 21, 123), 'in', 'pong', '{}')
    log.add(Date.UTC(2026, 10, 21, 5, 22, 22), 'out', 'ping', '')
    expect(copyOf(log.shown)).toBe('2026-11-21T05:22:21.123Z\t←\tpong\t2\t{}\n2026-11-21T05:22:22.000Z\t→\tping\t0\t')
  })

  it('shows the thousandth of a second', () => {
    expect(timeOf(new Date(2026, 10, 21, 5, 2, 1, 7).getTime())).toBe('05:02:01.007')
  })
})
