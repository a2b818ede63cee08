import { describe, expect, it } from 'vitest'
import { createKnownKeys } from '../../src/jobs/known-keys.ts'

const HOUR = 3_600_000
const START = Date.UTC(2026, 10, 20, 9)

function createKeys(keepHours: number, { most = 1e6, slots = 1024 } = {}) {
  const clock = { at: START, now: () => clock.at }
  const forgot: number[] = []
  const keys = createKnownKeys(keepHours * HOUR, clock, { most, slots, onForgot: until => forgot.push(until) })
  return { clock, keys, forgot }
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

  it('may be more in an hour than one table holds', () => {
    const { keys } = createKeys(2, { slots: 4 })
    for (let i = 0; i < 200; i++) keys.add(`k${i}`, START)
    expect(Array.from({ length: 200 }, (_, i) => keys.has(`k${i}`))).not.toContain(false)
    expect(keys.has('k200')).toBe(false)
    expect(keys.size()).toBe(200)
  })

  it('are the newest where there are more than are held, and it is told until when they are forgotten', () => {
    const { clock, keys, forgot } = createKeys(8, { most: 1000 })
    for (let hour = 0; hour < 5; hour++) {
      clock.at = START + hour * HOUR
      for (let i = 0; i < 300; i++) keys.add(`${hour}/${i}`, clock.at)
    }
    expect(keys.size()).toBe(900)
    expect(forgot).toEqual([START + HOUR, START + 2 * HOUR])
    expect([0, 1, 2, 3, 4].map(hour => keys.has(`${hour}/0`))).toEqual([false, false, true, true, true])
  })

  it('count once that were added twice', () => {
    const { keys } = createKeys(2)
    for (let i = 0; i < 3; i++) keys.add('same', START)
    expect(keys.size()).toBe(1)
  })

  it('take no place on the heap, and at most 32 bytes each', () => {
    const { keys } = createKeys(2, { slots: 2 ** 16 })
    const before = process.memoryUsage()
    for (let i = 0; i < 400_000; i++) keys.add(`zqSmUDtkYiBqbQVbtWgJYz${i}/rule-${i % 50}`, START)
    const after = process.memoryUsage()
    expect(keys.size()).toBe(400_000)
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(400_000 * 32)
  })
})
