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
