import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Decision } from '../../../src/protocol/reaction.ts'
import { keptLog } from '../../helpers/core.ts'
import { countsOf, decided, message, openDecisions, pageOf, suppressed, T0 } from './made.ts'

describe('the latest of a reaction', () => {
  it('is its last attempt, and within one what was done', async () => {
    const store = await openDecisions()
    await store.add(
      decided('a', { state: 'retrying', next: 5, reason: 'no disk', jids: [] }),
      decided('a', { state: 'done', attempt: 2, jids: ['2', '3'] }),
      decided('b', { state: 'parked', reason: 'why' }),
      decided('b', { state: 'done' }),
    )
    expect(await pageOf(store)).toEqual([
      { key: 'b/r', rule: 'r', event: 'b', tag: 'tag/b', state: 'done', at: T0 + 4, ms: 10, jids: ['1'] },
      {
        key: 'a/r',
        rule: 'r',
        event: 'a',
        tag: 'tag/a',
        state: 'done',
        attempt: 2,
        at: T0 + 2,
        ms: 10,
        jids: ['2', '3'],
      },
    ])
  })

  it('is sent on by a person, whose word outranks the parking; and its attempts are told by its key, the latest first', async () => {
    const store = await openDecisions()
    await store.add(
      decided('a', { state: 'parked', reason: 'why' }),
      decided('a', { state: 'retrying', next: 7, by: 'ada', jids: [] }),
    )
    expect(await pageOf(store)).toMatchObject([{ state: 'retrying', by: 'ada', next: 7 }])
    await store.add(decided('a', { state: 'parked', attempt: 2, reason: 'again' }))
    await store.add(decided('a', { state: 'dropped', attempt: 2, by: 'ada' }))
    const states = (await pageOf(store, { key: 'a/r' })).map(({ state, attempt = 1 }) => `${state} ${attempt}`)
    expect(states).toEqual(['dropped 2', 'parked 2', 'retrying 1', 'parked 1'])
  })

  it('is the same in whatever order the messages come, and however often', async () => {
    const all: Decision[] = [
      decided('a', { state: 'retrying', next: 1 }),
      decided('a', { state: 'parked', attempt: 2, reason: 'x' }),
      decided('a', { state: 'retrying', attempt: 2, by: 'ada', next: 2 }),
      decided('a', { state: 'done', attempt: 3 }),
      decided('b', { state: 'held', reason: 'y' }),
      decided('b', { state: 'dropped', reason: 'denied', by: 'ada' }),
      decided('c', { state: 'dropped', by: 'ada' }),
      decided('c'),
    ]
    const messages = all.map((one, n) => message(n + 1, [one], [suppressed([`s${n}`, 'twice'])]))
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...messages.keys()], { minLength: messages.length }),
        fc.array(fc.nat(messages.length - 1), { maxLength: 10 }),
        fc.integer({ min: 1, max: 5 }),
        async (order, again, size) => {
          const store = await openDecisions()
          const deliveries = [...order, ...again].map(n => messages[n]!)
          for (let at = 0; at < deliveries.length; at += size) await store.commit(T0, deliveries.slice(at, at + size))
          const latest = (await pageOf(store)).filter(({ state }) => state !== 'suppressed')
          expect(latest.map(({ key, state, attempt = 1 }) => `${key} ${state} ${attempt}`).sort()).toEqual([
            'a/r done 3',
            'b/r dropped 1',
            'c/r done 1',
          ])
          expect(await countsOf(store)).toMatchObject({
            states: { retrying: 2, parked: 1, done: 2, held: 1, dropped: 2 },
            suppressed: { throttle: messages.length + 1 },
            last_fired: T0 + messages.length - 10,
            last_suppressed: T0 + messages.length,
            last_error: { at: T0 + 2, reason: 'x' },
          })
        },
      ),
      { numRuns: 25 },
    )
  })
})

describe('counts', () => {
  it('survive the rows, and a message that comes again after them', async () => {
    const store = await openDecisions()
    const first = message(1, [decided('a'), decided('b', { state: 'parked', reason: 'x' })], [suppressed(['c'])])
    await store.commit(T0, [first])
    while (await store.prune(T0 + 10_000)) {}
    expect((await pageOf(store)).map(({ state }) => state)).toEqual(['parked'])
    await store.commit(T0, [first])
    expect(await countsOf(store)).toMatchObject({ states: { done: 1, parked: 1 }, suppressed: { throttle: 1 } })
  })

  it('take the sequences of a stream that was made anew for new ones', async () => {
    const store = await openDecisions()
    await store.commit(T0, [message(1, [decided('a')]), message(2, [decided('b')])])
    await store.commit(T0 + 1000, [message(1, [decided('c')])])
    expect((await countsOf(store))!.states).toEqual({ done: 3 })
    await store.commit(T0 + 1000, [message(1, [decided('c')])])
    expect((await countsOf(store))!.states).toEqual({ done: 3 })
  })

  it('know what was settled, and what was left out before it', async () => {
    const store = await openDecisions()
    await store.commit(T0, [message(5, [decided('a')]), message(9, [decided('b')])])
    await store.settle(T0, 7)
    await store.commit(T0, [message(6, [decided('c')]), message(9, [decided('d')]), message(8, [decided('e')])])
    expect((await countsOf(store))!.states).toEqual({ done: 3 })
  })

  it('of what cannot be read, or says nothing that is known, are none', async () => {
    const store = await openDecisions()
    await store.commit(T0, [
      { seq: 1, storedMs: T0, batch: undefined },
      message(2, [decided('a', { state: 'burnt' as never }), decided('b', { key: 7 as never })]),
      message(3, [decided('c\0', { key: 'c\0/r', reason: 'x'.repeat(10_000), state: 'parked' })]),
    ])
    const [only, ...others] = await pageOf(store)
    expect(others).toEqual([])
    expect(only!.key).toBe('c\ufffd/r')
    expect(only!.reason).toHaveLength(4000)
  })
})

describe('a page', () => {
  const filled = async () => {
    const store = await openDecisions()
    for (let n = 1; n <= 12; n++)
      await store.commit(T0, [
        message(n, [decided(`e${n}`, { rule: n % 2 ? 'r' : 's', state: n % 3 ? 'done' : 'parked', reason: 'x' })]),
      ])
    return store
  }
  const events = (reactions: { event: string }[]) => reactions.map(({ event }) => event)

  it('keeps to rules, states and times', async () => {
    const store = await filled()
    expect(events(await pageOf(store, { rule: 's', state: 'parked' }))).toEqual(['e12', 'e6'])
    expect(events(await pageOf(store, { rule: ['r', 's'], state: ['parked'] }))).toEqual(['e12', 'e9', 'e6', 'e3'])
    expect(events(await pageOf(store, { state: ['parked', 'done'], since: T0 + 11 }))).toEqual(['e12', 'e11'])
    expect(events(await pageOf(store, { until: T0 + 2 }))).toEqual(['e2', 'e1'])
    expect(await pageOf(store, { rule: 'none' })).toEqual([])
  })

  it.each([{}, { state: ['done', 'parked'] }, { rule: ['s', 'r'] }])(
    'goes on where the one before ended, with %j',
    async filter => {
      const store = await filled()
      const seen: string[] = []
      for (let before: string | undefined, pages = 0; pages < 10; pages++) {
        const page = await store.reactions({ ...filter, limit: 5, ...(before ? { before } : {}) } as never, 1e6)
        seen.push(...events(page.reactions))
        before = page.cursor
        if (!before) break
      }
      expect(seen).toEqual(Array.from({ length: 12 }, (_, n) => `e${12 - n}`))
    },
  )

  it('goes on among those of one moment', async () => {
    const store = await openDecisions()
    await store.commit(T0, [
      message(
        1,
        ['a', 'b', 'c'].map(id => decided(id)),
      ),
    ])
    const first = await store.reactions({ limit: 2 }, 1e6)
    const second = await store.reactions({ limit: 2, before: first.cursor! }, 1e6)
    expect(events([...first.reactions, ...second.reactions])).toEqual(['c', 'b', 'a'])
    expect(second.cursor).toBeUndefined()
  })

  it('ends where a message would be full, and refuses a cursor that is none', async () => {
    const store = await filled()
    const page = await store.reactions({}, 300)
    expect(page.reactions.length).toBeLessThan(4)
    expect(page.cursor).toBeDefined()
    await expect(store.reactions({ before: 'x' }, 1e6)).rejects.toMatchObject({ code: 'bad_argument' })
  })
})

describe('the room', () => {
  it('is bounded: the oldest give way, but not those that wait', async () => {
    const store = await openDecisions({ maxRows: 5 })
    await store.add(decided('old', { state: 'parked', reason: 'x' }))
    for (let n = 1; n <= 8; n++) await store.add(decided(`e${n}`))
    while (await store.prune(0)) {}
    expect((await pageOf(store)).map(({ event }) => event)).toEqual(['e8', 'e7', 'e6', 'e5', 'old'])
  })

  it('begins anew, and says so, where the file was moved away', async () => {
    const { log, lines } = keptLog()
    const store = await openDecisions({ log })
    await store.add(decided('a'))
    await rename(join(store.dir, 'decisions.db'), join(store.dir, 'moved.db'))
    await store.add(decided('b'))
    expect((await pageOf(store)).map(({ event }) => event)).toEqual(['b'])
    expect(lines.items.map(({ msg }) => msg).join()).toMatch(/moved or removed/)
  })
})
