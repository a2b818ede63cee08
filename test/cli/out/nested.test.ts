import { describe, expect, it } from 'vitest'
import { nested } from '../../../src/cli/out/nested.ts'

const show = (value: unknown) => nested(value, { colour: false }).join('\n')

describe('values as Salt shows them', () => {
  it.each([
    ['a constant', { web1: true, web2: null, web3: false }, 'web1:\n    True\nweb2:\n    None\nweb3:\n    False'],
    ['a number', { web1: 1.5 }, 'web1:\n    1.5'],
    ['a text of several lines', { web1: 'a\n\nb\n' }, 'web1:\n    a\n    \n    b'],
    ['a list', { web1: ['a', 2, null] }, 'web1:\n    - a\n    - 2\n    - None'],
    ['a text of several lines in a list', ['a\nb', 'c'], '- a\n  b\n- c'],
    ['an empty text, as nothing', { web1: '' }, 'web1:'],
    ['an empty list, as nothing', { up: ['web1'], down: [] }, 'down:\nup:\n    - web1'],
    ['an empty map, as its rule', { web1: {} }, 'web1:\n    ----------'],
    ['an empty map alone, as nothing', {}, ''],
    ['a map in a map, keys sorted', { w: { b: 1, a: 2 } }, 'w:\n    ----------\n    a:\n        2\n    b:\n        1'],
    ['lists in a list', [[1, [2]]], '|_\n  - 1\n  |_\n    - 2'],
  ])('%s', (_what, value, text) => {
    expect(show(value)).toBe(text)
  })

  it('a job that runs, as saltutil.running shows it', () => {
    const job = { pid: 20440, fun: 'cmd.run', arg: ['sleep 30'], tgt: '*', ret: '' }
    expect(show({ minion1: [job] })).toBe(`minion1:
    |_
      ----------
      arg:
          - sleep 30
      fun:
          cmd.run
      pid:
          20440
      ret:
      tgt:
          *`)
  })

  it('do not steer the terminal, in values or in keys', () => {
    const text = show({ 'k\u001b[31m': 'v\u001b]0;title\u0007\u009b2J\tx\u202e' })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/)
    expect(text).toContain('\tx')
  })

  it('are coloured where a person reads, in red where the job failed', () => {
    expect(nested({ a: 1 }, { colour: true })).toEqual(['\u001b[36ma:\u001b[0m', '    \u001b[1;33m1\u001b[0m'])
    expect(nested({ a: 'x' }, { colour: true, failed: true })[0]).toBe('\u001b[31ma:\u001b[0m')
  })
})
