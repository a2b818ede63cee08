import fc from 'fast-check'
import { Engine, type TopLevelCondition } from 'json-rules-engine'
import { describe, expect, it } from 'vitest'
import { compileConditions, conditionProblems } from '../../../src/reactor/rules/conditions.ts'
import type { Facts } from '../../../src/reactor/rules/facts.ts'
import { DECORATORS, OPERATORS } from '../../../src/reactor/rules/operators.ts'
import { vocabularyOf } from '../../../src/reactor/rules/vocabulary.ts'

const facts = (data: Record<string, unknown>, minion?: Record<string, unknown>): Facts => ({
  tag: 'salt/auth',
  data,
  origin: 'web1',
  stamp: '2026-11-20T09:18:20.838387',
  ...(minion && { minion }),
})

/** By size it compares whatever JavaScript makes a number of, and reads text as text: there it is held to numbers. */
function newEngine(when: unknown): Engine {
  const rule = { conditions: structuredClone(when) as TopLevelCondition, event: { type: 'matched' } }
  const engine = new Engine([rule], { allowUndefinedFacts: true })
  const isNumber = (value: unknown) => typeof value === 'number' || ['1', '2'].includes(value as string)
  const bySize = (name: string, holds: (a: number, b: number) => boolean) =>
    engine.addOperator(name, (a: unknown, b: unknown) => isNumber(a) && isNumber(b) && holds(Number(a), Number(b)))
  bySize('lessThan', (a, b) => a < b)
  bySize('lessThanInclusive', (a, b) => a <= b)
  bySize('greaterThan', (a, b) => a > b)
  bySize('greaterThanInclusive', (a, b) => a >= b)
  return engine
}

async function engineSays(when: unknown, seen: Facts): Promise<boolean> {
  const { results } = await newEngine(when).run({ ...seen })
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
        const { decide, mayHold, lookups } = compileConditions(conditions)
        expect(decide(event)).toBe(expected)
        expect(mayHold(event)).toBe(expected)
        expect(lookups).toEqual([])
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
    else expect(compileConditions(conditions).decide(facts(seen as Record<string, unknown>))).toBe(expected)
  })

  it.each(['lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive'])(
    '%s compares numbers, and text that is a number alone, on both sides',
    operator => {
      const holds = (n: unknown, value: unknown, limit?: unknown) =>
        compileConditions({ all: [{ fact: 'data', path: '$.n', operator, value }] }).decide(facts({ n, limit }))
      const isLess = operator.startsWith('less')
      for (const n of [12, '12', '+12.0', '1.2e1', 12.5, '.12E2']) {
        expect(holds(n, 10), String(n)).toBe(!isLess)
        expect(holds(n, '9'), String(n)).toBe(!isLess)
        expect(holds(n, 100), String(n)).toBe(isLess)
        expect(holds(n, { fact: 'data', path: '$.limit' }, '100'), String(n)).toBe(isLess)
      }
      expect([holds(10, 10), holds('10', 10)]).toEqual(Array(2).fill(operator.endsWith('Inclusive')))
      const others = [[12], ['12'], [], {}, true, false, null, undefined, '', ' ', ' 12', '12 ', '12%', '0x10', '1_2']
      const noNumbers = [
        ...others,
        '1.2.3',
        '2026-11-20',
        'Infinity',
        '-Infinity',
        'NaN',
        '1e999',
        Number.POSITIVE_INFINITY,
        '.',
        'twelve',
        `${'1'.repeat(500_000)}x`,
      ]
      for (const n of noNumbers) {
        expect(holds(n, -1) || holds(n, 1000), String(JSON.stringify(n)).slice(0, 20)).toBe(false)
        expect(holds(12, { fact: 'data', path: '$.limit' }, n), String(JSON.stringify(n)).slice(0, 20)).toBe(false)
      }
    },
  )

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
    [
      'a fact that only a folder could give',
      of({ ...equal, fact: 'rack' }),
      ['all', 0, 'fact'],
      'facts/ in one of the module_dirs',
    ],
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
    [
      'a comparison by size with what is no number',
      of({ ...equal, operator: 'lessThan', value: '2026-11-20' }),
      ['all', 0, 'value'],
      `'lessThan' needs a number, got "2026-11-20"`,
    ],
    [
      'params',
      of({ ...equal, params: {} }),
      ['all', 0, 'params'],
      "'params' is for facts of your own: 'data' takes none",
    ],
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

/** Values of facts that are looked up; of `rack` by what its condition hands it. */
interface Gathered {
  job: unknown
  rack: Record<string, unknown>
}
const OWN = vocabularyOf('when', ['rack', 'shelf'])

describe('conditions on facts that are looked up', () => {
  const params = fc.option(fc.constantFrom({ of: 'a' }, { of: 'b', n: 1 }), { nil: undefined })
  const lookedUp = fc.oneof(
    fc.record({ fact: fc.constantFrom('job'), path }),
    fc.record({ fact: fc.constant('rack'), path, params }, { requiredKeys: ['fact'] }),
    fc.record({ fact: fc.constant('shelf') }),
  )
  const anyReference = fc.oneof(lookedUp, reference)
  const anyLeaf = fc
    .tuple(anyReference, operator, fc.oneof(scalar, list, anyReference))
    .map(([left, name, value]) => ({ ...left, operator: name, value }))
  const tree = fc.letrec<{ node: unknown; when: unknown }>(tie => ({
    node: fc.oneof({ maxDepth: 3 }, { arbitrary: anyLeaf, weight: 3 }, tie('when')),
    when: fc.oneof(
      { maxDepth: 3 },
      fc.record({ all: fc.array(tie('node'), { minLength: 1, maxLength: 3 }) }),
      fc.record({ any: fc.array(tie('node'), { minLength: 1, maxLength: 3 }) }),
      fc.record({ not: tie('node') }),
    ),
  })).when
  // Where a value has no inside, the engine passes over a path, and we find nothing at it.
  const inner = fc.oneof(list, data)
  const gathered = fc.record({ job: data, rack: fc.dictionary(fc.constantFrom('', 'a', 'b'), inner) })

  /** The engine with real asynchronous facts, which it asks when it comes to them. */
  async function engineLooksUp(when: unknown, seen: Facts, { job, rack }: Gathered): Promise<boolean> {
    const engine = newEngine(when)
    const later = async <T>(value: T): Promise<T> => {
      await new Promise(resolve => setImmediate(resolve))
      return value
    }
    engine.addFact('job', () => later(job))
    engine.addFact('rack', ({ of = '' }: { of?: string }) => later(rack[of]))
    engine.addFact('shelf', () => later(undefined))
    const { results } = await engine.run({ ...seen })
    return results.length > 0
  }
  const complete = (seen: Facts, { job, rack }: Gathered): Facts => ({
    ...seen,
    job: job as Record<string, unknown>,
    own: { rack: rack[''], 'rack {"of":"a"}': rack.a, 'rack {"n":1,"of":"b"}': rack.b, shelf: undefined },
  })

  it('decide as json-rules-engine does, and may hold wherever they do', async () => {
    let decided = 0
    let impossible = 0
    await fc.assert(
      fc.asyncProperty(tree, data, gathered, async (conditions, seen, values) => {
        fc.pre(conditionProblems(conditions, 'r', OWN).length === 0)
        const event = facts(seen)
        const expected = await engineLooksUp(conditions, event, values).catch(() => undefined)
        fc.pre(expected !== undefined)
        decided++
        const { decide, mayHold } = compileConditions(conditions, OWN)
        expect(decide(complete(event, values))).toBe(expected)
        if (!mayHold(event)) {
          impossible++
          expect(expected).toBe(false)
        }
      }),
      { numRuns: 1000 },
    )
    expect(decided).toBeGreaterThan(300)
    expect(impossible).toBeGreaterThan(20)
  })

  const job = { fact: 'job', path: '$.fun', operator: 'equal', value: 'test.ping' }
  const sure = (value: string) => ({ fact: 'origin', operator: 'equal', value })
  it.each([
    [{ all: [job] }, true],
    [{ all: [sure('web1'), job] }, true],
    [{ all: [job, sure('web2')] }, false],
    [{ any: [job, sure('web2')] }, true],
    [{ any: [sure('web2'), { not: { all: [job, sure('web1')] } }] }, true],
    [{ any: [sure('web2'), { not: { any: [job, sure('web1')] } }] }, false],
    [{ not: { not: job } }, true],
  ])('%j may hold on an event of web1: %s', (conditions, expected) => {
    expect(compileConditions(conditions).mayHold(facts({}))).toBe(expected)
  })

  it('name what is to be looked up', () => {
    const rack = (of?: string) => ({ fact: 'rack', ...(of && { params: { of } }) })
    const conditions = {
      any: [
        { ...rack('a'), operator: 'equal', value: { ...rack(), path: '$.x' } },
        { not: { all: [{ fact: 'tag', operator: 'equal', value: { fact: 'job', path: '$.user' } }] } },
      ],
    }
    const { lookups } = compileConditions(conditions, OWN)
    expect(lookups).toEqual([{ fact: 'rack', params: { of: 'a' } }, { fact: 'rack' }, { fact: 'job' }])
  })

  it.each([
    [{ fact: 'rack', params: 'a' }, 'params', `'params' is a map, got "a"`],
    [{ fact: 'rack', params: { of: '{{ origin }}' } }, 'params', 'templates have no place in conditions'],
    [
      { fact: 'rak' },
      'fact',
      `unknown fact "rak". Did you mean 'rack'? (tag, data, origin, stamp, minion, job, rack, shelf)`,
    ],
    [{ fact: 'rack', path: '$.*' }, 'path', 'is not a path that can be used'],
  ])('refuse %j', (fact, at, message) => {
    const [problem] = conditionProblems({ all: [{ ...fact, operator: 'equal', value: 1 }] }, 'r', OWN)
    expect(problem?.path.slice(0, 3)).toEqual(['all', 0, at])
    expect(problem?.message).toContain(message)
  })

  it('refuse a misspelt key beside the fact that they compare with', () => {
    const value = { fact: 'rack', pth: '$.a' }
    const [problem] = conditionProblems({ all: [{ fact: 'tag', operator: 'equal', value }] }, 'r', OWN)
    expect(problem).toMatchObject({
      path: ['all', 0, 'value', 'pth'],
      message: "unknown key 'pth' beside 'fact'. Did you mean 'path'?",
    })
  })

  it('find nothing at a path into a value that has no inside', () => {
    const conditions = { all: [{ fact: 'rack', path: '$.a', operator: 'equal', value: 'x' }] }
    const { decide } = compileConditions(conditions, OWN)
    expect(decide({ ...facts({}), own: { rack: 'x' } })).toBe(false)
    expect(decide({ ...facts({}), own: { rack: { a: 'x' } } })).toBe(true)
  })
})
