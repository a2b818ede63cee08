import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changeParts, idParts } from '../../src/fleet/presence-parts.ts'

const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value))

describe('ids in parts', () => {
  it('are all there, in their order, and each part fits', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 20 })), fc.integer({ min: 200, max: 400 }), (ids, max) => {
        const parts = idParts(ids, max)
        expect(parts.flat()).toEqual(ids)
        for (const part of parts) expect(bytes(part)).toBeLessThanOrEqual(max + 2)
        if (ids.length > 0) expect(parts.every(part => part.length > 0)).toBe(true)
      }),
    )
  })

  it('of a change are one event where they fit, and else those that went before those that came', () => {
    expect(changeParts({ new: ['a'], lost: ['b'] }, 100)).toEqual([{ new: ['a'], lost: ['b'] }])
    expect(changeParts({ new: ['a', 'b'], lost: ['c', 'd'] }, 8)).toEqual([
      { new: [], lost: ['c', 'd'] },
      { new: ['a', 'b'], lost: [] },
    ])
    expect(changeParts({ new: ['a', 'b', 'c'], lost: [] }, 8)).toEqual([
      { new: ['a', 'b'], lost: [] },
      { new: ['c'], lost: [] },
    ])
  })
})
