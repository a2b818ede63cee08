import { describe, expect, it } from 'vitest'
import { createKnownKeys } from '../../src/jobs/known-keys.ts'

const HOUR = 3_600_000
const START = Date.UTC(2026, 10, 20, 9)

function createKeys(keepHours: number, mostInOne?: number) {
  const clock = { at: START, now: () => clock.at }
  return { clock, keys: createKnownKeys(keepHours * HOUR, clock, mostInOne) }
}

describe('the keys that are known', () => {
  it('are forgotten by the hour, not before they are older than they are kept', () => {
    const { clock, keys } = createKeys(2)
    for (let hour = 0; hour < 10; hour++) {
      clock.at = START + hour * HOUR
      keys.add(`k${hour}`, clock.at)
      expect(keys.has(`k${hour}`)).toBe(true)
      if (hour >= 2) expect(keys.has(`k${hour - 2}`)).toBe(true)
    }
    expect(keys.has('k5')).toBe(false)
    expect(keys.size()).toBe(3)
  })

  it('are of the hour in which they were stored, and of the present one where the store is ahead', () => {
    const { clock, keys } = createKeys(2)
    keys.add('too old', START - 4 * HOUR)
    keys.add('old', START - HOUR)
    keys.add('ahead', START + 50 * HOUR)
    expect(['too old', 'old', 'ahead'].map(keys.has)).toEqual([false, true, true])
    clock.at = START + 3 * HOUR
    keys.add('new', clock.at)
    expect(['old', 'ahead', 'new'].map(keys.has)).toEqual([false, false, true])
  })

  it('may be more in an hour than one set can hold', () => {
    const { keys } = createKeys(2, 3)
    for (let i = 0; i < 20; i++) keys.add(`k${i}`, START)
    expect(Array.from({ length: 20 }, (_, i) => keys.has(`k${i}`))).not.toContain(false)
    expect(keys.size()).toBe(20)
  })
})
