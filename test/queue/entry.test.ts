import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MOST_ITEM_BYTES, MOST_ITEMS } from '../../src/protocol/queue.ts'
import { checkQueue, entryOf, keyOf, listed } from '../../src/queue/entry.ts'

const refused = (message: string) =>
  expect.objectContaining({ code: 'bad_argument', message: expect.stringContaining(message) })
const thrown = (work: () => unknown): unknown => {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}

describe('an item', () => {
  it('is any JSON but null, and comes back as it went', () => {
    fc.assert(
      fc.property(
        fc.jsonValue().filter(value => value !== null),
        item => {
          const { key, text } = entryOf(item)
          expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(item)))
          expect(text).toMatch(/^[\x20-\x7e]*$/)
          expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/)
          expect(keyOf(JSON.parse(text))).toBe(key)
        },
      ),
    )
    for (const none of [null, undefined]) expect(thrown(() => entryOf(none))).toEqual(refused('null is no item'))
  })

  it('is the same as another that is written in another order, and as no other', () => {
    expect(keyOf({ a: 1, b: { c: 2, d: 3 } })).toBe(keyOf({ b: { d: 3, c: 2 }, a: 1 }))
    const others = ['', '1', 1, true, 'true', {}, [], [[]], { a: 1 }, { a: '1' }, 'a\u0000', 'a']
    expect(new Set(others.map(keyOf)).size).toBe(others.length)
  })

  it('is refused where it is too large or too deep, with what to do', () => {
    expect(thrown(() => entryOf('x'.repeat(MOST_ITEM_BYTES)))).toEqual(refused(`at most ${MOST_ITEM_BYTES}`))
    let deep: unknown = 1
    for (let n = 0; n < 20_000; n++) deep = [deep]
    expect(thrown(() => entryOf(deep))).toEqual(refused('an item cannot be kept'))
    let deeper: unknown = 1
    for (let n = 0; n < 600; n++) deeper = [deeper]
    expect(thrown(() => entryOf(deeper))).toEqual(refused('nested deeper than'))
  })
})

describe('a list', () => {
  it('is several items, and a list in it one', () => {
    expect(listed('a')).toEqual(['a'])
    expect(listed(['a', ['b']])).toEqual(['a', ['b']])
    expect(listed([])).toEqual([])
  })

  it('of a million items is refused, with what to do', () => {
    expect(thrown(() => listed(Array.from({ length: 1_000_000 }, (_, n) => n)))).toEqual(
      refused(`1000000 items are more than one call may name (${MOST_ITEMS})`),
    )
  })
})

it('a name of a queue is short and plain', () => {
  for (const good of ['q', 'my-queue_1', 'A'.repeat(64)]) expect(checkQueue(good)).toBe(good)
  for (const bad of ['', 'a.b', 'a b', '*', '>', 'a/b', 'runner=q', 'é', 'A'.repeat(65), 'a\n'])
    expect(thrown(() => checkQueue(bad))).toEqual(refused('is no name of a queue'))
})
