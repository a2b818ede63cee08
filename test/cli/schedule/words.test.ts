import { describe, expect, it } from 'vitest'
import { readItemOptions } from '../../../src/cli/schedule/item.ts'
import { comingTable, distance, entriesTable, entryLines } from '../../../src/cli/schedule/table.ts'
import { whatText, whenText } from '../../../src/cli/schedule/words.ts'
import type { EntryView } from '../../../src/protocol/schedule.ts'

const NOW = new Date(2026, 10, 22, 12, 0, 0).getTime()
const LOOK = { paint: (_style: unknown, text: string) => text, columns: undefined } as Parameters<
  typeof entriesTable
>[2]

describe('an entry in words', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ every: '5m', timezone: 'Europe/Berlin' }, 'every 5m'],
    [{ every: 30, splay: 5 }, 'every 30s, splay 5s'],
    [{ hours: 1, minutes: 30, run_on_start: true }, 'every 1h 30m, and on start'],
    [{ cron: '0 4 * * *', timezone: 'Europe/Berlin' }, 'cron 0 4 * * * (Europe/Berlin)'],
    [{ when: ['5:00pm', 'Monday 9:00'], until: '2027-01-01' }, 'at 5:00pm, Monday 9:00, until 2027-01-01'],
    [{ once: '2026-12-24T18:00:00' }, 'once 2026-12-24T18:00:00'],
    [{ run_on_start: true }, 'on start'],
    [
      {
        seconds: 5,
        range: { start: '8:00', end: '9:00', invert: true },
        skip_during_range: { start: '1:00', end: '2:00' },
      },
      'every 5s, not within 8:00–9:00, not within 1:00–2:00',
    ],
  ])('%j: %s', (item, words) => {
    expect(whenText(item)).toBe(words)
  })

  it('says what it runs, and where', () => {
    expect(whatText({ function: 'local.test.ping', tgt: ['a', 'b'] })).toBe('local.test.ping a,b')
  })
})

it('the options of a command line are those of an entry', async () => {
  const words = ['runner.event.send', 'a/b', 'data={x: 1}']
  const options = { cron: '*/5 * * * *', zone: 'UTC', set: ['catch_up=last', 'maxrunning=3'] }
  expect(await readItemOptions(words, options)).toEqual({
    function: 'runner.event.send',
    args: ['a/b'],
    kwargs: { data: { x: 1 } },
    cron: '*/5 * * * *',
    timezone: 'UTC',
    catch_up: 'last',
    maxrunning: 3,
  })
  await expect(readItemOptions([], { set: ['catch_up'] })).rejects.toMatchObject({ code: 'usage' })
})

describe('the tables', () => {
  const view = (more: Partial<EntryView>): EntryView => ({
    name: 'a',
    source: 'config',
    item: { function: 'test.arg', every: '5m' },
    enabled: true,
    zone: 'UTC',
    running: [],
    ...more,
  })

  it('show when each entry runs, last and next, what was skipped and what is refused', () => {
    const lines = entriesTable(
      {
        enabled: true,
        entries: [
          view({
            next: NOW + 300_000,
            ran: { slot: NOW - 60_000, at: NOW - 60_000 },
            skipped: { reason: 'maxrunning', from: NOW - 90_000, to: NOW - 80_000, count: 2, over: true },
          }),
          view({ name: 'b', enabled: false, next: NOW + 5000 }),
        ],
        refused: [{ name: 'c', source: 'config', problem: 'it says no time' }],
      },
      NOW,
      LOOK,
    )
    expect(lines[1]).toMatch(/^a +enabled +test\.arg +every 5m +12:05:00 \(in 5m\) +60s ago +maxrunning x2 80s ago$/)
    expect(lines[2]).toMatch(/^b +disabled +test\.arg +every 5m$/)
    expect(lines[3]).toBe('c is refused: it says no time')
  })

  it('say of an entry that is over that it is, and nothing of one that waits for a start', () => {
    const once = { function: 'test.arg', once: '2020-01-01T00:00:00' }
    const over = view({ item: once, over: true })
    const atStart = view({ name: 'b', item: { function: 'test.arg', run_on_start: true } })
    const lines = entriesTable({ enabled: true, entries: [over, atStart], refused: [] }, NOW, LOOK)
    expect(lines[1]).toMatch(/^a +enabled +test\.arg +once 2020-01-01T00:00:00 +over$/)
    expect(lines[2]).toMatch(/^b +enabled +test\.arg +on start$/)
    expect(entryLines(over, true, NOW, LOOK)).toContainEqual(expect.stringMatching(/^next +never again$/))
    expect(entryLines(atStart, true, NOW, LOOK).join('\n')).not.toContain('next')
  })

  it('show what comes, and what of it will be skipped', () => {
    const coming = [
      { name: 'a', at: NOW + 2000, function: 'test.arg' },
      { name: 'b', at: NOW + 300_000, function: 'local.test.ping', tgt: '*', skipped: 'in_skip_range' },
    ]
    const [, first, second] = comingTable(coming, NOW, LOOK)
    expect(first).toMatch(/^12:00:02 +in 2\.0s +a +test\.arg$/)
    expect(second).toMatch(/^12:05:00 +in 5m +b +local\.test\.ping \* +will be skipped: in_skip_range$/)
    expect([distance(NOW - 2000, NOW), distance(NOW, NOW)]).toEqual(['2.0s ago', 'in 0ms'])
  })
})
