import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { compileRule } from '../../../src/reactor/rules/compile.ts'
import { ruleFileSchema } from '../../../src/reactor/rules/file-schema.ts'
import { loadRuleText } from '../../../src/reactor/rules/load.ts'
import { readRule } from '../../../src/reactor/rules/read-rule.ts'
import { type RuleDocument, ruleDocumentSchema } from '../../../src/reactor/rules/schema.ts'

const DO = 'do: runner.test.arg'
const OWN = new Set(['rack'])
const load = (text: string) => loadRuleText('r.yaml', text, undefined, OWN)
const problemsOf = (text: string) => load(text).problems.map(p => `${p.line}:${p.column} ${p.message}`)
const read = (key: string, text: string): unknown => {
  const { rules, problems } = load(`on: a\n${text}\n${DO}`)
  expect(problems).toEqual([])
  return rules[0]![key as keyof RuleDocument]
}

describe('a key of a rule', () => {
  it.each([
    ['mode', 'mode: shadow', 'shadow'],
    ['mode', 'mode: off', 'off'],
    ['priority', 'priority: -5', -5],
    ['stop', 'stop: true', true],
    ['stop', 'stop: false', undefined],
    ['recursion', 'recursion: 2', 2],
    ['retry', 'retry: { attempts: 5, backoff: 2s..5m }', { attempts: 5, backoff: [2000, 300_000] }],
    ['retry', 'retry: { attempts: 3, backoff: 30 }', { attempts: 3, backoff: [30_000, 30_000] }],
    ['retry', 'retry: { attempts: 3, backoff: 1.5s..1h30m }', { attempts: 3, backoff: [1500, 5_400_000] }],
    ['retry', 'retry: { attempts: 3 }', { attempts: 3, backoff: [1000, 300_000] }],
    ['concurrency', 'concurrency: 1', 1],
    ['lane', 'lane: slow', 'slow'],
    ['max_targets', 'max_targets: 0', 0],
    ['max_targets', 'max_targets: 10%', '10%'],
    ['on_unknown', 'on_unknown: retry', 'retry'],
    ['on_failure', 'on_failure: runner.test.arg', [{ kind: 'runner', fun: 'test.arg', params: null }]],
    ['throttle', 'throttle: { once_within: 5m, by: "{{ origin }}" }', { once_within: 300_000, by: '{{ origin }}' }],
    ['throttle', 'throttle: { once_after: 500ms }', { once_after: 500 }],
    ['count', 'count: { at_least: 3, within: 1m }', { at_least: 3, within: 60_000 }],
    ['group', 'group: { for: 10, most: 50 }', { for: 10_000, most: 50 }],
    ['absent', 'absent: { for: 10m, by: "{{ data.id }}" }', { for: 600_000, by: '{{ data.id }}' }],
    ['absent', 'absent: { for: 1h, until: b/* }', { for: 3_600_000, until: ['b/*'] }],
    ['absent', 'absent: { for: 1d, of: minions }', { for: 86_400_000, of: 'minions' }],
  ])('%s is read from %s', (key, text, expected) => {
    expect(read(key, text)).toEqual(expected)
  })

  it('all_of is read into its events, and what any of them may be', () => {
    const text = `
all_of:
  events:
    - { name: down, on: [a/**, "!a/x"], when: { all: [{ fact: data, path: $.n, operator: equal, value: 1 }] } }
    - { on: a/x }
    - { on: a/** }
  within: 5m
  by: "{{ data.id }}"
  in_order: true
${DO}`
    const { rules, problems } = load(text)
    expect(problems).toEqual([])
    expect(rules[0]).toMatchObject({
      on: ['a/**', 'a/x'],
      all_of: {
        events: [
          { name: 'down', on: ['a/**', '!a/x'], when: { all: [expect.anything()] } },
          { name: '2', on: ['a/x'] },
          { name: '3', on: ['a/**'] },
        ],
        within: 300_000,
        by: '{{ data.id }}',
        in_order: true,
      },
    })
  })

  it.each(['count: { at_least: 2, within: 1m }', 'absent: { for: 1m }', 'group: { for: 1m }'])(
    '%s may be throttled',
    text => {
      expect(read('throttle', `${text}\nthrottle: { once_within: 1h }`)).toEqual({ once_within: 3_600_000 })
    },
  )
})

const OF = 'all_of: { within: 1m, events: [{ on: a }, { on: b }] }'
const WRONG: readonly [text: string, problem: string][] = [
  ['mode: shaddow', `2:7 'mode' is live, shadow or off, got "shaddow". Did you mean 'shadow'?`],
  ['mode: true', `2:7 'mode' is live, shadow or off, got true.`],
  ['priority: high', `2:11 'priority' is a whole number, got "high"`],
  ['priority: 1.5', `2:11 'priority' is a whole number, got 1.5`],
  ['stop: yes please', `2:7 'stop' is true or false, got "yes please"`],
  ['recursion: -1', `2:12 'recursion' is a whole number from 0 up, got -1`],
  ['retry: 5', `2:8 'retry' is a map such as { attempts: 5, backoff: 2s..5m }, got 5`],
  ['retry: { attempts: 0 }', `2:20 'attempts' is a whole number from 1 up, got 0`],
  ['retry: { backoff: 2s..5m }', `2:1 'attempts' is missing in 'retry': how many in all, such as 5`],
  ['retry: { attempts: 2, backof: 2s }', `2:23 unknown key 'backof' in 'retry'. Did you mean 'backoff'?`],
  [
    'retry: { attempts: 2, backoff: 5m..2s }',
    `2:32 'backoff' goes from the shortest wait to the longest, got "5m..2s"`,
  ],
  [
    'retry: { attempts: 2, backoff: soon }',
    `2:32 'backoff': 'soon' is not a duration: write for example 500ms, 30s, 5m, 2h or 1d`,
  ],
  [
    'retry: { attempts: 2, backoff: 1s..2s..3s }',
    `2:32 'backoff' is a duration, or the shortest and the longest wait as 2s..5m, got "1s..2s..3s"`,
  ],
  ['concurrency: 0', `2:14 'concurrency' is a whole number from 1 up, got 0`],
  ['lane: fast', `2:7 'lane' is slow, got "fast".`],
  ['max_targets: 200%', `2:14 'max_targets' is a number of minions or a share such as 10%, got "200%"`],
  ['max_targets: -1', `2:14 'max_targets' is a number of minions or a share such as 10%, got -1`],
  ['on_unknown: parked', `2:13 'on_unknown' is park, retry or drop, got "parked". Did you mean 'park'?`],
  ['on_failure: []', `2:13 'on_failure' is a list of kind.module.function: arguments`],
  [
    'on_failure: [runer.test.arg]',
    `2:14 'runer.test.arg' begins with 'runer', not with local, runner or wheel. Did you mean 'runner'?`,
  ],
  [
    'on_failure: { runner.test.arg: ["{{ window.count }}"] }',
    `2:33 runner.test.arg: 'window' has a value only in 'do' and 'on_failure' of a rule with count, all_of, absent, group or once_after`,
  ],
  ['throttle: 5m', `2:11 'throttle' is a map such as { once_within: 5m, by: "{{ origin }}" }, got "5m"`],
  ['throttle: {}', `2:1 a duration is missing: 'throttle' has one of once_within and once_after`],
  [
    'throttle: { once_within: 1m, once_after: 1m }',
    `2:30 'once_after' stands beside 'once_within': 'throttle' has one of once_within and once_after`,
  ],
  ['throttle: { once_within: 0s }', `2:26 'once_within' is longer than 0 and at most 366d, got "0s"`],
  ['throttle: { once_within: 5m, by: 3 }', `2:34 'by' is a template such as "{{ origin }}", got 3`],
  [
    'throttle: { once_within: 5m, by: data.id }',
    `2:34 'by' is a template such as "{{ data.id }}", got "data.id", which is the same for every event`,
  ],
  ['throttle: { once_within: 5m, by: "{{ orign }}" }', `2:34 'by': 'orign' is unknown here. Did you mean 'origin'?`],
  [
    'throttle: { once_within: 5m, by: "{{ job.fun }}" }',
    `2:34 'by': 'job' has no value in 'by': it is looked up, and the order of events cannot wait for that`,
  ],
  ['count: { within: 5m }', `2:1 'at_least' is missing in 'count': how many events, such as 3`],
  ['count: { at_least: 3 }', `2:1 'within' is missing in 'count': a duration such as 30s, 5m or 2h`],
  ['count: { at_least: 1, within: 5m }', `2:20 'at_least' is a whole number from 2 up, got 1`],
  ['count: { at_least: 3, within: [5m] }', `2:31 'within' is a duration such as 30s, 5m or 2h, got ["5m"]`],
  ['group: { for: 1m, most: 0 }', `2:25 'most' is a whole number from 1 up, got 0`],
  ['group: { most: 5 }', `2:1 'for' is missing in 'group': a duration such as 30s, 5m or 2h`],
  ['absent: { for: 1m, of: minion }', `2:24 'of' is minions, got "minion". Did you mean 'minions'?`],
  ['absent: { for: 1m, until: "[a" }', `2:27 '[a' opens a '[' that is never closed`],
  [OF, `1:1 'on' has no place beside 'all_of': each of its events has its own`],
  [
    'count: { at_least: 2, within: 1m }\ngroup: { for: 1m }',
    `3:1 'group' stands beside 'count': a rule has one of count, all_of, absent, group`,
  ],
  [
    'count: { at_least: 2, within: 1m }\nwhen: { all: [{ fact: job, path: $.fun, operator: equal, value: a }] }',
    `3:23 'job' has no value in 'when' of a rule with 'count': it is looked up, and the order of events cannot wait for that`,
  ],
  [
    'throttle: { once_within: 1m }\nwhen: { all: [{ fact: rack, operator: equal, value: a }] }',
    `3:23 'rack' has no value in 'when' of a rule with 'once_within': it is looked up, and the order of events cannot wait for that`,
  ],
  [
    'when: { all: [{ fact: window, operator: equal, value: a }] }',
    `2:23 'window' has a value only in 'do' and 'on_failure' of a rule with count, all_of, absent, group or once_after`,
  ],
  ['when: { all: [{ fact: failure, operator: equal, value: a }] }', `2:23 'failure' has a value only in 'on_failure'`],
  ['prioity: 3', `2:1 unknown key 'prioity'. Did you mean 'priority'?`],
]

describe('a wrong value', () => {
  it.each(WRONG)('%s is said with what was expected', (text, problem) => {
    expect(problemsOf(`on: a\n${text}\n${DO}`)).toEqual([problem])
  })

  it.each([
    ['all_of: { within: 1m }', `1:1 'events' is a list of at least two events`],
    ['all_of: { within: 1m, events: [{ on: a }] }', `1:31 'events' is a list of at least two events, got [{"on":"a"}]`],
    ['all_of: { within: 1m, events: [{ on: a }, b] }', `1:43 'events' is a map such as { on: a/* }, got "b"`],
    [
      'all_of: { within: 1m, events: [{ on: a }, {}] }',
      "1:43 'on' is missing: say which tags, for example on: salt/auth",
    ],
    [
      'all_of: { within: 1m, events: [{ name: x, on: a }, { name: x, on: b }] }',
      "1:52 the name 'x' is taken by another event",
    ],
    ['all_of: { within: 1m, events: [{ name: 2, on: a }, { on: b }] }', `1:40 'name' is text, got 2`],
    [
      'all_of: { within: 1m, events: [{ on: a }, { on: b, when: { all: [{ fact: rack, operator: equal, value: 1 }] } }] }',
      "1:74 'rack' has no value in 'when' of a rule with 'all_of': it is looked up, and the order of events cannot wait for that",
    ],
  ])('%s among the events of all_of too', (text, problem) => {
    expect(problemsOf(`${text}\n${DO}`)).toEqual([problem])
  })

  it('of a template that names what has no value there is said at the template', () => {
    const text = (value: string, more = '') => `on: a\n${more}do: { runner.test.arg: ["{{ ${value} }}"] }`
    expect(problemsOf(text('failure.reason'))).toEqual([
      "2:25 runner.test.arg: 'failure' has a value only in 'on_failure'",
    ])
    expect(problemsOf(`${text('window.count')}\ncount: { at_least: 2, within: 1m }`)).toEqual([])
    expect(problemsOf(text('window.count'))[0]).toMatch(
      /^2:25 runner.test.arg: 'window' has a value only in 'do' and 'on_failure' of/,
    )
    expect(problemsOf(text('window.count', 'throttle: { once_within: 1m }\n'))).toHaveLength(1)
    expect(problemsOf(text('window.count', 'throttle: { once_after: 1m }\n'))).toEqual([])
    expect(problemsOf(text('window.count', 'group: { for: 1m }\n'))).toEqual([])
    expect(problemsOf(text('job.fun ~ rack', 'group: { for: 1m }\n'))).toEqual([])
    expect(problemsOf(text('crate'))).toHaveLength(1)
  })

  /** What a schema of shapes cannot see: templates, globs, the order of two durations, keys of other keys. */
  const beyond =
    /is unknown here|has no value|the same for every event|is never closed|goes from the|stands beside|no place|'window'|'failure'/
  it.each(WRONG.filter(([, problem]) => !beyond.test(problem)))('%s is refused by the JSON Schema too', text => {
    expect(ruleFileSchema.safeParse(parse(`on: a\n${text}\n${DO}`)).success).toBe(false)
  })
})

const word = fc.constantFrom<unknown>('a/*', '5m', '2s..5m', '10%', 'slow', 'minions', '{{ origin }}', '{{', '', 'live')
const value = fc.letrec<{ any: unknown; map: unknown }>(tie => ({
  any: fc.oneof(
    { maxDepth: 4 },
    word,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.double(),
    tie('map'),
    fc.array(tie('any'), { maxLength: 3 }),
  ),
  map: fc.dictionary(
    fc.constantFrom(
      ...'attempts backoff once_within once_after by at_least within events name on when in_order for until of most'.split(
        ' ',
      ),
      ...'all any not fact operator value path params local.test.ping runner.test.arg tgt args x'.split(' '),
    ),
    tie('any'),
    { maxKeys: 4 },
  ),
})).any
const keys = [...Object.keys(ruleFileSchema.shape), 'other']
const anyDocument = fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 6 })

describe('whatever a document holds', () => {
  it('is read without an error, and what is wrong is told with a path that is there', () => {
    let refused = 0
    fc.assert(
      fc.property(anyDocument, document => {
        const problems: { path: readonly (string | number)[]; message: string }[] = []
        const rule = readRule(document, 'r', OWN, (path, message) => problems.push({ path, message }))
        if (problems.length === 0) {
          const whole = { ...rule, source: { file: 'r.yaml', line: 1 } }
          expect(ruleDocumentSchema.safeParse(whole).error).toBeUndefined()
          expect(() => compileRule(whole, { facts: OWN })).not.toThrow()
          return
        }
        refused++
        for (const { path, message } of problems) {
          expect(message).toMatch(/\S/)
          let at: unknown = document
          for (const step of path) {
            expect(
              typeof at === 'object' && at !== null && Object.hasOwn(at, step),
              `${path.join('.')}: ${message}`,
            ).toBe(true)
            at = (at as Record<string, unknown>)[step]
          }
        }
      }),
      { numRuns: 3000 },
    )
    expect(refused).toBeGreaterThan(1000)
  })

  it('that reads from a file is one that the JSON Schema takes', () => {
    let sound = 0
    const base = fc.record(
      {
        on: fc.constant('a/*'),
        do: fc.constant('runner.test.arg'),
        mode: fc.constantFrom('live', 'shadow', 'off', 'of'),
        priority: fc.constantFrom(1, -1, 1.5),
        retry: fc.record({ attempts: fc.constantFrom(1, 5), backoff: fc.constantFrom('2s..5m', 3, '1h', '2s..') }),
        max_targets: fc.constantFrom(5, '10%', '100%', '101%', '5'),
        throttle: fc.record({ once_within: fc.constantFrom('5m', 3, '1h30m', '5 m'), by: fc.constant('{{ tag }}') }),
        count: fc.record({ at_least: fc.constantFrom(1, 2), within: fc.constant('1m') }),
      },
      { requiredKeys: ['on', 'do'] },
    )
    fc.assert(
      fc.property(base, document => {
        const { problems } = load(stringify(document))
        if (problems.length === 0) sound++
        expect([document, ruleFileSchema.safeParse(document).success]).toEqual([document, problems.length === 0])
      }),
      { numRuns: 500 },
    )
    expect(sound).toBeGreaterThan(20)
  })
})

describe('stop beside a fact that is looked up', () => {
  const rule = (fact: string, stop = 'stop: true') =>
    `on: a\n${stop}\nwhen: { all: [{ fact: ${fact}, path: $.n, operator: equal, value: 1 }] }\n${DO}`
  it.each(['job', 'rack'])('is refused in when: %s', fact => {
    const [problem, ...others] = problemsOf(rule(fact))
    expect(problem).toMatch(
      new RegExp(`^3:\\d+ '${fact}' has no value in 'when' of a rule with 'stop': it is looked up`),
    )
    expect(others).toEqual([])
    expect(problemsOf(rule(fact, 'stop: false'))).toEqual([])
  })

  it('is no matter in do, nor beside what every event has', () => {
    expect(problemsOf(rule('data'))).toEqual([])
    expect(problemsOf('on: a\nstop: true\ndo:\n  - runner.test.arg: ["{{ rack.n }}"]')).toEqual([])
  })
})
