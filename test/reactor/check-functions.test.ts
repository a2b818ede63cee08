import { beforeAll, describe, expect, it } from 'vitest'
import { createActionCheck } from '../../src/reactor/check-functions.ts'
import { loadRuleFunctions } from '../../src/reactor/known.ts'
import { loadRuleText } from '../../src/reactor/rules/load.ts'
import type { ActionCheck } from '../../src/reactor/rules/read-text.ts'

let check: ActionCheck
beforeAll(async () => {
  check = createActionCheck(await loadRuleFunctions([]))
})

const load = (action: string) => loadRuleText('r.yaml', `on: a\ndo:\n  - ${action}\n`, check)
const texts = (found: { line: number; column: number; message: string }[]) =>
  found.map(({ line, column, message }) => `${line}:${column} ${message}`)

describe('an action of a document that does not load', () => {
  const found = (text: string) => loadRuleText('r.yaml', text, check)

  it('is looked up all the same, so that everything is told at once', () => {
    const text = `
on: a
wen: {}
do:
  - runner.smtp.send_mesg: { subject: x }
  - local.tset.ping: { tgt: "*" }
on_failure: runner.test.argg
`
    const { problems, warnings, rules } = found(text)
    expect(rules).toEqual([])
    expect(texts(problems)).toEqual([
      "3:1 unknown key 'wen'. Did you mean 'when'?",
      "5:5 there is no function 'runner.smtp.send_mesg' here. Did you mean 'runner.smtp.send_msg'?",
      "7:13 there is no function 'runner.test.argg' here. Did you mean 'runner.test.arg'?",
    ])
    // They are about rules that load.
    expect(warnings).toEqual([])
  })

  it('is looked up beside one that cannot be read, at its own place', () => {
    const text = 'on: a\ndo:\n  - { a: 1, b: 2 }\n  - runner.test.argg\n  - nothing.at.all\n'
    expect(texts(found(text).problems)).toEqual([
      "3:5 an action is one kind.module.function: arguments; this one has 2 keys: begin each function with its own '-'",
      expect.stringMatching("^5:5 'nothing.at.all' begins with 'nothing'"),
      "4:5 there is no function 'runner.test.argg' here. Did you mean 'runner.test.arg'?",
    ])
  })

  it('is left alone where its own parameters cannot be read: what it lacks is not known', () => {
    const text = 'on: a\ndo:\n  - local.test.sleep: { target: "*" }\n'
    expect(texts(found(text).problems)).toEqual(["3:25 local.test.sleep: unknown key 'target'. Did you mean 'tgt'?"])
  })

  it('is looked up where the name of its rule is taken', () => {
    const text = 'rule: r\non: a\ndo: runner.test.arg\n---\nrule: r\non: a\ndo: runner.test.argg\n'
    expect(texts(found(text).problems)).toEqual([
      "5:7 the rule name 'r' is taken on line 1",
      "7:5 there is no function 'runner.test.argg' here. Did you mean 'runner.test.arg'?",
    ])
  })
})

describe('an action of a rule', () => {
  it.each([
    [
      'runner.event.sendd: { tag: a }',
      "3:5 there is no function 'runner.event.sendd' here. Did you mean 'runner.event.send'?",
    ],
    ['runner.cmd.run: [ls]', "3:5 there is no function 'runner.cmd.run' here. Did you mean 'local.cmd.run'?"],
    [
      'wheel.minions.conected',
      "3:5 there is no function 'wheel.minions.conected' here. Did you mean 'wheel.minions.connected'?",
    ],
    ['runner.event.send: { tag: a, dta: {} }', "3:34 runner.event.send has no argument 'dta'. Did you mean 'data'?"],
    ['runner.test.sleep', "3:5 runner.test.sleep needs the argument 'length'"],
    ['runner.test.sleep: [1, 2]', '3:28 runner.test.sleep takes at most 1 (length), got 2 by position'],
    ['wheel.minions.connected: [1]', '3:31 wheel.minions.connected takes no arguments, got 1 by position'],
    [
      'local.test.sleep: { tgt: "*", args: [1], kwargs: { length: 2 } }',
      "3:56 local.test.sleep gets the argument 'length' twice, by position and by name",
    ],
    ['local.test.sleep: { tgt: "*" }', "3:5 local.test.sleep needs the argument 'length'"],
  ])('%s is a problem', (action, message) => {
    const { problems, warnings, rules } = load(action)
    expect(texts(problems)).toEqual([message])
    expect(warnings).toEqual([])
    expect(rules).toHaveLength(1)
  })

  it.each([
    'runner.test.sleep: ["{{ data.seconds }}"]',
    'runner.test.arg: [1, 2, 3]',
    'runner.test.arg: { any: 1, thing: 2 }',
    'wheel.minions.connected',
    'local.test.sleep: { tgt: "*", args: { length: "{{ data.n }}" } }',
  ])('%s is fine', action => {
    expect(load(action)).toMatchObject({ problems: [], warnings: [] })
  })

  it('that only a minion may know is a warning', () => {
    const { problems, warnings } = load('local.tset.sleep: { tgt: "*" }')
    expect(problems).toEqual([])
    expect(texts(warnings)).toEqual([
      "3:5 there is no function 'local.tset.sleep' here, minions may have it as a module of their own. Did you mean 'local.test.sleep'?",
    ])
  })
})
