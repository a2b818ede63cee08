import { expect, it } from 'vitest'
import { leftOut, planRead } from '../../src/returner/bounded-read.ts'
import { returnOf } from '../contract/returners.ts'

const idsOf = (steps: readonly (readonly { id: string }[])[]) => steps.map(step => step.map(({ id }) => id))

it('reads in the order of ids what there is room for, and what is short in any case', () => {
  const all = [
    { id: 'd', bytes: 3000 },
    { id: 'a', bytes: 6000 },
    { id: 'c', bytes: 100 },
    { id: 'b', bytes: 5000 },
  ]
  const { whole, ends } = planRead(all, { maxBytes: 10_000 })
  expect([idsOf(whole), idsOf(ends)]).toEqual([[['a', 'c', 'd']], [['b']]])
  const nothing = planRead(all, { maxBytes: 0 })
  expect([idsOf(nothing.whole), idsOf(nothing.ends)]).toEqual([[['c']], [['a', 'b', 'd']]])
  expect(planRead([])).toEqual({ whole: [], ends: [] })
})

it('reads in steps of few megabytes and few returns, one that is larger by itself', () => {
  const MiB = 1024 * 1024
  const large = ['a', 'b', 'c', 'd'].map((id, n) => ({ id, bytes: [3, 9, 1, 2][n]! * MiB }))
  expect(idsOf(planRead(large).whole)).toEqual([['a'], ['b'], ['c', 'd']])
  const many = Array.from({ length: 1200 }, (_, n) => ({ id: `m${n}`, bytes: 10 }))
  expect(planRead(many).whole.map(step => step.length)).toEqual([500, 500, 200])
})

const endsOf = (text: string, length: number) => ({
  ...{ id: 'web1', bytes: text.length },
  ...{ head: text.slice(0, length), tail: text.slice(-length) },
})
const jid = '20261120091820838387'

it.each([
  ['a text', 'x'.repeat(500)],
  ['a text that looks like its end', '"retcode":7,"success":true,","success":true}'.repeat(10)],
  ['a map with the same keys', { a: 'x'.repeat(500), retcode: 7, success: true }],
  ['maps in a list', Array(50).fill({ success: true, retcode: 7 })],
])('knows of a return all but its value, which is %s, from the ends of its text', (_what, value) => {
  const one = returnOf(jid, 'web1', { return: value, retcode: -2, success: false, outcome: 'died' })
  const { fun_args: _, return: note, ...rest } = one
  for (const length of [200, 250, 300]) {
    const found = leftOut(jid, endsOf(JSON.stringify(one), length))
    expect(found).toMatchObject(rest)
    expect(found.return).toEqual({ _left_out: expect.stringMatching(/^\d+ bytes: .* than one answer can hold$/) })
  }
})

it.each([
  ['with its value last', JSON.stringify({ retcode: 0, id: 'web1', return: { success: true, a: 'x'.repeat(500) } })],
  ['that is no JSON', `<${'x'.repeat(500)},"success":tru}`],
])('takes one that others wrote %s for failed, and says that it is not known', (_what, text) => {
  expect(leftOut(jid, endsOf(text, 100))).toMatchObject({
    ...{ id: 'web1', jid, success: false },
    return: { _left_out: expect.stringMatching(/whether it succeeded cannot be told without it$/) },
  })
})
