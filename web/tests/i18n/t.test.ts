import { afterEach, describe, expect, it } from 'vitest'
import { formatAge, formatDuration } from '@/i18n/format'
import makes from '@/i18n/en/makes.json'
import { addTexts, setLocale, t } from '@/i18n/t'

afterEach(() => setLocale('en', {}))

describe('a text', () => {
  it('has its parameters filled in, numbers the locale\'s way', () => {
    expect(t('shell.pageTitle', { page: 'Devices' })).toBe('Devices · goip')
    expect(t('shell.noteReplayed', { n: 12345 })).toContain('12,345 events')
  })

  it('keeps markup as the characters that it is', () => {
    expect(t('shell.pageTitle', { page: '<b>' })).toBe('<b> · goip')
  })

  it('chooses its plural by the language', () => {
    expect(t('shell.noteReplayed', { n: 1 })).toContain('1 event ')
    setLocale('ar', { shell: { noteReplayed: { two: 'حدثان', other: '{n} حدث' } } })
    expect(t('shell.noteReplayed', { n: 2 })).toBe('حدثان')
    expect(document.documentElement.dir).toBe('rtl')
  })

  it('stays English where a language lacks it', () => {
    setLocale('de', { shell: { close: 'Schließen' } })
    expect(t('shell.close')).toBe('Schließen')
    expect(t('shell.reload')).toBe('Reload')
  })
})

describe('the texts of an area that comes with its page', () => {
  it('are there once it came, in the language that was chosen before or after', () => {
    setLocale('de', { makes: { 'dbl.2': 'Wohin sie melden soll.' } })
    addTexts('makes', makes)
    expect(t('makes.dbl.2')).toBe('Wohin sie melden soll.')
    expect(t('makes.generic.about')).toBe(makes['generic.about'])
    setLocale('en', {})
    expect(t('makes.dbl.2')).toBe(makes['dbl.2'])
  })
})

describe('an age', () => {
  const now = Date.parse('2026-11-21T12:00:00Z')

  it.each([
    [0, 'now'],
    [8, '8s ago'],
    [61, '1m ago'],
    [7_300, '2h ago'],
    [200_000, '2d ago'],
  ])('of %i seconds is "%s"', (seconds, text) => {
    expect(formatAge(now - seconds * 1_000, now)).toBe(text)
  })

  it('is never in the future, whatever the clocks say', () => {
    expect(formatAge(now + 5_000, now)).toBe('now')
  })
})

it.each([
  [7, '7s'],
  [60, '1m'],
  [12_000, '3h 20m'],
  [7_200, '2h'],
  [352_800, '4d 2h'],
])('%i seconds last "%s"', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text)
})
