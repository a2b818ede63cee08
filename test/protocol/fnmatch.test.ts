import { describe, expect, it } from 'vitest'
import { createFnmatch } from '../../src/protocol/fnmatch.ts'

describe("Salt's globs", () => {
  // What Python's fnmatch.fnmatchcase says.
  it.each([
    ['a*b', 'a/x\nb', true],
    ['*', '', true],
    ['a**b', 'ab', true],
    ['a?c', 'a/c', true],
    ['a?c', 'ac', false],
    ['[abc]', 'b', true],
    ['[a-c]x', 'bx', true],
    ['[!a-c]', 'd', true],
    ['[!a-c]', 'b', false],
    ['[!a]', '/', true],
    ['[^a]', '^', true],
    ['[^a]', 'b', false],
    ['[]a]', ']', true],
    ['[!]a]', ']', false],
    ['[a-]', '-', true],
    ['[a-c-e]', '-', true],
    ['[a-c-e]', 'd', false],
    ['[]-a]', '_', true],
    ['[z-a]', 'b', false],
    ['[!z-a]', 'b', true],
    ['[', '[', true],
    ['[]', '[]', true],
    ['[!]', '[!]', true],
    ['a[b*', 'a[bc', true],
    ['a\\*', 'a*', false],
    ['a\\*', 'a\\x', true],
    ['{a,b}', 'a', false],
    ['{a,b}', '{a,b}', true],
    ['@(a|b)', 'a', false],
    ['!(a)', '!(a)', true],
    ['A', 'a', false],
  ])('%j on %j: %s', (pattern, text, expected) => {
    expect(createFnmatch(pattern)(text)).toBe(expected)
  })

  it('come to an end on patterns made to be slow', () => {
    expect(createFnmatch('['.repeat(1_000_000))('a')).toBe(false)
    expect(createFnmatch(`${'*a'.repeat(500)}b`)('a'.repeat(1000))).toBe(false)
  })
})
