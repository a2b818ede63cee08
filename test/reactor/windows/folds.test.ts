import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MOST_KEPT } from '../../../src/reactor/windows/group.ts'
import { definitionOf } from '../../../src/reactor/windows/rule-fold.ts'
import { BOUNDS, documentOf, due, foldOf, type Part, START, tell, words } from './told.ts'

const minutes = (n: number) => n * 60_000

describe('throttle: once_within', () => {
  const within = (bounds = BOUNDS) => foldOf({ throttle: { once_within: 1000 } }, bounds)

  it('lets the first through, and holds back what comes within the time of it', () => {
    const fold = within()
    expect(tell(fold, { now: 0, id: 'a' })).toEqual(['fire a from a @0 x1'])
    expect(tell(fold, { now: 999, id: 'b' })).toEqual(['throttle b'])
    expect(tell(fold, { now: 1000, id: 'c' })).toEqual(['fire c from c @1000 x1'])
  })

  it('counts from the firing, not from what was held back', () => {
    const fold = within()
    tell(fold, { now: 0 })
    tell(fold, { now: 900 })
    expect(tell(fold, { now: 1100, id: 'c' })).toEqual(['fire c from c @1100 x1'])
  })

  it('tells keys apart', () => {
    const fold = within()
    expect(tell(fold, { now: 0, id: 'a', throttleBy: 'x' })).toEqual(['fire a from a @0 x1'])
    expect(tell(fold, { now: 1, id: 'b', throttleBy: 'y' })).toEqual(['fire b from b @1 x1'])
    expect(tell(fold, { now: 2, id: 'c', throttleBy: 'x' })).toEqual(['throttle c'])
  })

  it('takes the time at which events happened: a late one that happened before the time was over is held back', () => {
    const fold = within()
    tell(fold, { now: 0 })
    expect(tell(fold, { now: 5000, at: 500, id: 'b' })).toEqual(['throttle b'])
    expect(tell(fold, { now: 5001, id: 'c' })).toEqual(['fire c from c @5001 x1'])
  })

  it('forgets the key that fired longest ago where there are too many, and says how many', () => {
    const fold = within({ maxKeys: 2, late: 0 })
    for (const [now, throttleBy] of ['x', 'y', 'z'].entries()) tell(fold, { now, throttleBy })
    expect(fold.dropped()).toBe(1)
    expect(tell(fold, { now: 3, id: 'again', throttleBy: 'x' })).toEqual(['fire again from again @3 x1'])
    expect(tell(fold, { now: 4, id: 'held', throttleBy: 'z' })).toEqual(['throttle held'])
    expect(fold.keys()).toBe(2)
  })

  it('keeps no key that holds nothing back any more', () => {
    const fold = within({ maxKeys: 1000, late: 0 })
    for (let n = 0; n < 100; n++) tell(fold, { now: n, throttleBy: `k${n}` })
    expect(fold.keys()).toBe(100)
    tell(fold, { now: 1_050 })
    expect(fold.keys()).toBe(50)
  })
})

describe('throttle: once_after', () => {
  const waiting = (bounds = BOUNDS) => foldOf({ throttle: { once_after: 1000 } }, bounds)

  it('waits from the first on, and then fires once with the latest facts, named by the first', () => {
    const fold = waiting()
    expect(tell(fold, { now: 0, id: 'a' })).toEqual([])
    expect(tell(fold, { now: 400, id: 'b' })).toEqual(['throttle b'])
    expect(fold.next()).toBe(START + 1000)
    expect(due(fold, 999)).toEqual([])
    expect(due(fold, 1000)).toEqual(['fire b from a @1000 x2'])
    expect(fold.next()).toBeUndefined()
    expect(tell(fold, { now: 1500, id: 'c' })).toEqual([])
    expect(due(fold, 9999)).toEqual(['fire c from c @2500 x1'])
  })

  it('fires what is due before the event that is stored later', () => {
    const fold = waiting()
    tell(fold, { now: 0, id: 'a' })
    expect(tell(fold, { now: 1000, id: 'b' })).toEqual(['fire a from a @1000 x1'])
    expect(due(fold, 2000)).toEqual(['fire b from b @2000 x1'])
  })

  it('waits for late events together from when they come', () => {
    const fold = waiting()
    for (const [n, id] of ['a', 'b', 'c'].entries()) tell(fold, { now: 50_000 + n, at: 10_000 + 2000 * n, id })
    expect(due(fold, 60_000)).toEqual(['fire c from a @51000 x3'])
  })

  it('ends the oldest wait early where there are too many keys: nothing is lost with it', () => {
    const fold = waiting({ maxKeys: 1, late: 0 })
    tell(fold, { now: 0, id: 'a', throttleBy: 'x' })
    expect(tell(fold, { now: 10, id: 'b', throttleBy: 'y' })).toEqual(['fire a from a @10 x1'])
    expect(fold.dropped()).toBe(1)
  })
})

describe('count', () => {
  const three = (bounds = BOUNDS) => foldOf({ count: { at_least: 3, within: 1000 } }, bounds)

  it('fires at the event that makes it so many within the time, and counts anew', () => {
    const fold = three()
    expect(tell(fold, { now: 0, id: 'a' })).toEqual(['window a'])
    expect(tell(fold, { now: 500, id: 'b' })).toEqual(['window b'])
    expect(tell(fold, { now: 1000, id: 'c' })).toEqual(['fire c from c @1000 x3'])
    expect(tell(fold, { now: 1001, id: 'd' })).toEqual(['window d'])
    expect(tell(fold, { now: 1002, id: 'e' })).toEqual(['window e'])
    expect(tell(fold, { now: 1003, id: 'f' })).toEqual(['fire f from f @1003 x3'])
  })

  it('does not count what is too long ago', () => {
    const fold = three()
    tell(fold, { now: 0 })
    tell(fold, { now: 600 })
    expect(tell(fold, { now: 1001, id: 'c' })).toEqual(['window c'])
    expect(tell(fold, { now: 1600, id: 'd' })).toEqual(['fire d from d @1600 x3'])
  })

  it('counts a late event where it happened', () => {
    const fold = three()
    tell(fold, { now: 0 })
    tell(fold, { now: 1500 })
    expect(tell(fold, { now: 3000, at: 900, id: 'late' })).toEqual(['window late'])
    const other = three()
    tell(other, { now: 0 })
    tell(other, { now: 1000 })
    expect(tell(other, { now: 9000, at: 500, id: 'late' })).toEqual(['fire late from late @500 x3'])
  })

  it('says when the first and the last of them happened', () => {
    const fold = three()
    tell(fold, { now: 0 })
    tell(fold, { now: 250 })
    const event = { id: 'c', tag: 't', origin: '_jobs', seq: 3, storedMs: START + 700, hops: 0 }
    const trigger = { event, data: {}, stamp: '', sources: 0 }
    const at = START + 700.25
    const [fired] = fold.event({ trigger, key: '', at, now: START + 701, bytes: 1, steps: [], until: false })
    expect(fired).toMatchObject({
      window: { key: '', count: 3, first: '2026-11-20T09:00:00.000000', last: '2026-11-20T09:00:00.700250' },
    })
  })

  it('forgets the key that was silent longest, and keeps none that says nothing any more', () => {
    const fold = three({ maxKeys: 2, late: 0 })
    tell(fold, { now: 0, key: 'x' })
    tell(fold, { now: 1, key: 'y' })
    tell(fold, { now: 2, key: 'x' })
    tell(fold, { now: 3, key: 'z' })
    expect(tell(fold, { now: 4, key: 'x', id: 'third' })).toEqual(['fire third from third @4 x3'])
    expect(fold.dropped()).toBe(1)
    tell(fold, { now: 5000, key: 'w' })
    expect(fold.keys()).toBe(1)
  })
})

describe('all_of', () => {
  const ofThree = (in_order = false, bounds = BOUNDS) => {
    const events = ['one', 'two', 'three'].map(name => ({ name, on: [`${name}/*`] }))
    return foldOf({ all_of: { events, within: 1000, ...(in_order ? { in_order: true as const } : {}) } }, bounds)
  }

  it('fires at the last of them, with one of each in the order of the list', () => {
    const fold = ofThree()
    expect(tell(fold, { now: 0, id: 'c', steps: [2] })).toEqual(['window c'])
    expect(tell(fold, { now: 10, id: 'a', steps: [0] })).toEqual(['window a'])
    expect(tell(fold, { now: 20, id: 'a2', steps: [0] })).toEqual(['window a2'])
    expect(tell(fold, { now: 30, id: 'b', steps: [1] })).toEqual(['fire b from b @30 x3 [a2 b c]'])
    expect(tell(fold, { now: 40, id: 'b2', steps: [1] })).toEqual(['window b2'])
  })

  it('takes those that lie within the time, of one key', () => {
    const fold = ofThree()
    tell(fold, { now: 0, steps: [0], key: 'k' })
    tell(fold, { now: 500, steps: [1], key: 'other' })
    tell(fold, { now: 600, steps: [1], key: 'k' })
    expect(tell(fold, { now: 1001, id: 'c', steps: [2], key: 'k' })).toEqual(['window c'])
    expect(tell(fold, { now: 1002, id: 'a', steps: [0], key: 'k' })[0]).toMatch(/^fire a from a @1002 x3/)
  })

  it('has an event stand for one place, and finds the places where several would do', () => {
    const fold = ofThree()
    expect(tell(fold, { now: 0, id: 'ab', steps: [0, 1] })).toEqual(['window ab'])
    expect(tell(fold, { now: 1, id: 'c', steps: [2] })).toEqual(['window c'])
    expect(tell(fold, { now: 2, id: 'a', steps: [0] })).toEqual(['fire a from a @2 x3 [a ab c]'])
  })

  it('in_order: fires where they happened in the order of the list, whatever the order in which they came', () => {
    const fold = ofThree(true)
    tell(fold, { now: 0, id: 'b0', steps: [1] })
    tell(fold, { now: 10, id: 'a', steps: [0] })
    expect(tell(fold, { now: 20, id: 'c0', steps: [2] })).toEqual(['window c0'])
    expect(tell(fold, { now: 30, id: 'c', steps: [2] })).toEqual(['window c'])
    expect(tell(fold, { now: 40, at: 25, id: 'b', steps: [1] })).toEqual(['fire b from b @25 x3 [a b c]'])
  })

  it('in_order: is not kept from it by many that came in between', () => {
    const fold = ofThree(true)
    tell(fold, { now: 0, id: 'a', steps: [0] })
    tell(fold, { now: 1, id: 'b', steps: [1] })
    for (let n = 2; n < 200; n++) tell(fold, { now: n, steps: [0] })
    expect(tell(fold, { now: 300, id: 'c', steps: [2] })).toEqual(['fire c from c @300 x3 [a b c]'])
  })

  it('has nothing to do with an event that is none of them', () => {
    expect(tell(ofThree(), { now: 0, steps: [] })).toEqual([])
  })

  it('forgets the key that was silent longest', () => {
    const fold = ofThree(false, { maxKeys: 1, late: 0 })
    tell(fold, { now: 0, key: 'x', steps: [0] })
    tell(fold, { now: 1, key: 'y', steps: [0] })
    tell(fold, { now: 2, key: 'y', steps: [1] })
    expect(fold.dropped()).toBe(1)
    expect(tell(fold, { now: 3, key: 'y', steps: [2] })[0]).toMatch(/^fire/)
  })
})

describe('absent', () => {
  it('without until: fires once after the last of a key, and again only after another came', () => {
    const fold = foldOf({ absent: { for: 1000 } })
    expect(tell(fold, { now: 0, id: 'a', key: 'k' })).toEqual([])
    expect(tell(fold, { now: 800, id: 'b', key: 'k' })).toEqual(['window a'])
    expect(due(fold, 1799)).toEqual([])
    expect(due(fold, 1800)).toEqual(['fire b from b @1800 x2'])
    expect(due(fold, minutes(60))).toEqual([])
    expect(tell(fold, { now: minutes(60), id: 'c', key: 'k' })).toEqual([])
    expect(due(fold, minutes(61))).toEqual([`fire c from c @${minutes(60) + 1000} x1`])
  })

  it('without until: is not put off by one that happened before the last', () => {
    const fold = foldOf({ absent: { for: 1000 } })
    tell(fold, { now: 500, id: 'a' })
    expect(tell(fold, { now: 900, at: 100, id: 'late' })).toEqual(['window late'])
    expect(due(fold, 1500)).toEqual(['fire a from a @1500 x1'])
  })

  it('with until: the first opens the wait, what was expected ends it, and nothing fires', () => {
    const fold = foldOf({ absent: { for: 1000, until: ['b/*'] } })
    expect(tell(fold, { now: 0, id: 'a', key: 'k' })).toEqual([])
    expect(tell(fold, { now: 500, id: 'a2', key: 'k' })).toEqual(['window a2'])
    expect(tell(fold, { now: 900, id: 'other', key: 'x', until: true })).toEqual(['window other'])
    expect(tell(fold, { now: 999, id: 'b', key: 'k', until: true })).toEqual(['window a', 'window b'])
    expect(due(fold, minutes(1))).toEqual([])
  })

  it('with until: fires for the first of them, with the facts of the last', () => {
    const fold = foldOf({ absent: { for: 1000, until: ['b/*'] } })
    tell(fold, { now: 0, id: 'a' })
    tell(fold, { now: 500, id: 'a2' })
    expect(due(fold, 1000)).toEqual(['fire a2 from a @1000 x2'])
    expect(tell(fold, { now: 1100, id: 'b', until: true })).toEqual(['window b'])
  })

  it('of minions: fires for one of which nothing came since it was seen, under a key that no event can have', () => {
    const fold = foldOf({ absent: { for: 1000, of: 'minions' } })
    const seen = (now: number, ...ids: string[]) => words(fold.expect!(new Set(ids), START + now) ?? [])
    expect(seen(0, 'web1', 'web2')).toEqual([])
    tell(fold, { now: 500, id: 'a', key: 'web1' })
    expect(tell(fold, { now: 501, id: 'u', key: 'unknown' })).toEqual(['window u'])
    const id = `seq-absent.r.web2.${START}`
    expect(due(fold, 1000)).toEqual([`fire ${id} from ${id} @1000 x0`])
    expect(due(fold, 1500)).toEqual(['fire a from a @1500 x1'])
    // Again only after it was heard of.
    expect(due(fold, minutes(9))).toEqual([])
    tell(fold, { now: minutes(9), id: 'b', key: 'web2' })
    expect(seen(minutes(9) + 1, 'web1')).toEqual(['window b'])
    expect(due(fold, minutes(20))).toEqual([])
    expect(fold.keys()).toBe(1)
  })

  it('of minions: expects it of a minion that comes back, and of no more than there is room for', () => {
    const fold = foldOf({ absent: { for: 1000, of: 'minions' } }, { maxKeys: 2, late: 0 })
    const seen = (now: number, ...ids: string[]) => fold.expect!(new Set(ids), START + now)
    seen(0, 'a', 'b', 'c')
    seen(1, 'a', 'b', 'c')
    expect([fold.keys(), fold.dropped()]).toEqual([2, 1])
    expect(seen(2, 'a', 'b', 'c')).toBeUndefined()
    seen(10, 'b', 'c')
    expect(due(fold, 1000)).toEqual([expect.stringContaining(`seq-absent.r.b.${START} @1000`)])
    expect(fold.keys()).toBe(2)
  })

  it('lets go of the key that was silent longest where there are too many, and records what opened it', () => {
    const fold = foldOf({ absent: { for: 1000 } }, { maxKeys: 1, late: 0 })
    tell(fold, { now: 0, id: 'a', key: 'x' })
    expect(tell(fold, { now: 1, id: 'b', key: 'y' })).toEqual(['window a'])
    expect(due(fold, 5000)).toEqual(['fire b from b @1001 x1'])
  })

  it('keeps the deadlines of many keys apart, moved or not', () => {
    const fold = foldOf({ absent: { for: 1000 } })
    for (let n = 0; n < 50; n++) tell(fold, { now: n, key: `k${n}`, id: `first${n}` })
    for (let n = 0; n < 50; n += 2) tell(fold, { now: 100 + n, key: `k${n}`, id: `second${n}` })
    const fired = due(fold, 5000)
    expect(fired).toHaveLength(50)
    expect(fired[0]).toBe('fire first1 from first1 @1001 x1')
    expect(fired.at(-1)).toBe('fire second48 from second48 @1148 x2')
  })
})

describe('group', () => {
  it('collects from the first on, then fires once with the list, named by the first', () => {
    const fold = foldOf({ group: { for: 1000 } })
    expect(tell(fold, { now: 0, id: 'a' })).toEqual([])
    expect(tell(fold, { now: 999, id: 'b' })).toEqual(['window b'])
    expect(tell(fold, { now: 1000, id: 'c' })).toEqual(['fire b from a @1000 x2 [a b]'])
    expect(due(fold, 2000)).toEqual(['fire c from c @2000 x1 [c]'])
  })

  it('fires as soon as there are most', () => {
    const fold = foldOf({ group: { for: 1000, most: 2 } })
    tell(fold, { now: 0, id: 'a' })
    expect(tell(fold, { now: 1, id: 'b' })).toEqual(['window b', 'fire b from a @1 x2 [a b]'])
    expect(fold.next()).toBeUndefined()
  })

  it('counts all and keeps the latest, by number and by bytes', () => {
    const many = foldOf({ group: { for: 1000 } })
    for (let n = 0; n < MOST_KEPT + 20; n++) tell(many, { now: 0, id: `e${n}`, bytes: 1 })
    const [fired] = many.due(START + 1000)
    expect(fired).toMatchObject({ window: { count: MOST_KEPT + 20 } })
    expect(fired!.do === 'fire' && fired!.window.events.map(({ data }) => data.n)).toHaveLength(MOST_KEPT)
    const large = foldOf({ group: { for: 1000 } })
    for (let n = 0; n < 5; n++) tell(large, { now: 0, id: `e${n}`, bytes: 100_000 })
    expect(due(large, 1000)).toEqual(['fire e4 from e0 @1000 x5 [e3 e4]'])
  })

  it('hands the oldest out early where there are too many keys', () => {
    const fold = foldOf({ group: { for: 1000 } }, { maxKeys: 1, late: 0 })
    tell(fold, { now: 0, id: 'a', key: 'x' })
    expect(tell(fold, { now: 5, id: 'b', key: 'y' })).toEqual(['fire a from a @5 x1 [a]'])
    expect(fold.dropped()).toBe(1)
  })
})

describe('throttle behind a window', () => {
  it('holds back what the window gives', () => {
    const fold = foldOf({ count: { at_least: 2, within: 1000 }, throttle: { once_within: 5000 } })
    tell(fold, { now: 0 })
    expect(tell(fold, { now: 1, id: 'b' })).toEqual(['fire b from b @1 x2'])
    tell(fold, { now: 2 })
    expect(tell(fold, { now: 3, id: 'd' })).toEqual(['throttle d'])
  })

  it('waits with it, and fires with the last that the window gave', () => {
    const fold = foldOf({ group: { for: 1000 }, throttle: { once_after: 3000 } })
    tell(fold, { now: 0, id: 'a' })
    tell(fold, { now: 2000, id: 'b' })
    expect(due(fold, 10_000)).toEqual(['throttle b', 'fire b from a @4000 x1 [b]'])
  })

  it('takes the time of the window, however late it is told of it', () => {
    const told = (steps: number[]) => {
      const fold = foldOf({ group: { for: 1000 }, throttle: { once_after: 500 } })
      tell(fold, { now: 0, id: 'a' })
      return steps.flatMap(now => due(fold, now))
    }
    expect(told([1000, 1500])).toEqual(['fire a from a @1500 x1 [a]'])
    expect(told([99_000])).toEqual(told([1000, 1500]))
  })
})

describe('the definition of a rule', () => {
  it('is another where its tags, its conditions or its window are, and not where its actions are', () => {
    const document = documentOf({ count: { at_least: 2, within: 1000 } })
    const same = definitionOf({ ...document, do: [{ kind: 'runner', fun: 'test.ping', params: [] }], priority: 5 })
    expect(same).toBe(definitionOf(document))
    const others = [
      definitionOf({ ...document, on: ['b/*'] }),
      definitionOf({ ...document, when: { all: [] } }),
      definitionOf({ ...document, count: { at_least: 3, within: 1000 } }),
      definitionOf({ ...document, throttle: { once_within: 5 } }),
    ]
    expect(new Set([definitionOf(document), ...others]).size).toBe(5)
  })
})

const PARTS: Record<string, Part> = {
  once_within: { throttle: { once_within: 700 } },
  once_after: { throttle: { once_after: 700 } },
  count: { count: { at_least: 3, within: 900 } },
  'count with throttle': { count: { at_least: 2, within: 900 }, throttle: { once_after: 400 } },
  all_of: { all_of: { events: [1, 2, 3].map(n => ({ name: `n${n}`, on: [`${n}`] })), within: 900 } },
  'all_of in order': {
    all_of: { events: [1, 2, 3].map(n => ({ name: `n${n}`, on: [`${n}`] })), within: 900, in_order: true },
  },
  absent: { absent: { for: 500 } },
  'absent until': { absent: { for: 500, until: ['b/*'] } },
  'group with throttle': { group: { for: 500, most: 4 }, throttle: { once_within: 800 } },
}

const events = fc.array(
  fc.record({
    wait: fc.nat(400),
    before: fc.nat(1500),
    key: fc.constantFrom('x', 'y', 'z'),
    steps: fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 2 }),
    until: fc.boolean(),
    throttleBy: fc.constantFrom('p', 'q'),
  }),
  { maxLength: 60 },
)

describe.each(Object.entries(PARTS))('any %s', (_name, part) => {
  const bounds = { maxKeys: 2, late: 1000 }
  const play = (given: readonly (typeof events extends fc.Arbitrary<(infer E)[]> ? E : never)[]) => {
    let now = 0
    return given.map(({ wait, before, ...rest }, index) => {
      now += wait
      return { ...rest, now, at: Math.max(now - Math.min(before, bounds.late), 0), id: `e${index}` }
    })
  }

  it('says the same where it is saved and restored at any point', () => {
    fc.assert(
      fc.property(events, fc.nat(60), (given, split) => {
        const told = play(given)
        const whole = foldOf(part, bounds)
        const expected = [...told.flatMap(one => tell(whole, one)), ...due(whole, 1e7)]
        let fold = foldOf(part, bounds)
        const said = told.flatMap((one, index) => {
          if (index === split) {
            const saved = JSON.parse(JSON.stringify(fold.save()))
            fold = foldOf(part, bounds)
            fold.restore(saved)
          }
          return tell(fold, one)
        })
        expect([...said, ...due(fold, 1e7)]).toEqual(expected)
      }),
    )
  })

  it('says the same however often it is told the time in between', () => {
    fc.assert(
      fc.property(events, fc.array(fc.nat(400), { minLength: 1, maxLength: 5 }), (given, steps) => {
        const told = play(given)
        const whole = foldOf(part, bounds)
        const expected = [...told.flatMap(one => tell(whole, one)), ...due(whole, 1e7)]
        const fold = foldOf(part, bounds)
        let now = 0
        const said = told.flatMap((one, index) => {
          const between: string[] = []
          for (; now < one.now; now += steps[index % steps.length]! + 1) between.push(...due(fold, now))
          return [...between, ...tell(fold, one)]
        })
        expect([...said, ...due(fold, 1e7)]).toEqual(expected)
      }),
    )
  })

  it('ends every event in one state, and names no work twice', () => {
    fc.assert(
      fc.property(events, given => {
        const told = play(given)
        const fold = foldOf(part, bounds)
        const said = [...told.flatMap(one => tell(fold, one)), ...due(fold, 1e7)]
        const named = said.map(text => /^fire \S+ from (\S+)/.exec(text)?.[1] ?? text.split(' ')[1]!)
        expect([...named].sort()).toEqual(told.map(({ id }) => id).sort())
      }),
    )
  })
})
