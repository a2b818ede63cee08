import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadKnown } from '../../../src/reactor/known.ts'
import { compileRule, type Facts } from '../../../src/reactor/rules/compile.ts'
import { loadRuleText } from '../../../src/reactor/rules/load.ts'

const DOCS = join(import.meta.dirname, '../../../docs')
const blocksOf = (page: string) =>
  [...readFileSync(join(DOCS, page), 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)]
    .map(match => match[1]!)
    .filter(block => /^rule:/m.test(block))

const at = { tag: 'salt/job/1/ret/web1', origin: 'web1', stamp: '2026-11-20T09:18:20.838387' }
const data = { id: 'web1', version: '1.4.2', from: '192.0.2.7', job: 'db', fun: 'state.apply', running: false }
const facts: Facts = {
  ...at,
  data,
  minion: { os: 'Debian' },
  window: { key: 'web1', count: 2, first: at.stamp, last: at.stamp, events: [1, 2].map(() => ({ ...at, data })) },
}
const failure = { rule: 'deploy', reason: 'web1: refused', attempts: 5, jids: [] }

describe.each(['rules.md', 'stateful-rules.md'])('the rules of docs/%s', page => {
  it('call functions that there are, with what they take, and render', async () => {
    const { checkAction } = await loadKnown([])
    const blocks = blocksOf(page)
    expect(blocks.length).toBeGreaterThan(2)
    for (const block of blocks) {
      const { rules, problems, warnings } = loadRuleText('example.yaml', block, checkAction)
      expect([...problems, ...warnings]).toEqual([])
      for (const document of rules) {
        const rule = compileRule(document)
        expect(rule.render(facts, 0)).toHaveLength(document.do.length)
        expect(rule.onFailure?.render({ ...facts, failure }, 0)).toEqual(
          document.on_failure &&
            expect.arrayContaining([expect.objectContaining({ fun: document.on_failure[0]!.fun })]),
        )
        if (rule.stateful) expect([rule.stateful.windowKey(facts), rule.stateful.throttleKey(facts)]).toHaveLength(2)
      }
    }
  })

  it('show every key of the language between them', () => {
    const keys =
      'when mode priority stop retry on_failure concurrency lane max_targets throttle count all_of absent group'
    const shown = ['rules.md', 'stateful-rules.md'].flatMap(blocksOf).join('\n')
    expect(keys.split(' ').filter(key => !new RegExp(`^${key}:`, 'm').test(shown))).toEqual([])
  })
})
