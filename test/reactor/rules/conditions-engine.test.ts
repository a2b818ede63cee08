import type { RuleProperties } from 'json-rules-engine'
import { beforeEach, expect, it, vi } from 'vitest'
import { conditionProblems } from '../../../src/reactor/rules/conditions.ts'
import { loadRuleText } from '../../../src/reactor/rules/load.ts'

const engine = vi.hoisted((): { asked: unknown[]; refusal?: string | undefined } => ({ asked: [] }))
vi.mock(import('json-rules-engine'), async original => {
  const real = await original()
  class Rule extends real.Rule {
    constructor(options: RuleProperties | string) {
      engine.asked.push(structuredClone(options))
      if (engine.refusal !== undefined) throw new Error(engine.refusal)
      super(options)
    }
  }
  return { ...real, Rule }
})
beforeEach(() => {
  engine.asked.length = 0
  engine.refusal = undefined
})

it('shows sound conditions to json-rules-engine, as a copy and under the name of the rule', () => {
  const when = Object.freeze({
    all: [Object.freeze({ fact: 'data', operator: 'equal', value: 1, priority: 2 })],
  })
  expect(conditionProblems(when, 'sound')).toEqual([])
  expect(engine.asked).toEqual([{ conditions: when, event: { type: 'sound' } }])
})

it('does not ask the engine about conditions that are already refused', () => {
  expect(conditionProblems({ all: [5] }, 'bad')).toHaveLength(1)
  expect(engine.asked).toEqual([])
})

it('reports what the engine refuses, in its own words and with the place', () => {
  engine.refusal = '"all" is out of fashion'
  const text = 'on: a\nwhen: { all: [{ fact: tag, operator: equal, value: a }] }\ndo: runner.test.arg'
  expect(loadRuleText('r.yaml', text)).toMatchObject({
    rules: [],
    problems: [{ line: 2, message: 'json-rules-engine refuses these conditions: "all" is out of fashion' }],
  })
})
