import { expect, it } from 'vitest'
import { cut } from '../../src/base/text.ts'

it('cuts a text that is too long, and says so by an ellipsis', () => {
  expect(cut('abcd', 4)).toBe('abcd')
  expect(cut('abcde', 4)).toBe('abc…')
})

it('leaves no half of a character, whoever cut it', () => {
  expect(cut('ab😀cd', 4)).toBe('ab\ufffd…')
  expect(cut('\ud83d', 4)).toBe('\ufffd')
})
