import { expect, it } from 'vitest'
import { createTurns } from '../../src/base/turns.ts'

/** Work that ends when it is told to. */
function piece() {
  let end: () => void = () => undefined
  const ended = new Promise<void>(resolve => {
    end = resolve
  })
  const made = {
    began: false,
    end: () => end(),
    work: () => {
      made.began = true
      return ended
    },
  }
  return made
}
const turn = () => new Promise(resolve => setImmediate(resolve))

it('lets so much begin at once, and the rest in the order of the calls, also where work fails', async () => {
  const turns = createTurns(2)
  const order: number[] = []
  const pieces = Array.from({ length: 5 }, piece)
  const all = pieces.map(({ work }, n) =>
    turns(async () => {
      order.push(n)
      await work()
      if (n === 0) throw new Error('it failed')
    }),
  )
  expect(order).toEqual([0, 1])
  pieces[0]!.end()
  await expect(all[0]).rejects.toThrow('it failed')
  await turn()
  expect(order).toEqual([0, 1, 2])
  for (const { end } of pieces) end()
  await Promise.all(all.slice(1))
  expect(order).toEqual([0, 1, 2, 3, 4])
})

it('does not begin what was given up while it waited, and loses no place by it', async () => {
  const turns = createTurns(1)
  const [first, second, third] = [piece(), piece(), piece()]
  const given = new AbortController()
  const [one, two, three] = [turns(first.work), turns(second.work, given.signal), turns(third.work)]
  given.abort(new Error('nobody waits'))
  await expect(two).rejects.toThrow('nobody waits')
  await expect(turns(second.work, given.signal)).rejects.toThrow('nobody waits')
  first.end()
  await one
  await turn()
  expect([second.began, third.began]).toEqual([false, true])
  third.end()
  await three
  const fourth = piece()
  const four = turns(fourth.work)
  expect(fourth.began).toBe(true)
  fourth.end()
  await four
})
