/**
 * Text from strangers, made fit to look at.
 *
 * A message may hold characters that show nothing yet change everything around them: bidi overrides that
 * reverse a number, zero-width characters that hide a word from a search, control codes. `visibleText` cuts a
 * text into plain runs and named symbols; whoever draws it puts each piece into a text node.
 */
export interface Piece {
  text: string
  /** What the hidden character is called ("RLO", "ZWSP", "U+0085"); null for plain text. */
  symbol: string | null
}

const NAMES = new Map<number, string>([
  [0x00ad, 'SHY'],
  [0x034f, 'CGJ'],
  [0x061c, 'ALM'],
  [0x180e, 'MVS'],
  [0x200b, 'ZWSP'],
  [0x200e, 'LRM'],
  [0x200f, 'RLM'],
  [0x2028, 'LS'],
  [0x2029, 'PS'],
  [0x202a, 'LRE'],
  [0x202b, 'RLE'],
  [0x202c, 'PDF'],
  [0x202d, 'LRO'],
  [0x202e, 'RLO'],
  [0x2060, 'WJ'],
  [0x2066, 'LRI'],
  [0x2067, 'RLI'],
  [0x2068, 'FSI'],
  [0x2069, 'PDI'],
  [0xfeff, 'BOM'],
])

/* Ranges that draw nothing and are no letter of any script. ZWJ and ZWNJ are not among them: emoji families
   and Persian need them. */
const HIDDEN: readonly (readonly [number, number])[] = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x2061, 0x2065],
  [0x206a, 0x206f],
  [0x3164, 0x3164],
  [0xd800, 0xdfff],
  [0xffa0, 0xffa0],
  [0xfff9, 0xfffb],
  [0xe0000, 0xe007f],
]

const BLACK_FLAG = 0x1f3f4

/** The visible name of a character that hides, or null for one that may be shown as it is. */
export function hiddenName(code: number): string | null {
  const name = NAMES.get(code)
  if (name !== undefined) return name
  if (!HIDDEN.some(([first, last]) => code >= first && code <= last)) return null
  if (code < 0x20) return String.fromCodePoint(0x2400 + code)
  if (code === 0x7f) return '\u2421'
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
}

/** The flags of England, Scotland and Wales are a black flag and tag characters: one picture, nothing hidden. */
function endOfFlag(points: readonly string[], start: number): number {
  let end = start + 1
  while (end < points.length && points[end]!.codePointAt(0)! >> 7 === 0xe0000 >> 7) end += 1
  return points[end - 1] === '\u{e007f}' ? end : start + 1
}

/** Cuts `text` into plain runs and symbols, in order; line ends become `\n`. Nothing is dropped. */
export function visibleText(text: string): Piece[] {
  const pieces: Piece[] = []
  const points = Array.from(text.replace(/\r\n?/g, '\n'))
  let plain = ''
  const flush = () => {
    if (plain) pieces.push({ text: plain, symbol: null })
    plain = ''
  }
  for (let i = 0; i < points.length; i += 1) {
    const point = points[i]!
    const code = point.codePointAt(0)!
    const symbol = hiddenName(code)
    if (symbol !== null) {
      flush()
      pieces.push({ text: symbol, symbol })
    } else if (code === BLACK_FLAG) {
      const end = endOfFlag(points, i)
      plain += points.slice(i, end).join('')
      i = end - 1
    } else {
      plain += point
    }
  }
  flush()
  return pieces
}

/** A name or a word from outside, for a place that takes plain text only: hidden characters in angle brackets. */
export const visibleName = (text: string): string =>
  visibleText(text)
    .map((piece) => (piece.symbol === null ? piece.text : `‹${piece.text}›`))
    .join('')

/** The first `max` characters as people count them; a cut never splits an emoji or a letter from its accents. */
export function clampText(text: string, max: number): { text: string; hidden: number } {
  if (text.length <= max) return { text, hidden: 0 }
  const points = Array.from(text)
  if (points.length <= max) return { text, hidden: 0 }
  const head = points.slice(0, max + 32).join('')
  let end = 0
  for (const part of new Intl.Segmenter().segment(head)) {
    if (part.index + part.segment.length > max) break
    end = part.index + part.segment.length
  }
  // One "letter" longer than the whole clamp (stacked accents): cut it anyway.
  const shown = end === 0 ? points.slice(0, max).join('') : head.slice(0, end)
  return { text: shown, hidden: points.length - Array.from(shown).length }
}

/** Marks where `words` occur in `text`, without regard to case; the pieces joined are `text` again. */
export function highlight(text: string, words: readonly string[]): { text: string; hit: boolean }[] {
  const wanted = words.filter((word) => word !== '').map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  if (!wanted.length) return [{ text, hit: false }]
  return text
    .split(new RegExp(`(${wanted.join('|')})`, 'giu'))
    .map((part, i) => ({ text: part, hit: i % 2 === 1 }))
    .filter((part) => part.text !== '')
}
