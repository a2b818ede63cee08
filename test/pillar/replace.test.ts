import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createReplace } from '../../src/pillar/replace.ts'

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '中', '😀', '.'), maxLength: 30 })
const word = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '中', '😀', '.'), minLength: 2, maxLength: 5 })

it('replaces what a pattern of all the words would, the longest first', () => {
  fc.assert(
    fc.property(text, fc.array(word, { minLength: 1, maxLength: 8 }), (text, words) => {
      const ordered = [...words].sort((a, b) => b.length - a.length).map(escaped)
      expect(createReplace(words, '#')(text)).toBe(text.replace(new RegExp(ordered.join('|'), 'g'), '#'))
    }),
  )
})

it('gives the text itself where none is in it', () => {
  expect(createReplace([], '#')('text')).toBe('text')
  expect(createReplace(['xy'], '#')('x')).toBe('x')
})
