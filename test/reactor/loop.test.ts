import { describe, expect, it } from 'vitest'
import { MAX_HOPS } from '../../src/protocol/event.ts'
import { extendChain, joinTrace } from '../../src/protocol/trace.ts'
import { createLoopGuard, type LoopGuard } from '../../src/reactor/loop.ts'

const rule = (name: string, recursion = 0) => ({ rule: name, recursion })

type Asked = Pick<Parameters<LoopGuard['check']>[1], 'hops' | 'chain'> & { id?: string; origin?: string }

function start(rate = 0) {
  let now = 1_795_166_300_000
  const guard = createLoopGuard({ rate, clock: { now: () => now } })
  let events = 0
  return {
    /** Each an event of its own, of a service, where it does not say. */
    check: (of: Parameters<typeof guard.check>[0], event: Asked) =>
      guard.check(of, { id: `e${events++}`, origin: '_jobs', ...event }),
    pass: (ms: number) => {
      now += ms
    },
  }
}

/** How often a rule fires that answers what it causes. */
function laps(rules: { rule: string; recursion: number }[]): string[] {
  const { check } = start()
  const fired: string[] = []
  let event: { hops: number; chain?: string } = { hops: 0 }
  for (let turn = 0; turn < 1000; turn++) {
    const next = rules[turn % rules.length]!
    if (check(next, event)) return fired
    fired.push(next.rule)
    event = { hops: event.hops + 1, chain: extendChain(event.chain, next.rule) }
  }
  throw new Error('it went on for ever')
}

describe('the chain of causes', () => {
  it('lets a rule react to what no rule caused, and to what other rules caused', () => {
    const { check } = start()
    expect(check(rule('a'), { hops: 0 })).toBeUndefined()
    expect(check(rule('a'), { hops: 5 })).toBeUndefined()
    expect(check(rule('a'), { hops: 3, chain: 'b,ab,a-b' })).toBeUndefined()
  })

  it('cuts a rule that is among its own causes, naming the cycle', () => {
    const { check } = start()
    expect(check(rule('b'), { hops: 3, chain: 'a,b,c' })).toEqual({
      cycle: ['b', 'c', 'b'],
      why: 'the rule is once among the causes of the event',
    })
    expect(check(rule('a'), { hops: 1, chain: 'a' })).toMatchObject({ cycle: ['a', 'a'] })
  })

  it('lets it as often as its recursion says, and names the shortest cycle then', () => {
    const { check } = start()
    expect(check(rule('a', 2), { hops: 4, chain: 'a,b,a' })).toBeUndefined()
    expect(check(rule('a', 2), { hops: 9, chain: 'a,b,a,x,a,c' })).toEqual({
      cycle: ['a', 'c', 'a'],
      why: "the rule is 3 times among the causes of the event; its 'recursion' allows 2",
    })
  })

  it('ends every loop after as many laps as were allowed', () => {
    expect(laps([rule('a')])).toEqual(['a'])
    expect(laps([rule('a', 3)])).toEqual(['a', 'a', 'a', 'a'])
    expect(laps([rule('a'), rule('b')])).toEqual(['a', 'b'])
    expect(laps([rule('a', 20), rule('b', 30)])).toHaveLength(42)
    expect(laps([rule('a', 1000)])).toHaveLength(MAX_HOPS)
  })

  it('is cut by its length, whoever is in it', () => {
    const { check } = start()
    expect(check(rule('a', 1000), { hops: MAX_HOPS - 1 })).toBeUndefined()
    const why = `a chain of ${MAX_HOPS} causes`
    expect(check(rule('a', 1000), { hops: MAX_HOPS })).toEqual({ cycle: ['a'], why })
    expect(check(rule('a'), { hops: MAX_HOPS, chain: 'b,c' })).toEqual({ cycle: ['b', 'c', 'a'], why })
  })
})

describe('an on_failure that retries what failed', () => {
  const laps = (recursion: number) => {
    const { check } = start()
    let about: { hops: number; chain?: string } = { hops: 0 }
    for (let lap = 0; lap < 1000; lap++) {
      const failure = { hops: about.hops + 1, chain: extendChain(about.chain, 'r') }
      if (check(rule('r:on_failure', recursion), failure)) return lap
      about = joinTrace(about, { hops: failure.hops, chain: extendChain(failure.chain, 'r:on_failure') })
    }
    throw new Error('it went on for ever')
  }
  it('is cut when it meets itself', () => {
    expect([laps(0), laps(2)]).toEqual([1, 3])
    expect(laps(1000)).toBeLessThanOrEqual(MAX_HOPS)
  })
})

describe('the name of a cycle', () => {
  it('is the same wherever it was entered', () => {
    const { check } = start()
    const cycle = ['a', 'b', 'c', 'a']
    expect(check(rule('b'), { hops: 3, chain: 'b,c,a' })).toMatchObject({ cycle })
    expect(check(rule('c'), { hops: 4, chain: 'x,c,a,b' })).toMatchObject({ cycle })
    expect(check(rule('a'), { hops: 3, chain: 'a,b,c' })).toMatchObject({ cycle })
  })
})

describe('the rate of a rule', () => {
  const caused = { hops: 2, chain: 'b' }

  it('is held over the last minute, for each rule by itself', () => {
    const { check, pass } = start(3)
    const cut = { cycle: ['b', 'a'], why: expect.stringContaining('more than 3 reactions') }
    const tries = () => check(rule('a'), caused)
    expect([tries(), tries()]).toEqual([undefined, undefined])
    pass(30_000)
    expect([tries(), tries()]).toEqual([undefined, cut])
    expect(check(rule('c'), caused)).toBeUndefined()
    pass(29_000)
    expect(tries()).toEqual(cut)
    pass(1000)
    expect([tries(), tries(), tries()]).toEqual([undefined, undefined, cut])
    pass(30_000)
    expect([tries(), tries()]).toEqual([undefined, cut])
    pass(600_000)
    expect([tries(), tries(), tries(), tries()]).toEqual([undefined, undefined, undefined, cut])
  })

  it('does not count what no rule caused, nor what was cut', () => {
    const { check, pass } = start(1)
    for (let n = 0; n < 5; n++) expect(check(rule('a'), { hops: n })).toBeUndefined()
    expect(check(rule('a'), { hops: 1, chain: 'a' })).toBeDefined()
    expect(check(rule('a'), caused)).toBeUndefined()
    pass(59_000)
    expect(check(rule('a'), caused)).toBeDefined()
    pass(1000)
    expect(check(rule('a'), caused)).toBeUndefined()
  })

  it('is held while a clock is set back a little, and begins anew when it is set back far', () => {
    const { check, pass } = start(2)
    expect(check(rule('a'), caused)).toBeUndefined()
    pass(-5000)
    expect(check(rule('a'), caused)).toBeUndefined()
    expect(check(rule('a'), caused)).toBeDefined()
    pass(-3_600_000)
    expect(check(rule('a'), caused)).toBeUndefined()
    expect(check(rule('a'), caused)).toBeUndefined()
    expect(check(rule('a'), caused)).toBeDefined()
  })

  it('forgets rules that have not fired for long', () => {
    const { check, pass } = start(1)
    for (let n = 0; n < 1000; n++) check(rule(`r${n}`), caused)
    pass(61_000)
    expect(check(rule('r1'), caused)).toBeUndefined()
    expect(check(rule('r1'), caused)).toBeDefined()
  })

  it('is any where it is 0', () => {
    const { check } = start(0)
    for (let n = 0; n < 2000; n++) expect(check(rule('a'), caused)).toBeUndefined()
  })

  it('counts an event once, however often it comes', () => {
    const { check } = start(2)
    const again = { ...caused, id: 'first' }
    for (let n = 0; n < 50; n++) expect(check(rule('a'), again)).toBeUndefined()
    expect(check(rule('a'), { ...caused, id: 'second' })).toBeUndefined()
    expect(check(rule('a'), { ...caused, id: 'third' })).toBeDefined()
    expect(check(rule('a'), again)).toBeUndefined()
  })

  it('is each sender’s own, where that is none of the program’s services', () => {
    const { check } = start(3)
    for (let n = 0; n < 600; n++) check(rule('a'), { ...caused, origin: 'evil' })
    expect(check(rule('a'), { ...caused, origin: 'evil' })).toBeDefined()
    for (const origin of ['web1', '_user-ann', '_jobs', '_reactor', '_master'])
      expect([origin, check(rule('a'), { ...caused, origin })]).toEqual([origin, undefined])
    // Services are one.
    expect(check(rule('a'), { ...caused, origin: '_cache' })).toBeDefined()
  })
})
