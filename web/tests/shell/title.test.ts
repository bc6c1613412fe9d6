import { describe, expect, it } from 'vitest'
import { faviconOf } from '@/shell/title'

const svgOf = (problems: number) => decodeURIComponent(faviconOf(problems))

describe('the picture of the tab', () => {
  it('shows no count while nothing is wrong', () => {
    expect(svgOf(0)).not.toContain('<text')
  })

  it('counts what is wrong, up to what fits', () => {
    expect(svgOf(7)).toContain('>7</text>')
    expect(svgOf(4_000)).toContain('>99+</text>')
  })
})
