import { describe, expect, it } from 'vitest'
import { createDeadlines } from '../../../src/reactor/windows/deadlines.ts'
import { due, foldOf, START, tell } from './told.ts'

describe('what a rule keeps is bounded in bytes', () => {
  const bounds = { maxKeys: 1000, late: 0, maxBytes: 1_000_000 }

  it('group: the key that was opened first is handed out early', () => {
    const fold = foldOf({ group: { for: 1000 } }, bounds)
    const said = Array.from({ length: 20 }, (_, n) =>
      tell(fold, { now: n, id: `e${n}`, key: `k${n}`, bytes: 100_000 }),
    ).flat()
    expect(said[0]).toBe('fire e0 from e0 @9 x1 [e0]')
    expect(said).toHaveLength(11)
    expect([fold.keys(), fold.dropped()]).toEqual([9, 11])
    expect(due(fold, 5000)).toHaveLength(9)
  })

  it('group: keys that grow make room too', () => {
    const fold = foldOf({ group: { for: 1000 } }, bounds)
    for (let n = 0; n < 8; n++) tell(fold, { now: n, id: `e${n}`, key: `k${n}`, bytes: 100_000 })
    expect(tell(fold, { now: 9, id: 'more', key: 'k7', bytes: 100_000 })).toEqual(['window more'])
    expect(tell(fold, { now: 10, id: 'again', key: 'k6', bytes: 100_000 })).toEqual([
      'window again',
      'fire e0 from e0 @10 x1 [e0]',
    ])
  })

  it('all_of, absent, once_after: the oldest gives way', () => {
    const events = ['one', 'two'].map(name => ({ name, on: [`${name}/*`] }))
    const parts = [
      { all_of: { events, within: 1000 } },
      { absent: { for: 1000 } },
      { throttle: { once_after: 1000 } },
    ].map(part => foldOf(part, bounds))
    for (const fold of parts) {
      for (let n = 0; n < 20; n++) tell(fold, { now: n, key: `k${n}`, throttleBy: `k${n}`, steps: [0], bytes: 100_000 })
      expect(fold.keys()).toBe(9)
      expect(fold.dropped()).toBe(11)
    }
  })

  it('count: by how many times it keeps', () => {
    const fold = foldOf({ count: { at_least: 1000, within: 100_000 } }, { ...bounds, maxBytes: 20_000 })
    for (let n = 0; n < 4000; n++) tell(fold, { now: n, key: `k${n % 4}` })
    expect(fold.dropped()).toBeGreaterThan(0)
    expect(JSON.stringify(fold.save()).length).toBeLessThan(25_000)
  })

  it('holds after it was restored', () => {
    const before = foldOf({ group: { for: 1000 } }, bounds)
    for (let n = 0; n < 9; n++) tell(before, { now: n, key: `k${n}`, bytes: 100_000 })
    const fold = foldOf({ group: { for: 1000 } }, bounds)
    fold.restore(JSON.parse(JSON.stringify(before.save())))
    expect(tell(fold, { now: 10, key: 'new', bytes: 100_000 })[0]).toMatch(/^fire/)
    expect(fold.keys()).toBe(9)
  })

  it('one key that is larger than all of it is kept', () => {
    const fold = foldOf({ absent: { for: 1000 } }, bounds)
    tell(fold, { now: 0, id: 'a', bytes: 2_000_000 })
    expect(due(fold, 1000)).toEqual(['fire a from a @1000 x1'])
  })
})

it('group keeps the data of its latest event once', () => {
  const fold = foldOf({ group: { for: 1000 } })
  tell(fold, { now: 0, id: 'once', throttleBy: 'x'.repeat(1000) })
  expect(JSON.stringify(fold.save()).length).toBeLessThan(1900)
  expect(fold.due(START + 1000)[0]).toMatchObject({ trigger: { data: { n: 'once', throttleBy: 'x'.repeat(1000) } } })
})

it('deadlines of keys that have none any more are let go of', () => {
  let asked = 0
  const at = new Map<string, number>()
  const deadlines = createDeadlines(
    key => {
      asked++
      return at.get(key)
    },
    () => at.size,
  )
  for (let n = 0; n < 100_000; n++) {
    at.set(`k${n}`, 1e6 + n)
    deadlines.set(`k${n}`, 1e6 + n)
    if (n % 10 !== 0) at.delete(`k${n}`)
    if (n >= 100) at.delete(`k${n - 100}`)
  }
  asked = 0
  const taken: string[] = []
  for (let key = deadlines.take(1e9); key !== undefined; key = deadlines.take(1e9)) taken.push(key)
  expect(taken).toEqual(Array.from({ length: 10 }, (_, n) => `k${99_900 + 10 * n}`))
  expect(asked).toBeLessThan(2000)
  expect(deadlines.next()).toBeUndefined()
})

describe('once_within and late events', () => {
  it('lets through what happened longer before than the time, and holds back what happened near it', () => {
    const fold = foldOf({ throttle: { once_within: 1000 } })
    expect(tell(fold, { now: 60_000, id: 'a' })).toEqual(['fire a from a @60000 x1'])
    expect(tell(fold, { now: 60_100, at: 59_100, id: 'near' })).toEqual(['throttle near'])
    expect(tell(fold, { now: 60_100, at: 10_000, id: 'late' })).toEqual(['fire late from late @10000 x1'])
    expect(tell(fold, { now: 60_200, at: 10_900, id: 'late2' })).toEqual(['throttle late2'])
    expect(tell(fold, { now: 60_300, id: 'b' })).toEqual(['throttle b'])
  })
})
