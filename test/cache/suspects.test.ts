import { expect, it } from 'vitest'
import { createSuspects } from '../../src/cache/returning/suspects.ts'

const one = (seq: number) => [{ seq, kind: '' }]

it('a record fails by itself only while its store takes others, not while that is down', () => {
  const suspects = createSuspects(Number.POSITIVE_INFINITY, () => 0)
  suspects.failed(one(1), false)
  for (let n = 1; n <= 10; n++) {
    suspects.taken(one(2))
    expect(suspects.failed(one(1), true)).toEqual({ ofStore: true, alone: 0 })
  }
  for (let n = 1; n <= 3; n++) {
    suspects.taken(one(2))
    expect(suspects.failed(one(1), false)).toEqual({ ofStore: false, alone: n })
  }
})
