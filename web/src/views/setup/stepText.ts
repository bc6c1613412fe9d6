export interface Part {
  text: string
  kind: 'plain' | 'menu' | 'code'
}

const MARKED = /(\*[^*]+\*|`[^`]+`)/

/** A step's text in pieces: `*words*` stand in the make's own menus, and what is in backticks is to be typed. */
export function partsOf(text: string): Part[] {
  return text.split(MARKED).flatMap((piece): Part[] => {
    if (!piece) return []
    if (!MARKED.test(piece)) return [{ text: piece, kind: 'plain' }]
    return [{ text: piece.slice(1, -1), kind: piece.startsWith('*') ? 'menu' : 'code' }]
  })
}
