import { describe, expect, it } from 'vitest'
import { partsOf } from '@/views/setup/stepText'

describe('the text of a step', () => {
  it('has the words of menus and what is to be typed apart', () => {
    expect(partsOf('Open *SMS Settings*, then type `a=b`.')).toEqual([
      { text: 'Open ', kind: 'plain' },
      { text: 'SMS Settings', kind: 'menu' },
      { text: ', then type ', kind: 'plain' },
      { text: 'a=b', kind: 'code' },
      { text: '.', kind: 'plain' },
    ])
  })

  it('keeps every other character as it is', () => {
    expect(partsOf('5 * 3 <b>x</b>')).toEqual([{ text: '5 * 3 <b>x</b>', kind: 'plain' }])
    expect(partsOf('`a * b` and *c*').map(({ text }) => text)).toEqual(['a * b', ' and ', 'c'])
    expect(partsOf('')).toEqual([])
  })
})
