import { expect, it } from 'vitest'
import { bundleOf, compareRules, countChanges, encodeRules } from '../../../src/reactor/bundle/content.ts'
import { loadRuleText } from '../../../src/reactor/rules/load.ts'

const rule = (name: string, arg = 1) => `rule: ${name}\non: my/*\ndo:\n  - runner.test.arg: [${arg}]\n`
const rules = (...texts: string[]) => loadRuleText('r.yaml', texts.join('---\n')).rules

it('rules are added, changed and removed by name, told in order', () => {
  const before = rules(rule('b'), rule('a'), rule('gone'), rule('same'))
  const after = rules(rule('same'), rule('z'), rule('b', 2), rule('new'), rule('a', 2))
  const changes = compareRules(before, after)
  expect(changes).toEqual({ added: ['new', 'z'], changed: ['a', 'b'], removed: ['gone'] })
  expect(countChanges(changes)).toEqual({ added: 2, changed: 2, removed: 1 })
})

it('a rule that has only moved is not changed, while the bundle is another', () => {
  const [before, after] = [rules(rule('a'), rule('b')), rules(rule('b'), rule('a'))]
  expect(compareRules(before, after)).toEqual({ added: [], changed: [], removed: [] })
  expect(encodeRules(before).hash).not.toBe(encodeRules(after).hash)
})

it('a bundle tells of those that are off which it has, by their own names alone', () => {
  const mark = { by: 'ada', at: 1 }
  const two = rules(rule('a'), rule('constructor'))
  expect(bundleOf({ hash: 'h', at: 1, off: { a: mark, gone: mark } }, two).off).toEqual(['a'])
  expect(bundleOf({ hash: 'h', at: 1, off: { gone: mark } }, two)).not.toHaveProperty('off')
  expect(bundleOf({ hash: 'h', at: 1 }, two)).not.toHaveProperty('off')
})
