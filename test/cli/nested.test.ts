import { describe, expect, it } from 'vitest'
import { nested } from '../../src/cli/nested.ts'

const show = (value: unknown) => nested(value, { colour: false }).join('\n')

describe('values as Salt shows them', () => {
  it.each([
    ['a constant', { web1: true, web2: null, web3: false }, 'web1:\n    True\nweb2:\n    None\nweb3:\n    False'],
    ['a number', { web1: 1.5 }, 'web1:\n    1.5'],
    ['a text of several lines', { web1: 'a\nb' }, 'web1:\n    a\n    b'],
    ['a list', { web1: ['a', 2] }, 'web1:\n    - a\n    - 2'],
    ['an empty list', [], '[]'],
    ['an empty map', {}, '----------'],
    ['a map in a map, keys sorted', { w: { b: 1, a: 2 } }, 'w:\n    ----------\n    a:\n        2\n    b:\n        1'],
    ['maps in a list', [{ a: 1 }, [2]], '|_\n  a:\n      1\n|_\n  - 2'],
  ])('%s', (_what, value, text) => {
    expect(show(value)).toBe(text)
  })

  it('do not steer the terminal, in values or in keys', () => {
    const text = show({ 'k\u001b[31m': 'v\u001b]0;title\u0007\r\u009b2J\tx' })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
    expect(text).toContain('\tx')
  })

  it('are coloured where a person reads', () => {
    expect(nested({ a: 1 }, { colour: true })).toEqual(['\u001b[36ma:\u001b[0m', '    \u001b[33m1\u001b[0m'])
  })
})
