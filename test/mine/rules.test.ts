import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Allow, mayRead, mineFunction, readMineFunction, shapeEntries } from '../../src/mine/rules.ts'
import { resolveTarget } from '../../src/protocol/target.ts'

describe('the definition of a mine function', () => {
  it.each<[string, unknown, object]>([
    ['nothing', null, { fun: 'test.ping', arg: [], kwarg: {} }],
    ['left out', undefined, { fun: 'test.ping', arg: [], kwarg: {} }],
    ['an empty list', [], { fun: 'test.ping', arg: [], kwarg: {} }],
    ['a list of arguments', ['eth0', 5], { fun: 'test.ping', arg: ['eth0', 5], kwarg: {} }],
    ['a map of named ones', { interface: 'eth0' }, { fun: 'test.ping', arg: [], kwarg: { interface: 'eth0' } }],
    [
      'a list of both, with another function',
      [{ mine_function: 'network.ip_addrs' }, 'eth0', { cidr: '10.0.0.0/8' }, { type: 'private' }],
      { fun: 'network.ip_addrs', arg: ['eth0'], kwarg: { cidr: '10.0.0.0/8', type: 'private' } },
    ],
    [
      'a map with who may read it',
      { mine_function: 'network.ip_addrs', allow_tgt: 'G@role:lb', allow_tgt_type: 'compound' },
      { fun: 'network.ip_addrs', arg: [], kwarg: {}, allow: { tgt: 'G@role:lb', tgt_type: 'compound' } },
    ],
    [
      'a list of ids that may read it',
      [{ allow_tgt: ['a', 'b'] }],
      { fun: 'test.ping', arg: [], kwarg: {}, allow: { tgt: ['a', 'b'], tgt_type: 'list' } },
    ],
    [
      'an empty target, which allows everybody',
      { allow_tgt: '', allow_tgt_type: 'glob' },
      { fun: 'test.ping', arg: [], kwarg: {} },
    ],
  ])('may be %s', (_what, definition, meaning) => {
    expect(readMineFunction('test.ping', definition)).toEqual(meaning)
  })

  it('leaves what it was read from as it is', () => {
    const definition = [{ mine_function: 'x.y', allow_tgt: '*' }, 1]
    readMineFunction('alias', definition)
    expect(definition).toEqual([{ mine_function: 'x.y', allow_tgt: '*' }, 1])
  })

  it.each<[string, unknown, string]>([
    ['a text', 'eth0', 'must be a list of arguments or a map of named ones, got "eth0"'],
    ['false', false, 'must be a list of arguments or a map of named ones, got false'],
    ['a function that is no text', { mine_function: 5 }, "'mine_function' must be a text, got 5"],
    ['a function of the mine', { mine_function: 'mine.update' }, "'mine.update' is a function of the mine itself"],
    ['a target that is none', [{ allow_tgt: [1] }], "'allow_tgt' must be a text or a list of ids, got [1]"],
    ['a type that is none', { allow_tgt: '*', allow_tgt_type: 5 }, "'allow_tgt_type' must be a text, got 5"],
  ])('is refused where it is %s', (_what, definition, message) => {
    expect(() => readMineFunction('alias', definition)).toThrow(`mine entry 'alias': ${message}`)
  })

  it('cannot be the mine itself by its name either', () => {
    expect(() => mineFunction('mine.get', ['*', 'x'], {})).toThrow('cannot go into it')
  })
})

describe('who may read an entry', () => {
  const id = fc.constantFrom('web1', 'web2', 'db1', 'a.b', '*', 'constructor')
  const grains = fc.record({ os: fc.constantFrom('Debian', 'Alpine'), role: fc.constantFrom('lb', 'db') })
  const fleet = fc.uniqueArray(fc.record({ id, grains }), { selector: minion => minion.id, minLength: 1 })
  const allow = fc.oneof(
    fc.record({ tgt: fc.constantFrom('*', 'web*', 'db1', '[!w]*', 'nobody'), tgt_type: fc.constant('glob') }),
    fc.record({ tgt: fc.array(id, { minLength: 1 }), tgt_type: fc.constant('list') }),
    fc.record({ tgt: fc.constantFrom('os:Debian', 'role:l*', 'none:x'), tgt_type: fc.constant('grain') }),
    fc.record({
      tgt: fc.constantFrom('G@os:Debian and web*', 'not G@role:lb', 'N@webs or E@^db'),
      tgt_type: fc.constant('compound'),
    }),
  ) as fc.Arbitrary<Allow>
  const nodegroups = { webs: 'web*' }

  it('is whom the rule would target among the whole fleet', () => {
    fc.assert(
      fc.property(fleet, allow, (minions, rule) => {
        const targeted = resolveTarget(rule.tgt, rule.tgt_type, minions, { nodegroups, pillar: false }).minions
        expect(
          minions
            .filter(reader => mayRead(rule, reader, nodegroups))
            .map(reader => reader.id)
            .sort(),
        ).toEqual(targeted)
      }),
    )
  })

  it('is everybody without a rule, and as in Salt not the sender of its own accord', () => {
    expect(mayRead(undefined, { id: 'x', grains: {} }, {})).toBe(true)
    expect(mayRead({ tgt: 'db*', tgt_type: 'glob' }, { id: 'web1', grains: {} }, {})).toBe(false)
  })

  it('cannot be told by a rule that is no target', () => {
    const reader = { id: 'x', grains: {} }
    expect(() => mayRead({ tgt: 'gone', tgt_type: 'nodegroup' }, reader, {})).toThrow(/gone/)
    expect(() => mayRead({ tgt: '*', tgt_type: 'globe' }, reader, {})).toThrow(/globe/)
  })
})

it('entries are shaped by minion, or by name and minion', () => {
  const entries = [
    { minion: 'a', name: 'x', data: 1 },
    { minion: 'a', name: 'y', data: null },
    { minion: '__proto__', name: 'x', data: 3 },
  ]
  expect(shapeEntries(entries.slice(0, 1), false)).toEqual({ a: 1 })
  expect(JSON.stringify(shapeEntries(entries, true))).toBe('{"x":{"a":1,"__proto__":3},"y":{"a":null}}')
  expect(shapeEntries([], true)).toEqual({})
})
