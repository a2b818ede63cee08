import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchSize, createBatch } from '../../src/call/batch.ts'

describe('the size of a batch', () => {
  it.each([
    ['3', 10, 3],
    ['30', 10, 30],
    ['25%', 10, 2],
    ['1%', 10, 1],
    ['100%', 7, 7],
  ])('%s of %i minions is %i', (text, minions, size) => {
    expect(batchSize(text, minions)).toBe(size)
  })

  it.each(['0', '0%', '101%', '-1', '1.5', '', 'x', '%', '5 %'])('%j is none', text => {
    expect(() => batchSize(text, 10)).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})

describe('the window of a batch', () => {
  it('starts a further one for each that ends', () => {
    const batch = createBatch(['a', 'b', 'c', 'd'], 2, 0)
    expect(batch.take(0)).toEqual(['a', 'b'])
    expect(batch.take(0)).toEqual([])
    batch.ended('b', 0)
    expect(batch.take(0)).toEqual(['c'])
    batch.ended('a', 0)
    batch.ended('c', 0)
    expect(batch.take(0)).toEqual(['d'])
    expect(batch.done).toBe(false)
    batch.ended('d', 0)
    expect(batch.done).toBe(true)
  })

  it('keeps the place of one that has ended for the pause', () => {
    const batch = createBatch(['a', 'b', 'c'], 1, 500)
    batch.take(0)
    expect(batch.nextFree(0)).toBeUndefined()
    batch.ended('a', 100)
    expect(batch.take(599)).toEqual([])
    expect(batch.nextFree(599)).toBe(600)
    expect(batch.take(600)).toEqual(['b'])
    batch.ended('b', 700)
    batch.take(1200)
    batch.ended('c', 1300)
    expect([batch.nextFree(1300), batch.done]).toEqual([undefined, true])
  })

  it('starts none once it is stopped, and tells who was not started', () => {
    const batch = createBatch(['a', 'b', 'c'], 1, 0)
    batch.take(0)
    batch.stop()
    expect(batch.done).toBe(false)
    batch.ended('a', 0)
    expect([batch.take(0), batch.left, batch.done]).toEqual([[], ['b', 'c'], true])
  })

  it('counts an end once, and none of one that does not run', () => {
    const batch = createBatch(['a', 'b', 'c'], 2, 100)
    batch.take(0)
    batch.ended('c', 0)
    batch.ended('a', 0)
    batch.ended('a', 0)
    expect(batch.take(100)).toEqual(['c'])
    expect(batch.take(1000)).toEqual([])
  })

  it('never runs more than its size, and starts each once, whoever ends when', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 5 }),
        fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 200, maxLength: 200 }),
        (count, size, waitMs, picks) => {
          const ids = Array.from({ length: count }, (_, i) => `m${i}`)
          const batch = createBatch(ids, size, waitMs)
          const started: string[] = []
          for (let now = 0; !batch.done; now++) {
            started.push(...batch.take(now))
            expect(batch.running.size).toBeLessThanOrEqual(size)
            const running = [...batch.running]
            const pick = running[picks[now % picks.length]! % Math.max(1, running.length)]
            if (pick) batch.ended(pick, now)
            else expect(batch.nextFree(now)).toBeGreaterThan(now)
          }
          expect(started).toEqual(ids)
        },
      ),
    )
  })
})
