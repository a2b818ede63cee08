import { describe, expect, it } from 'vitest'
import { switchRules } from '../../../src/reactor/bundle/switch.ts'

const before = {
  hash: 'h',
  at: 1,
  from: { kind: 'folder', name: '/r' },
  rules: 2,
  changes: { added: 1, changed: 0, removed: 0 },
} as const
const off = (names: string[], reason?: string) => ({ to: 'off', names, by: 'ada', reason }) as const
const on = (names: string[]) => ({ to: 'on', names, by: 'bob' }) as const

describe('switching rules', () => {
  it('off marks them with who did it, when and why, and leaves the bundle', () => {
    const { activation, switched } = switchRules(before, ['a', 'b'], off(['a', 'a'], 'too loud'), 9)
    expect(switched).toEqual(['a'])
    expect(activation).toEqual({
      hash: 'h',
      at: 1,
      from: { kind: 'folder', name: '/r' },
      rules: 2,
      off: { a: { by: 'ada', at: 9, reason: 'too loud' } },
      switched: { to: 'off', names: ['a'], by: 'ada', at: 9, reason: 'too loud' },
    })
  })

  it('on takes the mark away, and the last one with the whole map', () => {
    const marked = { ...before, off: { a: { by: 'ada', at: 2 }, b: { by: 'ada', at: 2 } } }
    const first = switchRules(marked, ['a', 'b'], on(['a']), 9).activation!
    expect(Object.keys(first.off!)).toEqual(['b'])
    const second = switchRules(first, ['a', 'b'], on(['b']), 10).activation!
    expect(second).not.toHaveProperty('off')
    expect(second.switched).toEqual({ to: 'on', names: ['b'], by: 'bob', at: 10 })
  })

  it('says which were so already, and writes nothing where all were', () => {
    const marked = { ...before, off: { a: { by: 'ada', at: 2 } } }
    expect(switchRules(marked, ['a', 'b'], off(['a', 'b']), 9)).toMatchObject({ switched: ['b'], unchanged: ['a'] })
    expect(switchRules(marked, ['a', 'b'], off(['b', 'a']), 9).activation!.off!.a).toEqual({ by: 'ada', at: 2 })
    expect(switchRules(marked, ['a', 'b'], on(['b']), 9)).toEqual({
      activation: undefined,
      switched: [],
      unchanged: ['b'],
    })
  })

  it('can switch on what is in no bundle any more, and cannot switch it off', () => {
    const marked = { ...before, off: { gone: { by: 'ada', at: 2 } } }
    expect(switchRules(marked, ['a'], on(['gone']), 9).switched).toEqual(['gone'])
    expect(switchRules(marked, ['a'], off(['gone']), 9)).toMatchObject({ switched: [], unchanged: ['gone'] })
  })

  it('refuses all where one name is not known, with the nearest', () => {
    for (const request of [off(['restrat', 'a', 'zzz-nothing']), on(['restrat', 'a', 'zzz-nothing'])])
      expect(() => switchRules(before, ['restart', 'a'], request, 9)).toThrow(
        "no rules 'restrat' (did you mean 'restart'?), 'zzz-nothing'; 'reactor rules list' shows those there are",
      )
    expect(() => switchRules(before, ['a'], off(['toString']), 9)).toThrow("no rule 'toString'")
  })
})
