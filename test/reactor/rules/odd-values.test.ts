import { expect, it } from 'vitest'
import { loadRuleText } from '../../../src/reactor/rules/load.ts'

// Its keys shadow what JavaScript calls on a value to make it text.
const ODD = '{ toString: 1, valueOf: 2 }'

it.each([
  [`rule: ${ODD}`, '\'{"toString":1,"valueOf":2}\' is no rule name'],
  [`mode: ${ODD}`, "'mode' is live, shadow or off"],
  [`lane: ${ODD}`, "'lane' is slow"],
  [`when: { all: [{ fact: ${ODD}, operator: equal, value: 1 }] }`, 'unknown fact'],
  [`when: { all: [{ fact: data, operator: ${ODD}, value: 1 }] }`, 'unknown operator'],
  [`on_failure: { local.test.ping: { tgt: a, tgt_type: ${ODD} } }`, 'unknown tgt_type'],
])('%s is refused like any other value', (line, message) => {
  const { problems } = loadRuleText('r.yaml', `on: a\n${line}\ndo: runner.test.arg`)
  expect(problems.map(problem => problem.message)).toEqual([expect.stringContaining(message)])
})
