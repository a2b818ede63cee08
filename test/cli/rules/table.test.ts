import { describe, expect, it } from 'vitest'
import { historyTable } from '../../../src/cli/rules/history.ts'
import { ruleFile } from '../../../src/cli/rules/show.ts'
import { headLines, lagText, refusedLines, rulesTable } from '../../../src/cli/rules/table.ts'
import type { RuleShown, RulesView, RuleView } from '../../../src/protocol/rule-view.ts'
import { loadRuleText } from '../../../src/reactor/rules/load.ts'

const NOW = new Date(2026, 10, 21, 12).getTime()
const look = { paint: (_style: unknown, text: string) => text, columns: undefined }
const cells = (line: string) => line.split(/ {2,}/)

describe('the list of rules', () => {
  it('has a head that says which bundle, from where and since when, and how far the reactors are', () => {
    const rule: RuleView = { rule: 'a', mode: 'live', on: ['x'], do: [] }
    const view: RulesView = {
      bundle: 'abc',
      at: NOW - 5000,
      from: { kind: 'push', name: 'deploy-42', by: 'ada' },
      rules: [rule, { ...rule, rule: 'b', mode: 'off', off: { by: 'ada', at: NOW } }],
      lag: { pending: 0, in_hand: 0 },
    }
    expect(headLines(view, NOW)).toEqual([
      'bundle abc from push of deploy-42 by ada, in force since 11:59:55: 2 rules, 1 switched off',
      'the reactors have decided on every event',
    ])
    expect(headLines({ rules: [] }, NOW)).toEqual(['no rules were ever in force'])
  })

  it('says how many events are behind, and how old the oldest is', () => {
    expect(lagText({ pending: 10, in_hand: 2, oldest: NOW - 3_000 }, NOW)).toBe(
      'the reactors are 12 events behind, the oldest stored 3.0s ago',
    )
    expect(lagText({ pending: 0, in_hand: 1 }, NOW)).toBe('the reactors are 1 event behind')
  })

  it('has a line a rule; nothing in it moves the cursor', () => {
    const [head, loud, gone] = rulesTable(
      [
        {
          ...{ rule: 'loud', mode: 'live', on: ['my/*', '!my/own'], do: ['local.service.restart → \u001b[2Jweb*'] },
          counts: {
            ...{ rule: 'loud', states: { done: 3, parked: 1 }, suppressed: { off: 2 }, last_fired: NOW - 60_000 },
            last_error: { at: NOW - 90_000, reason: 'no route\nto host' },
          },
          source: { file: 'sub/r.yaml', line: 4 },
        },
        { rule: 'gone', mode: 'off', off: { by: 'ada', at: 1 }, gone: true, on: [], do: [] },
      ],
      NOW,
      look,
    )
    expect(cells(head!)).toEqual(['RULE', 'MODE', 'ON', 'DO', 'REACTIONS', 'LAST FIRED', 'LAST ERROR', 'FROM'])
    expect(cells(loud!)).toEqual([
      ...['loud', 'live', 'my/* !my/own', 'local.service.restart → \\x1b[2Jweb*', 'done 3, parked 1, off 2'],
      ...['60s ago', '90s ago: no route\\nto host', 'sub/r.yaml:4'],
    ])
    expect(cells(gone!)).toEqual(['gone', 'off by ada (no such rule now)'])
  })
})

describe('files that are refused', () => {
  const problem = { line: 4, column: 1, message: "unknown key 'doo'. Did you mean 'do'?" }

  it('have a line each, with the first problem and what goes on', () => {
    const files = [
      { file: 'mine.yaml', kept: true, problems: [problem] },
      { file: 'new\n.yaml', kept: false, problems: [problem, problem], more: 3 },
    ]
    const paint = look.paint as never
    expect(refusedLines({ rules: [], refused: { folder: '/r', files, more: 1 } }, paint)).toEqual([
      "mine.yaml is refused, and its last good version goes on: 4:1 unknown key 'doo'. Did you mean 'do'?",
      "new\\n.yaml is refused, and none of its rules is in force: 4:1 unknown key 'doo'. Did you mean 'do'? (and 4 more problems)",
      '… and 1 more file',
    ])
    expect(refusedLines({ rules: [] }, paint)).toEqual([])
  })
})

describe('one rule', () => {
  const document = { rule: 'a', on: 'my/*', do: ['runner.test.arg'] }
  const shown: RuleShown = {
    rule: 'a',
    mode: 'off',
    on: ['my/*'],
    do: ['runner.test.arg'],
    bundle: 'abc',
    at: NOW - 5000,
    source: { file: 'r.yaml', line: 1 },
    off: { by: 'ada', at: NOW - 1000, reason: 'loud\ndo: [x]' },
  }

  it('is a rule file, with what is known of it in comments that it cannot leave', async () => {
    const refused = { file: 'r.yaml', kept: true, problems: [{ line: 2, column: 1, message: 'no\nyaml' }] }
    expect((await ruleFile({ ...shown, document, refused }, NOW))[1]).toBe(
      '#            r.yaml is refused, and its last good version goes on: 2:1 no\\nyaml',
    )
    const pending = { waiting: 1, retrying: 2, parked: 3 }
    const lines = await ruleFile({ ...shown, document, pending }, NOW)
    expect(lines.slice(0, 5)).toEqual([
      '# from       r.yaml:1',
      '# bundle     abc, 11:59:55 (5.0s ago)',
      '# mode       off',
      '# off by     ada, 11:59:59 (1.0s ago): loud\\ndo: [x]',
      '# pending    waiting 1, retrying 2, parked 3',
    ])
    const { rules, problems } = loadRuleText('r.yaml', lines.join('\n'))
    expect(problems).toEqual([])
    expect(rules).toMatchObject([{ rule: 'a', on: ['my/*'] }])
  })

  it('that is gone says so', async () => {
    const lines = await ruleFile({ ...shown, on: [], do: [], gone: true }, NOW)
    expect(lines).toContain("#            there is no rule 'a' now; should it come back, it is off")
    expect(lines.every(line => line.startsWith('#'))).toBe(true)
  })
})

it('the history says what came from where, what it changed, and who switched what', () => {
  const by = { by: 'ada', at: NOW - 1000 }
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const [, third, second, first] = historyTable(
    [
      {
        revision: 3,
        hash: 'h2',
        at: NOW - 9000,
        off: 6,
        rules: 7,
        switched: { to: 'off', names, ...by, reason: 'loud' },
      },
      {
        ...{ revision: 2, hash: 'h2', at: NOW - 2000, off: 0, rules: 7 },
        ...{ changes: { added: 2, changed: 1, removed: 0 }, from: { kind: 'folder', name: '/rules' } },
      },
      { revision: 1, hash: 'h1', at: NOW - 86_400_000, off: 0 },
    ],
    NOW,
    look,
  )
  expect(cells(third!)).toEqual(['11:59:59', 'h2', '7', '6', 'disabled a b c d e and 1 more (loud)', 'ada'])
  expect(cells(second!)).toEqual(['11:59:58', 'h2', '7', '+2 ~1 −0', 'folder /rules'])
  expect(cells(first!)).toEqual(['2026-11-20 12:00:00', 'h1'])
})
