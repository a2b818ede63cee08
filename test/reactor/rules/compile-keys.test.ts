import { describe, expect, it } from 'vitest'
import { minionOrigin, serviceOrigin, userOrigin } from '../../../src/protocol/origin.ts'
import { untrustedSources } from '../../../src/protocol/trust.ts'
import { type CompiledRule, compileRule, type Facts } from '../../../src/reactor/rules/compile.ts'
import { loadRuleText } from '../../../src/reactor/rules/load.ts'

const OWN = new Set(['rack', 'shelf'])
const DO = 'do: runner.test.arg'

function compiled(text: string): CompiledRule {
  const { rules, problems } = loadRuleText('r.yaml', text, undefined, OWN)
  expect(problems).toEqual([])
  return compileRule(rules[0]!, { facts: OWN })
}
const withKeys = (keys: string) => compiled(`on: a/*\n${keys}\n${DO}`)

const event = (facts: Partial<Facts> = {}): Facts => ({
  tag: 'a/b',
  data: { id: 'web1', n: 1 },
  origin: 'web1',
  stamp: '2026-11-20T09:18:20.838387',
  ...facts,
})

describe('a compiled rule', () => {
  it('has the defaults of a rule that says nothing', () => {
    const { priority, stop, mode, recursion, policy, windowed, stateful, lookups, onFailure } = withKeys('')
    expect({ priority, stop, mode, recursion, policy, windowed, stateful, lookups, onFailure }).toEqual({
      priority: 0,
      stop: false,
      mode: 'live',
      recursion: 0,
      policy: undefined,
      windowed: false,
      stateful: undefined,
      lookups: [],
      onFailure: undefined,
    })
  })

  it('has what a rule says', () => {
    expect(withKeys('priority: 7\nstop: true\nmode: shadow\nrecursion: 2')).toMatchObject({
      priority: 7,
      stop: true,
      mode: 'shadow',
      recursion: 2,
    })
  })

  it.each([
    ['retry: { attempts: 1 }', undefined],
    ['on_unknown: park', undefined],
    [
      'retry: { attempts: 1, backoff: 9s }\non_unknown: retry',
      { attempts: 1, backoff: [9000, 9000], on_unknown: 'retry' },
    ],
    ['lane: slow', undefined],
    ['retry: { attempts: 3, backoff: 1s..1m }', { attempts: 3, backoff: [1000, 60_000] }],
    ['concurrency: 4\nmax_targets: 0\non_unknown: drop', { concurrency: 4, max_targets: 0, on_unknown: 'drop' }],
    ['on_failure: runner.test.arg', { on_failure: true }],
  ])('carries of its policy what is not the default: %s', (keys, policy) => {
    expect(withKeys(keys).policy).toEqual(policy)
  })

  it.each([
    'throttle: { once_within: 1m }',
    'count: { at_least: 2, within: 1m }',
    'absent: { for: 1m }',
    'group: { for: 1m }',
  ])('is windowed with %s', keys => {
    expect(withKeys(keys).windowed).toBe(true)
  })
})

describe('a stateful rule', () => {
  it('tells events apart by its templates', () => {
    const rule = withKeys(
      'count: { at_least: 2, within: 1m, by: "{{ data.id }}/{{ data.n }}" }\nthrottle: { once_within: 1m }',
    )
    expect(rule.stateful!.windowKey(event())).toBe('web1/1')
    expect(rule.stateful!.throttleKey(event())).toBe('')
    const keyed = withKeys('throttle: { once_within: 1m, by: "{{ [origin, data.n] }}" }').stateful!
    expect(keyed.throttleKey(event())).toBe('["web1",1]')
    expect(keyed.windowKey(event())).toBe('')
    expect(() => keyed.throttleKey(event({ data: {} }))).toThrow(expect.objectContaining({ code: 'template' }))
  })

  it('tells what is expected of minions apart by who sends it', () => {
    expect(withKeys('absent: { for: 1m, of: minions }').stateful!.windowKey(event())).toBe('web1')
    expect(withKeys('absent: { for: 1m, of: minions, by: "{{ data.n }}" }').stateful!.windowKey(event())).toBe('1')
    expect(withKeys('absent: { for: 1m }').stateful!.windowKey(event())).toBe('')
  })

  it('of several events says which of them an event is, with their conditions and exclusions', () => {
    const rule = compiled(`
all_of:
  within: 1m
  events:
    - { on: [a/**, "!a/x"], when: { all: [{ fact: data, path: $.n, operator: equal, value: 1 }] } }
    - { on: a/x }
    - { on: "a/*" }
when: { all: [{ fact: origin, operator: equal, value: web1 }] }
${DO}`)
    const steps = (facts: Partial<Facts>) => rule.stateful!.steps(event(facts))
    expect(steps({ tag: 'a/b' })).toEqual([0, 2])
    expect(steps({ tag: 'a/b', data: { n: 2 } })).toEqual([2])
    expect(steps({ tag: 'a/x' })).toEqual([1, 2])
    expect(steps({ tag: 'a/b/c' })).toEqual([0])
    expect(steps({ tag: 'b' })).toEqual([])
    expect(rule.decide(event())).toBe(true)
    expect(rule.decide(event({ origin: 'web2' }))).toBe(false)
  })
})

describe('facts that are looked up', () => {
  it('are those that conditions and templates name, each once', () => {
    const rule = compiled(`
on: a/*
when: { any: [{ fact: rack, params: { of: x }, operator: equal, value: 1 }, { fact: job, operator: equal, value: { fact: rack } }] }
do:
  - runner.test.arg: ["{{ job.fun }}", { deep: ["{% if rack %}{{ origin }}{% endif %}"] }, "{{ range(2) | list }}"]
`)
    expect(rule.lookups).toEqual([{ fact: 'rack', params: { of: 'x' } }, { fact: 'job' }, { fact: 'rack' }])
    expect(rule.mayHold(event())).toBe(true)
    expect(rule.decide(event())).toBe(true)
    expect(rule.decide(event({ own: { 'rack {"of":"x"}': 2 }, job: { fun: 'a' } }))).toBe(false)
  })

  it('fill templates by their names', () => {
    const rule = compiled(
      'on: a/*\ndo:\n  - runner.test.arg: ["{{ job.fun }}", "{{ rack.row }}", "{{ shelf | default(0) }}"]',
    )
    const facts = event({ job: { fun: 'test.ping' }, own: { rack: { row: 3 }, shelf: undefined } })
    expect(rule.render(facts, 0)[0]?.arg).toEqual(['test.ping', 3, 0])
    expect(() => rule.render(event(), 0)).toThrow("rule 'r', do[0] runner.test.arg[0]: job is undefined, in 'job.fun'")
  })

  it('cannot stand in the place of what an event has', () => {
    const rule = compiled('on: a/*\ndo:\n  - runner.test.arg: ["{{ tag }}", "{{ origin }}"]')
    const own = { tag: 'x', origin: 'y', rack: 1 }
    expect(rule.render(event({ own }), 0)[0]?.arg).toEqual(['a/b', 'web1'])
  })

  it('that this reactor does not know keep a rule from being compiled', () => {
    const { rules } = loadRuleText(
      'r.yaml',
      `on: a\nwhen: { all: [{ fact: rack, operator: equal, value: 1 }] }\n${DO}`,
      undefined,
      OWN,
    )
    expect(() => compileRule(rules[0]!)).toThrow(`r.yaml:1: rule 'r': when.all[0].fact: unknown fact "rack".`)
  })
})

describe('on_failure', () => {
  const rule = compiled(`
rule: deploy
on: a/*
priority: 3
retry: { attempts: 2, backoff: 1s }
max_targets: 5
throttle: { once_within: 1m }
mode: shadow
when: { all: [{ fact: tag, operator: equal, value: a/b }] }
do: runner.test.arg
on_failure:
  - runner.test.arg: ["{{ failure.rule }}: {{ failure.reason }}", "{{ failure.attempts }}", "{{ data.n }}", "{{ job.fun }}"]
`)
  const failed = rule.onFailure!

  it('is a rule of its own on the event of the final failure', () => {
    expect(failed.rule).toBe('deploy:on_failure')
    expect(failed.document.on).toEqual(['salt/reactor/failed/deploy'])
    expect(failed.onFailure).toBeUndefined()
  })

  it('is executed as its rule is, and fails for nobody else', () => {
    expect(failed.policy).toEqual({ attempts: 2, backoff: [1000, 1000], max_targets: 5 })
    expect(rule.policy).toEqual({ ...failed.policy, on_failure: true })
    expect(failed).toMatchObject({ priority: 3, stop: false, mode: 'shadow', windowed: false })
  })

  it('renders the failure and the event that it was about', () => {
    const failure = { rule: 'deploy', reason: 'web1: refused', attempts: 2, jids: ['20261120091820837210'] }
    const facts = event({ tag: 'a/c', failure, job: { fun: 'x.y' } })
    expect(failed.decide(facts)).toBe(true)
    expect(failed.lookups).toEqual([{ fact: 'job' }])
    expect(failed.render(facts, 0)[0]?.arg).toEqual(['deploy: web1: refused', 2, 1, 'x.y'])
  })

  it('says where its template failed', () => {
    expect(() => failed.render(event(), 0)).toThrow("rule 'deploy:on_failure', on_failure[0] runner.test.arg[0]")
  })
})

describe('a value that was gathered', () => {
  const minions = { tag: 'a/b', data: { x: 'evil' }, origin: 'web1', stamp: 's' }
  const window = { key: 'evil', count: 2, first: 's', last: 's', events: [minions] }
  const gathered = { window, job: { fun: 'x', arg: ['evil'] }, own: { rack: 'evil' } }
  const render = (rule: CompiledRule, sources: number) => rule.render(event(gathered), sources)[0]?.untrusted
  const group = (value: string) =>
    compiled(`on: a/*\ngroup: { for: 1m }\ndo: { runner.test.arg: ["${value}", "{{ data.n }}"] }`)
  const byAnOperator = untrustedSources(userOrigin('ann'), 'a/b', {})
  const byTheJobWorker = untrustedSources(serviceOrigin('_jobs'), 'salt/run/1/ret', {})
  const byAMinion = untrustedSources(minionOrigin('web1'), 'a/b', {})

  it.each(['{{ window.events[0].data.x }}', '{{ window.key }}', '{{ window }}', '{{ job.arg[0] }}', '{{ rack }}'])(
    '%s is untrusted, whoever fires the event that completes it',
    value => {
      expect(render(group(value), byAnOperator)).toEqual([['arg', 0]])
      expect(render(group(value), byTheJobWorker)).toEqual([
        ['arg', 0],
        ['arg', 1],
      ])
      expect(render(group(value), byAMinion)).toEqual([
        ['arg', 0],
        ['arg', 1],
      ])
    },
  )

  it.each(['{{ window.count }}', '{{ window.first }}', '{{ job.arg[0] | allow_untrusted }}', '{{ rack | length }}'])(
    '%s is not',
    value => {
      expect(render(group(value), byAnOperator)).toBeUndefined()
    },
  )

  it('in a failure is untrusted where others wrote it', () => {
    const text = (value: string) => `on: a/*\n${DO}\non_failure: { runner.test.arg: ["{{ failure.${value} }}"] }`
    const failure = { rule: 'r', reason: 'evil', attempts: 1, jids: [] }
    const untrusted = (value: string) => compiled(text(value)).onFailure!.render(event({ failure }), 0)[0]?.untrusted
    expect(untrusted('reason')).toEqual([['arg', 0]])
    expect(untrusted('rule')).toBeUndefined()
    expect(untrusted('attempts')).toBeUndefined()
  })
})
