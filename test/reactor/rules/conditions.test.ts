import fc from 'fast-check'
import { Engine, type TopLevelCondition } from 'json-rules-engine'
import { describe, expect, it } from 'vitest'
import { compileConditions, conditionProblems } from '../../../src/reactor/rules/conditions.ts'
import type { Facts } from '../../../src/reactor/rules/facts.ts'
import { DECORATORS, OPERATORS } from '../../../src/reactor/rules/operators.ts'

const facts = (data: Record<string, unknown>, minion?: Record<string, unknown>): Facts => ({
  tag: 'salt/auth',
  data,
  origin: 'web1',
  stamp: '2026-11-20T09:18:20.838387',
  ...(minion && { minion }),
})

async function engineSays(when: unknown, seen: Facts): Promise<boolean> {
  const rule = { conditions: structuredClone(when) as TopLevelCondition, event: { type: 'matched' } }
  const engine = new Engine([rule], { allowUndefinedFacts: true })
  const { results } = await engine.run({ ...seen })
  return results.length > 0
}

const scalar = fc.constantFrom<unknown>(0, 1, -1, 2.5, '1', '2', 'a', '', true, false, null)
const list = fc.array(scalar, { maxLength: 3 })
const data = fc.dictionary(
  fc.constantFrom('a', 'b', 'length'),
  fc.oneof(scalar, list, fc.dictionary(fc.constantFrom('a', 'b'), fc.oneof(scalar, list), { maxKeys: 2 })),
)
const path = fc.constantFrom('$.a', '$.b', '$.a.b', '$.a[0]', "$['b']['a']", 'a.a', '$', '$.a.length', '$.b[1]')
const reference = fc.oneof(
  fc.record({ fact: fc.constantFrom('data', 'minion'), path }),
  fc.record({ fact: fc.constantFrom('tag', 'origin', 'stamp', 'minion') }),
)
const operator = fc
  .tuple(
    fc.array(fc.constantFrom(...Object.keys(DECORATORS)), { maxLength: 2 }),
    fc.constantFrom(...Object.keys(OPERATORS)),
  )
  .map(([decorators, name]) => [...decorators, name].join(':'))
const leaf = fc
  .tuple(reference, operator, fc.oneof(scalar, list, reference))
  .map(([left, name, value]) => ({ ...left, operator: name, value }))
const { when } = fc.letrec<{ node: unknown; when: unknown }>(tie => ({
  node: fc.oneof({ maxDepth: 3 }, { arbitrary: leaf, weight: 3 }, tie('when')),
  when: fc.oneof(
    { maxDepth: 3 },
    fc.record({ all: fc.array(tie('node'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ any: fc.array(tie('node'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie('node') }),
  ),
}))

describe('conditions', () => {
  it('decide as json-rules-engine does wherever the engine decides', async () => {
    let decided = 0
    await fc.assert(
      fc.asyncProperty(when, data, fc.option(data), async (conditions, seen, grains) => {
        // Conditions that the loader refuses, such as `in` with a number, never run.
        fc.pre(conditionProblems(conditions, 'r').length === 0)
        const event = facts(seen, grains ?? undefined)
        const expected = await engineSays(conditions, event).catch(() => undefined)
        fc.pre(expected !== undefined)
        decided++
        expect(compileConditions(conditions)(event)).toBe(expected)
      }),
      { numRuns: 1500 },
    )
    expect(decided).toBeGreaterThan(500)
  })

  it.each([
    [{ fact: 'data', path: '$.running', operator: 'equal', value: false }, { running: false }, true],
    [{ fact: 'data', path: '$.load.1m', operator: 'greaterThan', value: 2 }, { load: { '1m': 3 } }, undefined],
    [{ fact: 'data', path: "$.load['1m']", operator: 'greaterThan', value: 2 }, { load: { '1m': 3 } }, true],
    [{ fact: 'minion', path: '$.os', operator: 'equal', value: 'Debian' }, {}, false],
    [{ fact: 'data', path: '$.id', operator: 'equal', value: { fact: 'origin' } }, { id: 'web1' }, true],
    [{ fact: 'data', path: '$.gone.deeper', operator: 'notEqual', value: 1 }, {}, true],
    [{ fact: 'data', path: '$.constructor', operator: 'notEqual', value: { fact: 'minion' } }, {}, false],
    [{ fact: 'data', path: '$.a', operator: 'in', value: { fact: 'data', path: '$.gone' } }, { a: 1 }, false],
  ])('%j on %j: %s', (condition, seen, expected) => {
    const conditions = { all: [condition] }
    if (expected === undefined) expect(conditionProblems(conditions, 'r')).not.toEqual([])
    else expect(compileConditions(conditions)(facts(seen as Record<string, unknown>))).toBe(expected)
  })

  const of = (condition: object) => ({ all: [condition] })
  const equal = { fact: 'data', operator: 'equal', value: 1 }
  it.each([
    ['a bare condition', equal, [], "conditions begin with one of 'all', 'any' or 'not'"],
    [
      'an unknown operator',
      of({ ...equal, operator: 'equals' }),
      ['all', 0, 'operator'],
      `unknown operator "equals". Did you mean 'equal'?`,
    ],
    [
      'an unknown decorator',
      of({ ...equal, operator: 'somefact:equal' }),
      ['all', 0, 'operator'],
      "Did you mean 'someFact'?",
    ],
    ['an unknown fact', of({ ...equal, fact: 'dat' }), ['all', 0, 'fact'], `unknown fact "dat". Did you mean 'data'?`],
    ['a named condition', of({ condition: 'x' }), ['all', 0], 'named conditions are not available'],
    ['a missing value', of({ fact: 'tag', operator: 'equal' }), ['all', 0], "this condition has no 'value'"],
    [
      'an unknown key',
      of({ ...equal, pth: '$.a' }),
      ['all', 0, 'pth'],
      "unknown key 'pth' in a condition. Did you mean 'path'?",
    ],
    ['a path with a wildcard', of({ ...equal, path: '$.a[*]' }), ['all', 0, 'path'], 'is not a path that can be used'],
    ['a path with a script', of({ ...equal, path: '$[?(@.x)]' }), ['all', 0, 'path'], 'is not a path that can be used'],
    [
      'a path into text',
      of({ fact: 'tag', path: '$.x', operator: 'equal', value: 1 }),
      ['all', 0, 'path'],
      "'tag' is a string",
    ],
    ['an empty list', { any: [] }, ['any'], "'any' holds a list of at least one condition"],
    ['two groups in one map', { all: [equal], any: [equal] }, ['any'], "stands beside 'all'"],
    ['in without a list', of({ ...equal, operator: 'in' }), ['all', 0, 'value'], "'in' needs a list, got 1"],
    ['params', of({ ...equal, params: {} }), ['all', 0, 'params'], 'there are none'],
    ['a bad priority', of({ ...equal, priority: 0 }), ['all', 0, 'priority'], 'a whole number from 1 up'],
    ['a bad priority of a group', { all: [equal], priority: 'high' }, ['priority'], 'a whole number from 1 up'],
    ['a template', of({ ...equal, value: '{{ tag }}' }), ['all', 0, 'value'], 'templates have no place in conditions'],
    ['a condition that is no map', { not: 5 }, ['not'], 'a condition is a map with fact, operator and value, got 5'],
  ])('refuse %s', (_what, conditions, at, message) => {
    const [problem] = conditionProblems(conditions, 'r')
    expect(problem?.path).toEqual(at)
    expect(problem?.message).toContain(message)
    expect(() => compileConditions(conditions)).toThrow(message)
  })
})
