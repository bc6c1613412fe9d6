import { describe, expect, it } from 'vitest'
import { clampText, highlight, visibleText } from '@/components/visibleText'

const shown = (text: string) => visibleText(text).map((piece) => (piece.symbol ? `[${piece.text}]` : piece.text)).join('')

describe('text from strangers', () => {
  it('leaves ordinary text of any script as it is', () => {
    for (const text of ['Hello', 'Grüße, Łódź', 'مرحبا بالعالم', '你好，世界', '👩‍👩‍👧 family', 'می‌خواهم', 'नमस्ते', 'a\tb\nc']) {
      expect(visibleText(text)).toEqual([{ text, symbol: null }])
    }
  })

  it('names the characters that turn a line around', () => {
    expect(shown('pay \u202e001\u202c now')).toBe('pay [RLO]001[PDF] now')
    expect(shown('\u2066x\u2069')).toBe('[LRI]x[PDI]')
  })

  it('names characters that take no room', () => {
    expect(shown('pa\u200byp\u00adal\ufeff')).toBe('pa[ZWSP]yp[SHY]al[BOM]')
    expect(shown('\u3164')).toBe('[U+3164]')
  })

  it('shows control codes as their pictures', () => {
    expect(shown('a\u0000b\u001b[31mc\u007f')).toBe('a[␀]b[␛][31mc[␡]')
    expect(shown('\u0085')).toBe('[U+0085]')
  })

  it('makes one line end of each of the three', () => {
    expect(shown('a\r\nb\rc\nd')).toBe('a\nb\nc\nd')
  })

  it('shows half a surrogate pair instead of breaking on it', () => {
    expect(shown('x\ud83d')).toBe('x[U+D83D]')
  })

  it('shows hidden tag characters, but not inside a flag', () => {
    expect(shown('hi\u{e0041}')).toBe('hi[U+E0041]')
    const scotland = '\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}'
    expect(shown(scotland)).toBe(scotland)
    expect(shown('\u{1f3f4}\u{e0041}')).toBe('\u{1f3f4}[U+E0041]')
  })

  it('keeps markup what it is: text', () => {
    const text = '<img src=x onerror=alert(1)>'
    expect(visibleText(text)).toEqual([{ text, symbol: null }])
  })
})

describe('clamping', () => {
  it('leaves short text alone', () => {
    expect(clampText('short', 10)).toEqual({ text: 'short', hidden: 0 })
  })

  it('never splits an emoji or a letter from its accents', () => {
    expect(clampText('abc👩‍👩‍👧def', 4)).toEqual({ text: 'abc', hidden: 8 })
    expect(clampText('abe\u0301cd', 3)).toEqual({ text: 'ab', hidden: 4 })
  })

  it('cuts a letter that is longer than the clamp', () => {
    const zalgo = `a${'\u0301'.repeat(500)}`
    expect(clampText(zalgo, 20).text).toHaveLength(20)
    expect(clampText(zalgo, 20).hidden).toBe(481)
  })

  it('is quick on a very long text', () => {
    const before = performance.now()
    clampText('x'.repeat(1_000_000), 400)
    expect(performance.now() - before).toBeLessThan(500)
  })
})

describe('highlighting', () => {
  it('marks every hit and loses nothing', () => {
    expect(highlight('Your Code: code', ['code'])).toEqual([
      { text: 'Your ', hit: false },
      { text: 'Code', hit: true },
      { text: ': ', hit: false },
      { text: 'code', hit: true },
    ])
  })

  it('takes the words as text, not as a pattern', () => {
    expect(highlight('1+1 (x)', ['(', '+'])).toHaveLength(5)
    expect(highlight('abc', [''])).toEqual([{ text: 'abc', hit: false }])
  })
})
