import { describe, expect, it } from 'vitest'
import { cutStyled, styledWidth } from '../../../src/cli/out/cut-styled.ts'

describe('a line with colours', () => {
  it('is cut by what is seen of it, and its colours end', () => {
    const line = '\u001b[31mfailed\u001b[0m and more'
    expect(cutStyled(line, 15)).toBe(line)
    expect(cutStyled(line, 10)).toBe('\u001b[31mfailed\u001b[0m an…\u001b[0m')
    expect(cutStyled(line, 4)).toBe('\u001b[31mfai…\u001b[0m')
    expect(cutStyled('plain text', 6)).toBe('plain…')
  })
  it('is as wide as what is seen of it', () => {
    expect(styledWidth('\u001b[1;31mfailed\u001b[0m and \u001b[32mmore\u001b[0m')).toBe(15)
    expect(styledWidth('日本')).toBe(4)
  })
})
