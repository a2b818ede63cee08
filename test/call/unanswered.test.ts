import { describe, expect, it } from 'vitest'
import { createStanding } from '../../src/call/standing.ts'
import { clockTime, unanswered } from '../../src/call/unanswered.ts'

const JID = '20261120091820837210'
const LOOKUP = `\n\nreactor run jobs.lookup_jid ${JID}`

const NOON = new Date(2026, 10, 20, 12, 0, 0).getTime()

function endOf(minions: string[], sent: { offline?: string[]; refused?: Record<string, string>; waiting?: string[] }) {
  const answers = { offline: [], refused: {}, waiting: [], ...sent }
  const times = { deadline: NOON + 60_000, run_until: NOON + 120_000 }
  const published = { jid: JID, minions, missing: ['ghost'], ...times, ...answers }
  const standing = createStanding()
  standing.expect(minions, { deadline: times.deadline, runUntil: times.run_until })
  standing.sent(answers)
  return { published, standing }
}

describe('those who gave no return', () => {
  it('are told with the reason, in Salt’s words where it has them', () => {
    const end = endOf(['a', 'b', 'c', 'd'], { offline: ['c'], refused: { b: 'too busy' } })
    end.standing.ended('d', 'failed')
    const found = unanswered(end, JID, NOON)
    expect(found.map(({ id, why, never }) => [id, why, never])).toEqual([
      ['ghost', 'missing', true],
      ['b', 'refused', true],
      ['c', 'offline', true],
      ['a', 'silent', false],
    ])
    expect(found.map(({ text }) => text.split('\n').slice(0, 2).join('|'))).toEqual([
      'Minion did not return. [Unknown minion]',
      'Minion did not take the job: too busy',
      'Minion did not return. [Not connected]|It runs the job if it connects before 12:01:00.',
      expect.stringMatching(/^Minion did not return\. \[No response\]\|The minions may not have all finished running/),
    ])
    for (const { text } of found.slice(2)) expect(text).toContain(LOOKUP)
  })

  it('are told as not connected where they were lost with the job in hand', () => {
    const { published, standing } = endOf(['a', 'b', 'c'], { offline: ['c'] })
    standing.lost(['a', 'c'])
    const found = unanswered({ published, standing }, JID, NOON)
    expect(found.map(({ id, why }) => [id, why])).toEqual([
      ['ghost', 'missing'],
      ['c', 'offline'],
      ['a', 'lost'],
      ['b', 'silent'],
    ])
    expect(found[2]!.text).toMatch(/^Minion did not return\. \[Not connected\]\nIt had taken the job/)
    expect(found[2]!.text).toContain(LOOKUP)
  })

  it('are told apart by whether their time is over', () => {
    const late = NOON + 200_000
    const found = unanswered(endOf(['a', 'b', 'c'], { offline: ['b'], waiting: ['c'] }), JID, late)
    expect(found.slice(1).map(({ id, text }) => [id, text.split('\n')[1]])).toEqual([
      ['b', 'It did not connect before 12:01:00.'],
      ['a', 'The time of the job was over at 12:02:00.'],
      ['c', 'The time of the job was over at 12:02:00.'],
    ])
    const waited = unanswered(endOf(['c'], { waiting: ['c'] }), JID, NOON + 61_000)
    expect(waited[1]!.text).toContain('over at 12:01:00.')
  })

  it('are not known where nobody answered the publish', () => {
    expect(unanswered({ published: undefined, standing: createStanding() }, JID, NOON)).toEqual([])
  })
})

it('a time of another day comes with its date', () => {
  expect(clockTime(NOON, NOON + 1000)).toBe('12:00:00')
  expect(clockTime(NOON, NOON + 86_400_000)).toBe('2026-11-20 12:00:00')
})
