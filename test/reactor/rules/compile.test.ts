import { describe, expect, it } from 'vitest'
import { compileRule, type Facts } from '../../../src/reactor/rules/compile.ts'
import { loadRuleText } from '../../../src/reactor/rules/load.ts'
import type { RuleDocument } from '../../../src/reactor/rules/schema.ts'

function rule(text: string): RuleDocument {
  const { rules, problems } = loadRuleText('reactors/r.yaml', text)
  expect(problems).toEqual([])
  return rules[0]!
}
const compiled = (text: string) => compileRule(rule(text))
const actions = (yaml: string, facts: Partial<Facts> = {}) => compiled(`on: a\ndo:\n${yaml}`).render(event(facts), 0)

const event = (facts: Partial<Facts> = {}): Facts => ({
  tag: 'salt/beacon/web1/service/nginx',
  data: { id: 'web1', running: false, n: 3, list: ['a', 'b'], _stamp: '2026-11-20T09:18:20.838387' },
  origin: 'web1',
  stamp: '2026-11-20T09:18:20.838387',
  ...facts,
})

describe('a compiled rule', () => {
  it('decides by its conditions and renders its actions', () => {
    const restart = compiled(`
on: salt/beacon/*/service/nginx
when:
  all:
    - { fact: data, path: $.running, operator: equal, value: false }
do:
  - local.service.restart: { tgt: "{{ data.id }}", args: [nginx] }
  - runner.smtp.send_msg: { profile: ops-mail, subject: "nginx was down on {{ origin }}" }
  - wheel.config.values
`)
    expect(restart.decide(event())).toBe(true)
    expect(restart.decide(event({ data: { running: true } }))).toBe(false)
    expect(restart.render(event(), 0)).toEqual([
      { kind: 'local', fun: 'service.restart', tgt: 'web1', tgt_type: 'glob', arg: ['nginx'], kwarg: {} },
      {
        kind: 'runner',
        fun: 'smtp.send_msg',
        arg: [],
        kwarg: { profile: 'ops-mail', subject: 'nginx was down on web1' },
      },
      { kind: 'wheel', fun: 'config.values', arg: [], kwarg: {} },
    ])
  })

  it('decides yes without conditions', () => {
    expect(compiled('on: a\ndo: runner.test.arg').decide(event())).toBe(true)
  })

  it('compiles alike after a journey as JSON', () => {
    const document = rule('on: a\ndo:\n  - runner.test.arg\n  - runner.test.arg: ["{{ data.n }}"]')
    const there = compileRule(JSON.parse(JSON.stringify(document)))
    expect(there.render(event(), 0)).toEqual(compileRule(document).render(event(), 0))
  })

  it.each([
    ['a list of arguments', '{ tgt: a, args: [1, "{{ data.n }}"] }', { arg: [1, 3], kwarg: {} }],
    ['a map of arguments', '{ tgt: a, args: { x: "{{ data.list }}" } }', { arg: [], kwarg: { x: ['a', 'b'] } }],
    ['both', '{ tgt: a, args: [1], kwargs: { y: 2 } }', { arg: [1], kwarg: { y: 2 } }],
    ["Salt's spelling", '{ tgt: a, arg: [1], kwarg: { y: 2 } }', { arg: [1], kwarg: { y: 2 } }],
    ['a list of ids', '{ tgt: [a, "{{ origin }}"] }', { tgt: ['a', 'web1'], tgt_type: 'list' }],
    [
      'returners',
      '{ tgt: a, ret: "mysql, redis", ret_kwargs: { db: x } }',
      { ret: 'mysql,redis', ret_kwargs: { db: 'x' } },
    ],
    ['a type of target', '{ tgt: "a,b", tgt_type: list }', { tgt: 'a,b', tgt_type: 'list' }],
    ['a target that a template makes a list', '{ tgt: "{{ data.list }}" }', { tgt: ['a', 'b'], tgt_type: 'list' }],
  ])('takes %s for a local function', (_what, params, expected) => {
    expect(actions(`  - local.test.arg: ${params}`)[0]).toMatchObject(expected)
  })

  it.each([
    [
      'named arguments',
      '{ a: "{{ tag }}", b: { c: ["{{ data.n }}"] } }',
      { arg: [], kwarg: { a: event().tag, b: { c: [3] } } },
    ],
    ['positional arguments', '[x, "{{ data._stamp }}"]', { arg: ['x', event().stamp], kwarg: {} }],
    ["Salt's args and kwargs", '{ args: [1], kwargs: { b: 2 } }', { arg: [1], kwarg: { b: 2 } }],
    ['an argument named args beside others', '{ args: [1], other: 2 }', { arg: [], kwarg: { args: [1], other: 2 } }],
    ['nothing', '', { arg: [], kwarg: {} }],
  ])('takes %s for a runner function', (_what, params, expected) => {
    expect(actions(`  - runner.test.arg: ${params}`)[0]).toMatchObject(expected)
  })

  it("gives templates the facts and nothing else, the minion's grains among them", () => {
    const facts = { minion: { os: 'Debian' }, data: { a: 1 }, more: 'hidden' }
    const wanted = '["{{ minion.os }}", "{{ data }}", "{{ stamp }}", "{{ more is defined }}"]'
    expect(actions(`  - runner.test.arg: ${wanted}`, facts)[0]?.arg).toEqual(['Debian', { a: 1 }, event().stamp, false])
  })

  it('fills values only: what event data holds adds no key, no argument, no action', () => {
    const data = { evil: '{{ tag }}', more: { __kwarg__: true }, 'x: y': '\n  - runner.test.fail:' }
    const [one, ...others] = actions(`  - runner.test.arg: { a: "{{ data.evil }}", b: "{{ data['x: y'] }}" }`, { data })
    expect(others).toEqual([])
    expect(one?.kwarg).toEqual({ a: '{{ tag }}', b: '\n  - runner.test.fail:' })
  })

  it.each([
    ['{ tgt: "{{ data.nope }}" }', "rule 'r', do[0] local.test.ping.tgt: data.nope is undefined"],
    [
      '{ tgt: a, args: [{ x: ["{{ data.nope.y }}"] }] }',
      "do[0] local.test.ping.args[0].x[0]: data.nope is undefined, in 'data.nope.y'",
    ],
    ['{ tgt: a, kwargs: { x: "{{ 1 / 0 }}" } }', "do[0] local.test.ping.kwargs.x: division by zero, in '1 / 0'"],
    ['{ tgt: "{{ data.n }}" }', 'a target is text or a list of ids, not empty; the template gave 3'],
    ['{ tgt: "{% if false %}x{% endif %}" }', 'the template gave ""'],
    ['{ tgt: "{{ [] }}" }', 'the template gave []'],
    ['{ tgt: ["{{ data.n }}"] }', 'the template gave [3]'],
  ])('says where a template failed: %s', (params, message) => {
    const render = () => actions(`  - local.test.ping: ${params}`)
    expect(render).toThrow(message)
    expect(render).toThrow(expect.objectContaining({ code: 'template' }))
  })

  const sound: RuleDocument = {
    rule: 'r',
    on: ['a'],
    do: [{ kind: 'runner', fun: 'test.arg', params: null }],
    source: { file: 'f.yaml', line: 1 },
  }
  it.each([
    ['no action', { do: [] }, 'no rule document: do'],
    ['a bad name', { rule: 'a b' }, 'no rule document: rule'],
    ['a bad glob', { on: ['[a'] }, "f.yaml:1: rule 'r': '[a' opens a '['"],
    ['a bad condition', { when: { all: [5] } }, "f.yaml:1: rule 'r': when.all[0]: a condition is a map"],
    [
      'bad parameters',
      { do: [{ kind: 'local' as const, fun: 'test.ping', params: {} }] },
      "do[0] local.test.ping: 'tgt' is missing",
    ],
    ['a bad template', { do: [{ kind: 'runner' as const, fun: 'test.arg', params: ['{{'] }] }, "'{{' is never closed"],
  ])('is refused with %s', (_what, change, message) => {
    expect(() => compileRule({ ...sound, ...change })).toThrow(message)
    expect(() => compileRule({ ...sound, ...change })).toThrow(expect.objectContaining({ code: 'bad_rule' }))
  })
})
