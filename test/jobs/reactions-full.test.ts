import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import type { Reaction } from '../../src/protocol/reaction.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { action, batchOf, openReactions, reaction } from './reactions.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const FAR = 7_200_000
const AT_ONCE = 20

async function open() {
  const opened = await openReactions(server)
  const { jsm, ns, publisher, subjects } = opened
  const stream = `${ns}_REACTIONS`
  const limit = async (max_bytes: number) => {
    const { config } = await jsm.streams.info(stream)
    await jsm.streams.update(stream, { ...config, max_bytes })
  }
  const schedule = (one: Reaction, due: number) => {
    const headers = {
      'Nats-Schedule': `@at ${new Date(due).toISOString()}`,
      'Nats-Schedule-Target': subjects.reaction('fast', one.rule),
    }
    return publisher.publish(subjects.reactionRetry(one.event.id, one.rule), batchOf([one]), { headers })
  }
  /** Stores until there is no room; how many. */
  const fill = async (put: (n: number) => Promise<unknown>): Promise<number> => {
    const isTaken = async (n: number) => {
      try {
        await put(n)
        return true
      } catch (error) {
        if (error instanceof ReactorError && error.code === 'store_refused') return false
        throw error
      }
    }
    let count = 0
    for (let from = 0; ; from += AT_ONCE) {
      const taken = await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => isTaken(from + n)))
      count += taken.filter(Boolean).length
      if (taken.includes(false)) return count
    }
  }
  const stored = async () =>
    (await jsm.streams.info(stream, { subjects_filter: `${ns}.reaction.>` })).state.subjects ?? {}
  return { ...opened, stream, limit, schedule, fill, stored }
}

const failing = (id: string) =>
  reaction(id, [action('runner', 'a.a')], 'r', { policy: { attempts: 2, backoff: [20, 40] } })

describe('a stream of reactions that is full', () => {
  it('of a rule that fails is worked off all the same: each attempt is made once, and then it is parked', async () => {
    const { limit, fill, store, start, drained, ran, decided } = await open()
    await limit(60_000)
    const count = await fill(n => store(failing(`e${n}`)))
    expect(count).toBeGreaterThan(20)
    const worker = await start(async () => ({ failure: 'down' }), { overdueEveryMs: 500 })
    await drained()
    expect(decided.items.filter(({ state }) => state === 'parked')).toHaveLength(count)
    expect(ran.items).toHaveLength(2 * count)
    expect(new Set(ran.items.map(({ asked }) => asked.work!.key)).size).toBe(2 * count)
    await worker.stop()
  })

  it('when a retry is due does not lose it: it runs when there is room, once', async () => {
    const { limit, fill, store, schedule, start, stored, jsm, ns, stream, subjects, until, decided, ran } = await open()
    await limit(60_000)
    const due = Date.now() + 5000
    await schedule({ ...failing('e1'), attempt: 2 }, due)
    await fill(n => store(reaction(`f${n}`, [action('runner', 'b.b')], 'filler'), `f${n}`))
    await until(async () => Date.now() > due + 1500, 'its time')
    await jsm.streams.purge(stream, { filter: subjects.reaction('fast', 'filler') })
    expect(Object.keys(await stored())).toEqual([`${ns}.reaction.retry.r.e1`])
    const worker = await start(async () => ({}), { overdueEveryMs: 500 })
    await decided.reach(1)
    await until(async () => Object.keys(await stored()).length === 0, 'an empty stream')
    expect(decided.items).toMatchObject([{ key: 'e1/r', attempt: 2, state: 'done' }])
    expect(ran.items).toHaveLength(1)
    await worker.stop()
  })

  it('of retries alone has those that are overdue run from where they lie', async () => {
    const { limit, fill, schedule, start, stored, ns, until, decided, ran } = await open()
    await limit(60_000)
    const due = Date.now() + 5000
    await schedule({ ...failing('e1'), attempt: 2 }, due)
    await fill(n => schedule({ ...failing(`f${n}`), rule: 'f', attempt: 2 }, Date.now() + FAR))
    // To the brim.
    await fill(n => schedule({ ...failing(`${n}`), rule: 'f', actions: [], attempt: 2 }, Date.now() + FAR))
    await until(async () => Date.now() > due + 1500, 'its time')
    const worker = await start(async () => ({}), { overdueEveryMs: 500 })
    await decided.reach(1)
    await until(async () => !(`${ns}.reaction.retry.r.e1` in (await stored())), 'its end')
    expect(decided.items).toMatchObject([{ key: 'e1/r', attempt: 2, state: 'done' }])
    expect(ran.items).toHaveLength(1)
    await worker.stop()
  })
})

describe('an attempt that the ledger has as retrying', () => {
  it('and that comes in another message for the first time has its schedule stored', async () => {
    const { start, store, decided, drained, ran } = await open()
    const worker = await start()
    const entry = { key: 'e1/r', rule: 'r', event: 'e1', tag: 't', ms: 1, jids: [] }
    await worker.ledger.append({ ...entry, state: 'retrying', next: Date.now() })
    await store(failing('e1'))
    await decided.find(({ attempt }) => attempt === 2, 'the second attempt')
    await drained()
    expect(ran.items.map(({ asked }) => asked.work!.key)).toEqual(['e1/r/0/2'])
    await worker.stop()
  })
})
