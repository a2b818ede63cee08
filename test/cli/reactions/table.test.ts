import { describe, expect, it } from 'vitest'
import { countsTable, reactionsTable, reactionText } from '../../../src/cli/reactions/table.ts'
import type { ReactionView } from '../../../src/protocol/reaction-view.ts'
import { createPaint } from '../../../src/tail/colour.ts'

const NOW = Date.UTC(2026, 10, 21, 12)
const look = { paint: createPaint(false), columns: undefined }
const view = (more: Partial<ReactionView> = {}): ReactionView => ({
  ...{ key: 'e/r', rule: 'r', event: 'e', tag: 'a/b', state: 'done', at: NOW - 5000 },
  ...more,
})
const cells = (line: string) => line.trim().split(/ {2,}/)

describe('the table of reactions', () => {
  it('tells of each its key, age, state with its attempt, event, and why', () => {
    const lines = reactionsTable(
      [
        view(),
        view({ state: 'retrying', attempt: 2, next: NOW + 30_000, reason: 'no disk' }),
        view({ state: 'retrying', next: NOW - 1, by: 'ada' }),
        view({ state: 'suppressed', reason: 'loop', detail: 'r, s' }),
        view({ key: 'x\u001b[1m/r', state: 'parked', reason: 'a\u0007b' }),
      ],
      NOW,
      look,
    )
    expect(lines.map(cells)).toEqual([
      ['KEY', 'AGE', 'STATE', 'EVENT', 'WHY'],
      ['e/r', '5.0s', 'done', 'a/b'],
      ['e/r', '5.0s', 'retrying #2', 'a/b', 'in 30s, no disk'],
      ['e/r', '5.0s', 'retrying', 'a/b', 'due now, by ada'],
      ['e/r', '5.0s', 'suppressed', 'a/b', 'loop: r → s'],
      ['x\\x1b[1m/r', '5.0s', 'parked', 'a/b', 'a\\x07b'],
    ])
  })

  it('keeps keys whole on a narrow terminal, and shortens what stands beside them', () => {
    const key = 'zqSmUDtkYiBqbQVbtWgJYz/restart-nginx'
    const wordy = view({ key, tag: 'salt/beacon/'.repeat(9), state: 'parked', reason: 'why '.repeat(50) })
    const [, line] = reactionsTable([wordy], NOW, { ...look, columns: 110 })
    expect(line).toContain(key)
    expect(line!.length).toBeLessThanOrEqual(110)
  })
})

describe('one reaction', () => {
  it('is shown with what is known of it, and no more', () => {
    const shown = view({ state: 'parked', attempt: 2, reason: 'no disk' })
    const lines = reactionText(
      {
        ...shown,
        ...{ bundle: 'b', policy: { attempts: 2 }, chain: 'a,b' },
        actions: [{ kind: 'local', fun: 'test.ping', tgt: '*', arg: [1], kwarg: {} }],
        history: [shown, view({ state: 'retrying', jids: ['7'], reason: 'away' })],
        cause: { seq: 1, tag: 'a/b', origin: 'web1', stamp: 's', data: { n: 1 } },
      },
      NOW,
      look,
    )
    const text = lines.join('\n')
    expect(text).toMatch(/^state +parked, attempt 2$/m)
    expect(text).toMatch(/^causes +a → b$/m)
    expect(text).toContain('"n": 1')
    expect(text).toContain('  local.test.ping * 1')
    expect(cells(lines.at(-1)!)).toEqual(['1', 'retrying', expect.any(String), '7', 'away'])
    const bare = reactionText({ ...view(), history: [view()] }, NOW, look)
    expect(bare.map(line => line.split(' ')[0])).toEqual(['key', 'rule', 'state', 'since', 'event'])
    expect(reactionText({ ...view(), actions: null, history: [] }, NOW, look).join()).toContain('could not be rendered')
  })
})

it('counts are told by rule and state, with what was suppressed and the last error', () => {
  const [, line] = countsTable(
    [
      {
        ...{ rule: 'r', states: { done: 1200, parked: 1 }, suppressed: { throttle: 3, loop: 1 } },
        ...{ last_fired: NOW - 1000, last_error: { at: NOW - 60_000, reason: 'no disk' } },
      },
    ],
    NOW,
    look,
  )
  expect(cells(line!)).toEqual([
    'r',
    '1,200',
    '1',
    '3 throttle, 1 loop',
    '1.0s',
    expect.stringMatching(/ago: no disk$/),
  ])
})
