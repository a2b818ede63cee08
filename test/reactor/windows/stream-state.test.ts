import { expect, it } from 'vitest'
import { unheardMs } from '../../../src/reactor/windows/stream-state.ts'

const active = (...ms: number[]) => ms.map(one => ({ active: one * 1e6 }))

it.each([
  ['one node alone', [], 0],
  ['three of which one hangs: the other is enough', [9000, 20], 20],
  ['three of which both others hang', [9000, 8000], 8000],
  ['five, of which two others are needed', [5, 9000, 40, 8000], 40],
])('what is stored is settled up to when enough of the others were heard: %s', (_what, others, unheard) => {
  expect(unheardMs(active(...others))).toBe(unheard)
})
