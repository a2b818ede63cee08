// What a person does about returns that never got to their returner: looks at them, puts them back, lets go of them.
import { describe, expect, it } from 'vitest'
import { refused } from '../../src/functions/define-returner.ts'
import { minionReturnersSource } from '../../src/metrics/minion-returners.ts'
import { createRefusedReturns } from '../../src/minion/refused-returns.ts'
import { createPlace, MB, newReturn } from './returners-place.ts'

const down = async () => {
  throw new Error('connect ECONNREFUSED 127.0.0.1:3306')
}
const never = async () => {
  throw refused('the column takes 50 characters')
}

type Place = Awaited<ReturnType<typeof createPlace>>

/** Parks a return for each of the returners. */
async function park(place: Place, { take, file }: Awaited<ReturnType<Place['start']>>, ...returners: string[]) {
  place.world.take = never
  const all = returners.map(() => newReturn({ return: 'x'.repeat(5000) }))
  for (const [n, ret] of returners.entries()) await take({ ret }, all[n]!)
  await expect.poll(() => file.values.size).toBe(0)
  place.world.take = async () => undefined
  return all
}

describe('parked returns', () => {
  it('are listed with their reasons, also after a restart, of one returner or one job', async () => {
    const place = await createPlace()
    const first = await place.start()
    const [one, two] = await park(place, first, 'mysql', 'redis')
    await first.stop()
    const { parked } = await place.start()
    expect(await parked({})).toEqual([
      {
        jid: one!.jid,
        fun: one!.fun,
        returner: 'mysql',
        reason: 'the column takes 50 characters',
        _stamp: expect.stringMatching(/^\d{4}-/),
      },
      expect.objectContaining({ jid: two!.jid, returner: 'redis' }),
    ])
    expect(await parked({ returner: 'redis' })).toMatchObject([{ jid: two!.jid }])
    expect(await parked({ jid: one!.jid })).toMatchObject([{ jid: one!.jid }])
    expect(await parked({ returner: 'redis', jid: one!.jid })).toEqual([])
  })

  it('go to their returner when they are put back, and are parked no longer', async () => {
    const place = await createPlace()
    const { parked, retry, file, ...returners } = await place.start()
    const [one, two] = await park(place, { ...returners, parked, retry, file }, 'mysql', 'redis')
    expect(await retry({ returner: 'mysql' })).toEqual({ retried: 1, left: [] })
    await place.stored.reach(1)
    expect(place.stored.items).toEqual([{ to: { returner: 'mysql' }, returned: one }])
    expect(await parked({})).toMatchObject([{ jid: two!.jid }])
    expect(await retry({})).toEqual({ retried: 1, left: [] })
    await place.stored.reach(2)
    expect(await parked({})).toEqual([])
    await expect.poll(() => file.values.size).toBe(0)
  })

  it('that are refused anew are parked anew', async () => {
    const place = await createPlace()
    const started = await place.start()
    const [one] = await park(place, started, 'mysql')
    place.world.take = async () => {
      throw refused('still too long')
    }
    expect(await started.retry({})).toEqual({ retried: 1, left: [] })
    await expect.poll(() => started.file.values.size).toBe(0)
    expect(await started.parked({})).toMatchObject([{ jid: one!.jid, reason: 'still too long' }])
  })

  it('wait on disk once they are put back, over a restart', async () => {
    const place = await createPlace()
    const first = await place.start()
    const [one] = await park(place, first, 'mysql')
    place.world.take = down
    await first.retry({})
    await first.stop()
    place.world.take = async () => undefined
    await place.start()
    await place.stored.reach(1)
    expect(place.stored.items[0]!.returned).toEqual(one)
  })

  it('stay where what their call brought along is not kept, where there is no room, and where a newer one waits', async () => {
    const place = await createPlace({ mostBytes: 0.1 * MB })
    const started = await place.start()
    place.world.take = never
    const [own, newer] = [newReturn(), newReturn()]
    await started.take({ ret: 'mysql', ret_kwargs: { db: 'audit' } }, own)
    await started.take({ ret: 'redis' }, newer)
    await expect.poll(() => started.file.values.size).toBe(0)
    place.world.take = down
    await started.take({ ret: 'redis' }, newer)
    const { retried, left } = await started.retry({})
    expect(retried).toBe(0)
    expect(left.map(({ jid, reason }) => [jid, reason])).toEqual([
      [own.jid, expect.stringContaining('ret_kwargs')],
      [newer.jid, expect.stringContaining('a newer return of its job')],
    ])
    await started.drop({ returner: 'redis', waiting: true })
    await park(place, started, 'sqlite')
    place.world.take = down
    await started.take({ ret: 'redis' }, newReturn({ return: 'x'.repeat(0.098 * MB) }))
    expect((await started.retry({ returner: 'sqlite' })).left).toMatchObject([
      { returner: 'sqlite', reason: expect.stringContaining('minion.returner_spool') },
    ])
    expect(await started.parked({ returner: 'sqlite' })).toHaveLength(1)
  })

  it('are let go of by returner, and what waits for it where that is asked', async () => {
    const place = await createPlace()
    const started = await place.start()
    await park(place, started, 'mysql', 'redis')
    place.world.take = down
    await started.take({ ret: 'mysql' }, newReturn())
    await started.take({ ret: 'redis' }, newReturn())
    expect(await started.drop({ returner: 'mysql', waiting: false })).toBe(1)
    expect(started.waiting().map(({ returner }) => returner)).toEqual(['mysql', 'redis'])
    expect(await started.drop({ returner: 'mysql', waiting: true })).toBe(1)
    await expect.poll(() => started.waiting().map(({ returner }) => returner)).toEqual(['redis'])
    await expect.poll(() => started.file.values.size).toBe(1)
    expect(await started.parked({})).toMatchObject([{ returner: 'redis' }])
  })
})

it('a returner that was said to be down is said to be up with its next return, though what waited was dropped', async () => {
  const place = await createPlace()
  const { take, drop, waiting } = await place.start()
  place.world.take = down
  await take({ ret: 'mysql' }, newReturn())
  await place.said.find(({ state }) => state === 'down', 'that it is down')
  await drop({ returner: 'mysql', waiting: true })
  expect(waiting()).toEqual([])
  await place.released.reach(1)
  place.world.take = async () => undefined
  await take({ ret: 'mysql' }, newReturn())
  await place.said.find(({ state }) => state === 'up', 'that it takes returns again')
})

describe('the metrics of a minion', () => {
  it('say what waits for each returner, and how many are parked', async () => {
    const place = await createPlace()
    const own = { all: async () => new Map() }
    const started = await place.start()
    const source = minionReturnersSource({ returners: started, refused: own })
    expect(await source()).toEqual({
      reactor_minion_returner_waiting_returns: [],
      reactor_minion_returner_waiting_bytes: [],
      reactor_minion_returns_parked: 0,
    })
    await park(place, started, 'mysql')
    place.world.take = down
    await started.take({ ret: 'mysql' }, newReturn())
    await started.take({ ret: 'mysql', ret_config: 'other' }, newReturn())
    const waiting = await source()
    expect(waiting.reactor_minion_returner_waiting_returns).toEqual([{ labels: { returner: 'mysql' }, value: 2 }])
    expect(waiting.reactor_minion_returner_waiting_bytes).toEqual([
      { labels: { returner: 'mysql' }, value: expect.any(Number) },
    ])
    await started.stop()
    const kept = createRefusedReturns(`${place.dir}/refused-returns.jsonl`, place.log)
    const after = await minionReturnersSource({ returners: started, refused: kept })()
    expect(after.reactor_minion_returns_parked).toBe(1)
    await kept.close()
  })
})
