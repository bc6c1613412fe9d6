import { describe, expect, it } from 'vitest'
import { choicesOf, givenOf, grouped, hostOf, isOfTrial, matching, newTrial, usableName } from '@/views/setup/choices'
import { choice, everyMake, make, withPort } from './samples'

const dbl = withPort('dbl', 'udp')
const silent = withPort('dbl', 'udp', { port: null })
const READER = { url: 'https://goip.example', key: 'goip_en_k', trial: { id: 'try-abcde', number: '+15550101234' }, name: '' }

describe('the makes to choose from', () => {
  const choices = choicesOf([make('jasmin'), make('capcom6'), make('unheard-of'), dbl, make('http')])

  it('stand in groups, and in the page\'s own order', () => {
    expect(grouped(choices).map(({ group, choices }) => [group, choices.map((one) => one.make.name)])).toEqual([
      ['any', ['http']],
      ['box', ['dbl']],
      ['phone', ['capcom6']],
      ['software', ['jasmin', 'unheard-of']],
    ])
  })

  it('are those of the server only', () => {
    expect(choicesOf([make('jasmin')]).map((one) => one.make.name)).toEqual(['jasmin'])
  })

  it('have general steps where the page knows nothing of a make', () => {
    const { guide, make: itself } = choice(make('unheard-of'))
    expect(itself.title).toBe('The unheard-of')
    const given = givenOf(choice(make('unheard-of')), READER)
    expect(guide.steps[0]?.fields?.(given)).toEqual([{ label: 'URL', value: 'https://goip.example/in/unheard-of/goip_en_k' }])
  })

  it.each([
    ['android', ['capcom6']],
    ['  HyberTone UDP ', ['dbl']],
    ['the jasmin', ['jasmin']],
    ['nothing at all', []],
    ['', ['http', 'dbl', 'capcom6', 'jasmin', 'unheard-of']],
  ])('are found by "%s"', (search, names) => {
    expect(matching(choices, search).map((one) => one.make.name)).toEqual(names)
  })
})

describe('what a form is filled with', () => {
  it('has the key in its address, and the name where there is one', () => {
    expect(givenOf(choice(make('dinstar')), READER).address).toBe('https://goip.example/in/dinstar/goip_en_k')
    expect(givenOf(choice(make('dinstar')), { ...READER, name: ' Köln 3 ' }).address).toBe('https://goip.example/in/dinstar/goip_en_k/K%C3%B6ln-3')
  })

  it('has a name to begin with where the make needs one, and none where it would be in the way', () => {
    expect(givenOf(choice(make('forwarder')), READER)).toMatchObject({ name: 'phone-1', address: 'https://goip.example/in/forwarder/goip_en_k/phone-1' })
    expect(givenOf(choice(make('textbee')), { ...READER, name: 'typed before' })).toMatchObject({ name: '', address: 'https://goip.example/in/textbee/goip_en_k' })
  })

  it('tries the way with a device of its own for each make, or a number where those are known by it', () => {
    expect(givenOf(choice(make('ejoin')), READER).tryAddress).toBe('https://goip.example/in/ejoin/goip_en_k/try-abcde-ejoin')
    expect(givenOf(choice(dbl), READER)).toMatchObject({ tryId: 'try-abcde-dbl', address: '', port: '44444', host: 'goip.example' })
    expect(givenOf(choice(make('httpsms')), READER).tryId).toBe('+15550101234')
  })

  it('has no port where nobody listens', () => {
    expect(givenOf(choice(silent), READER).port).toBe('')
  })
})

it('a key goes into an older Dinstar box in two halves', () => {
  const one = choice(withPort('dinstar-tcp', 'tcp'))
  const given = givenOf(one, { ...READER, key: 'goip_en_0123456789abcdefFEDCBA9876543210' })
  expect(one.guide.steps[1]?.fields?.(given).map(({ value }) => value)).toEqual(['0123456789abcdef', 'FEDCBA9876543210'])
})

it('a Dinstar box is asked by its serial number, or by the name behind the key', () => {
  const one = choice(make('dinstar'))
  const settingFor = (name: string) => one.guide.steps[3]?.fields?.(givenOf(one, { ...READER, name })).map(({ value }) => value)
  expect(settingFor('')).toEqual(['SERIAL=https://USER:PASSWORD@BOX'])
  expect(settingFor('Köln 3')).toEqual(['Köln-3=https://USER:PASSWORD@BOX'])
})

const withKey = everyMake.filter((one) => !['dinstar-tcp', 'mqtt', 'yeastar'].includes(one.name))
it.each(withKey.map((one) => [one.name, one] as const))('the guide for %s leaves nothing out', (_name, one) => {
  const given = givenOf(choice(one), { ...READER, name: 'berlin-1' })
  const { steps, tryIt } = choice(one).guide
  const values = steps.flatMap(({ fields }) => fields?.(given) ?? []).map(({ value }) => value)
  const command = tryIt?.(given) ?? ''
  expect(values.join('\n')).toContain('goip_en_k')
  expect([...values, command].join('\n')).not.toMatch(/undefined|null|\{key\}|\[object/)
  expect(command).toContain('goip_en_k')
  expect(command).toContain(given.tryId)
  for (const { fields } of steps) {
    const labels = fields?.(given).map(({ label }) => label) ?? []
    expect(new Set(labels).size).toBe(labels.length)
  }
})

describe('a gateway at a broker', () => {
  const shown = (address: string | null) => {
    const one = choice(make('mqtt', { transport: 'dial', address }))
    const given = givenOf(one, { ...READER, name: 'Köln 3' })
    return { values: one.guide.steps.flatMap(({ fields }) => fields?.(given) ?? []).map(({ value }) => value), command: one.guide.tryIt?.(given) }
  }

  it('publishes below the prefix of the setting, under its name', () => {
    const { values, command } = shown('mqtts://[2001:db8::1]:8883/site%20a/goip')
    expect(values).toEqual(['', 'site a/goip/Köln-3/heartbeat', 'site a/goip/Köln-3/sms', 'site a/goip/Köln-3/status'])
    expect(command).toContain(`mosquitto_pub -h '2001:db8::1' -p 8883 --tls-use-os-certs -u USER`)
    expect(command).toContain(`-t 'site a/goip/try-abcde-mqtt/heartbeat'`)
  })

  it('is shown the setting where there is none, and nothing to try', () => {
    const { values, command } = shown(null)
    expect(values).toEqual(['mqtt://USER:PASSWORD@BROKER/goip', 'goip/Köln-3/heartbeat', 'goip/Köln-3/sms', 'goip/Köln-3/status'])
    expect(command).toBe('')
  })
})

it('nothing is tried by UDP where nobody listens', () => {
  expect(choice(silent).guide.tryIt?.(givenOf(choice(silent), READER))).toBe('')
})

it.each([
  ['https://goip.example:8443', 'goip.example'],
  ['http://192.0.2.7:8080', '192.0.2.7'],
  ['http://[2001:db8::7]:8080', '2001:db8::7'],
])('of %s a box wants %s', (url, host) => {
  expect(hostOf(url)).toBe(host)
})

it.each([
  ['  rack 3 / box 1 ', 'rack-3-box-1'],
  ['a;b:c?d#e%f&g', 'a-b-c-d-e-f-g'],
  ['x'.repeat(90), 'x'.repeat(60)],
  ['   ', ''],
])('"%s" is a name that every make can carry as "%s"', (typed, name) => {
  expect(usableName(typed)).toBe(name)
})

it('no two trials say that they are the same', () => {
  const trials = Array.from({ length: 50 }, newTrial)
  expect(new Set(trials.map(({ id }) => id)).size).toBe(50)
  for (const trial of trials) {
    expect(trial.id).toMatch(/^try-[0-9a-z]{5}$/)
    expect(trial.number).toMatch(/^\+1555010\d{4}$/)
    expect(isOfTrial(trial, `${trial.id}-dbl`)).toBe(true)
    expect(isOfTrial(trial, trial.number)).toBe(true)
    expect(isOfTrial(trial, 'box-1')).toBe(false)
  }
})
