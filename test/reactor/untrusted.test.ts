import { beforeAll, describe, expect, it } from 'vitest'
import type { ReactionAction } from '../../src/protocol/job.ts'
import { minionOrigin, type Origin, serviceOrigin, userOrigin } from '../../src/protocol/origin.ts'
import { untrustedSources } from '../../src/protocol/trust.ts'
import { createActionCheck } from '../../src/reactor/check-functions.ts'
import { loadRuleFunctions } from '../../src/reactor/known.ts'
import { compileRule } from '../../src/reactor/rules/compile.ts'
import { loadRuleFolder, loadRuleText } from '../../src/reactor/rules/load.ts'
import type { ActionCheck } from '../../src/reactor/rules/read-text.ts'

let check: ActionCheck
beforeAll(async () => {
  check = createActionCheck(await loadRuleFunctions([]))
})

const DATA = { id: 'web1', name: 'x', list: ['a', 'b'], n: 1 }

/** The actions of a rule on an event of that origin. */
function render(actions: string, origin: Origin, tag = 'my/tag'): ReactionAction[] {
  const { rules, problems } = loadRuleText('r.yaml', `on: "**"\ndo:\n${actions}`)
  expect(problems).toEqual([])
  const facts = { tag, data: DATA, origin: 'o', stamp: 's', minion: { os: 'Debian' } }
  return compileRule(rules[0]!).render(facts, untrustedSources(origin, tag, DATA))
}
const minion = minionOrigin('web1')

describe('an action says which of its values are untrusted', () => {
  const ACTION = `
  - local.test.arg:
      tgt: ["{{ data.name }}", web2, "{{ data.id }}"]
      args: [fixed, "{{ data.name }}", { deep.key: [1, "{{ data.list }}"] }, "{{ data.id }}", "{{ stamp }}"]
      kwargs: { os: "{{ minion.os }}", of: "{{ tag }}", taken: "{{ data.name | allow_untrusted }}", n: "{{ data.n | int }}" }
`
  it('by their places in it', () => {
    expect(render(ACTION, minion)[0]!.untrusted).toEqual([
      ['tgt', 0],
      ['arg', 1],
      ['arg', 2, 'deep.key', 1],
      ['kwarg', 'os'],
      ['kwarg', 'of'],
    ])
  })

  it('as the origin of the event is', () => {
    expect(render(ACTION, userOrigin('ann'))[0]).not.toHaveProperty('untrusted')
    expect(render(ACTION, serviceOrigin('_jobs'), 'salt/run/1/ret')[0]!.untrusted).toEqual([
      ['tgt', 0],
      ['tgt', 2],
      ['arg', 1],
      ['arg', 2, 'deep.key', 1],
      ['arg', 3],
      ['kwarg', 'os'],
    ])
    expect(render(ACTION, serviceOrigin('_jobs'), 'my/tag')[0]!.untrusted).toContainEqual(['kwarg', 'of'])
  })

  it('and nothing where there are none', () => {
    const plain = '  - local.test.arg: { tgt: "{{ data.id }}", args: [a, "{{ origin }}"] }\n  - runner.test.arg\n'
    for (const action of render(plain, minion)) expect(action).not.toHaveProperty('untrusted')
  })

  it('for each action by itself', () => {
    const both = '  - runner.test.arg: ["{{ data.name }}"]\n  - runner.test.arg: { x: "{{ data.name }}" }\n'
    expect(render(both, minion).map(({ untrusted }) => untrusted)).toEqual([[['arg', 0]], [['kwarg', 'x']]])
  })
})

describe('a rule that accepts keys', () => {
  const ACCEPT = '  - wheel.key.accept: { match: "{{ data[\'id\'] }}" }\n'

  it('may take the id that the master tells', () => {
    expect(render(ACCEPT, serviceOrigin('_master'), 'salt/auth')[0]).not.toHaveProperty('untrusted')
  })

  it('and no other part of what it tells', () => {
    const other = '  - wheel.key.accept: { match: "{{ data.name }}" }\n'
    expect(render(other, serviceOrigin('_master'), 'salt/auth')[0]!.untrusted).toEqual([['kwarg', 'match']])
    expect(render(ACCEPT, serviceOrigin('_jobs'), 'salt/auth')[0]!.untrusted).toEqual([['kwarg', 'match']])
  })
})

describe('the key allow_untrusted', () => {
  it('is said to be a filter', () => {
    const { problems } = loadRuleText('r.yaml', 'on: a\nallow_untrusted: true\ndo: runner.test.arg\n')
    expect(problems.map(({ message }) => message)).toEqual([
      "'allow_untrusted' is a filter, for each value that is meant: {{ data.x | allow_untrusted }}",
    ])
  })
})

const warningsOf = (action: string) => {
  const { problems, warnings } = loadRuleText('r.yaml', `on: a\ndo:\n  - ${action}\n`, check)
  expect(problems).toEqual([])
  return warnings.map(({ line, column, message }) => `${line}:${column} ${message}`)
}

describe('a check of rules warns of a value from the event', () => {
  it.each([
    ['local.cmd.run: { tgt: "*", args: ["restart {{ data.name }}"] }', 'give the command as a list'],
    ['local.cmd.run: { tgt: "*", kwargs: { cmd: "{{ tag }}" } }', 'used as a command'],
    ['local.cmd.run: { tgt: "*", args: [["{{ data.p }}", a]] }', 'the program to run'],
    ['local.cmd.run: { tgt: "*", args: [[a, "--x={{ data.p }}"]] }', "begins with '-'"],
    ['local.cmd.run: { tgt: "*", args: [[sh, -c, "{{ data.p }}"]] }', 'reads its words as commands'],
    ['local.test.ping: { tgt: "{{ data.name }}", tgt_type: compound }', 'a target of type compound'],
    ['local.test.ping: { tgt: "G@os:{{ minion.os }}", tgt_type: compound }', 'a target of type compound'],
    ['local.test.ping: { tgt: "{{ data.name }}*" }', "no minion's id"],
    ['local.test.ping: { tgt: [a, "{{ data.a }},{{ data.b }}"] }', "no minion's id"],
    ['local.own.thing: { tgt: "{{ data.name }}*" }', "no minion's id"],
    ['runner.http.query: { url: "https://{{ data.host }}/" }', 'used as an address'],
    ['runner.smtp.send_msg: { recipient: "{{ data.mail }}" }', 'used as an address'],
    ['runner.event.send: { tag: "salt/{{ data.what }}" }', 'a tag of a service'],
    ['wheel.sys.doc: { prefix: "{{ data.name }}" }', 'an argument of a wheel function'],
  ])('in %s', (action, message) => {
    const said = warningsOf(action).filter(warning => !warning.includes('there is no function'))
    expect(said).toEqual([expect.stringContaining(message)])
    const column = '  - '.length + 1 + action.indexOf(/"[^"]*\{\{[^"]*"/.exec(action)![0])
    expect(said[0]).toMatch(new RegExp(`^3:${column} `))
    expect(said[0]).toContain('| allow_untrusted')
  })

  it.each([
    'local.cmd.run: { tgt: "{{ data.id }}", args: [[systemctl, status, "{{ data.name }}"]] }',
    'local.cmd.run: { tgt: "*", args: ["restart {{ data.name | allow_untrusted }}"] }',
    'local.cmd.run: { tgt: "*", args: ["sleep {{ data.n | int }}"] }',
    'local.cmd.run: { tgt: "*", args: ["hostname {{ data.id }}"] }',
    'local.test.ping: { tgt: "{{ data.name }}" }',
    'local.test.ping: { tgt: "web-{{ data.n }}" }',
    'local.test.ping: { tgt: "{{ data.id }} or G@role:db", tgt_type: compound }',
    'runner.smtp.send_msg: { profile: ops, subject: "{{ data.name }}" }',
    'runner.event.send: { tag: "my/{{ data.what }}", data: { all: "{{ data }}" } }',
    'wheel.sys.doc: { prefix: "{{ data.id }}" }',
  ])('and not in %s', action => {
    expect(warningsOf(action)).toEqual([])
  })
})

it('the rules that ship are free of it', async () => {
  const { problems, warnings, rules } = await loadRuleFolder('reactors', { checkAction: check })
  expect(rules.length).toBeGreaterThan(3)
  expect([...problems, ...warnings]).toEqual([])
})
