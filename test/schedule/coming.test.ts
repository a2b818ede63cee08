import { expect, it } from 'vitest'
import { createBook } from '../../src/schedule/book.ts'
import { comingSlots } from '../../src/schedule/coming.ts'
import { keptAnew } from '../../src/schedule/timetable.ts'
import { at, entry, iso } from './helpers.ts'

const NOON = at('2026-11-22 12:00')

it('the coming fires of all entries come in their order, and those that will be skipped say why', () => {
  const entries = [
    { ...entry({ minutes: 20, skip_during_range: { start: '12:30', end: '12:50' } }), name: 'a' },
    { ...entry({ cron: '30 * * * *' }), name: 'b' },
    { ...entry({ seconds: 1, enabled: false }), name: 'c' },
    { ...entry({ once: '2026-11-22T12:10:00' }), name: 'd' },
  ]
  const kept = new Map(entries.map(one => [one.name, keptAnew(one, NOON)]))
  const coming = comingSlots(entries, name => kept.get(name), 'master', 6)
  expect(coming.map(({ entry: { name }, due, skipped }) => [name, iso(due)!.slice(11), skipped])).toEqual([
    ['d', '12:10:00', undefined],
    ['a', '12:20:00', undefined],
    ['b', '12:30:00', undefined],
    ['a', '12:40:00', 'in_skip_range'],
    ['a', '13:00:00', undefined],
    ['a', '13:20:00', undefined],
  ])
})

it('a change of one entry reads no other again', () => {
  const read: string[] = []
  const book = createBook(item => void read.push(item.name ?? item.function))
  const given = Object.fromEntries(
    Array.from({ length: 50 }, (_, n) => [`e${n}`, { function: 'test.arg', minutes: 1 }]),
  )
  book.give('config', given)
  const before = book.entries().get('e7')!.entry
  read.splice(0)
  book.change('e3', { enabled: false })
  book.change('new', { item: { function: 'test.arg', seconds: 5 } })
  expect(book.entries().size).toBe(51)
  expect(read).toHaveLength(2)
  expect(book.entries().get('e7')!.entry).toBe(before)
  expect(book.entries().get('e3')!.entry.enabled).toBe(false)
  book.give('config', { ...given, timezone: 'Europe/Berlin' })
  expect(book.entries().get('e7')!.entry).not.toBe(before)
})
