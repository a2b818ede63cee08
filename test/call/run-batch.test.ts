import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { type BatchHandlers, type BatchOptions, runBatch } from '../../src/call/run-batch.ts'
import type { PublishMessage } from '../../src/protocol/job.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen, within } from '../helpers/wait.ts'
import { type Answer, newJid, startSystem } from './system.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const REQUEST: PublishMessage = {
  ...{ tgt: '*', tgt_type: 'glob', fun: 'test.ping', subset: 9, metadata: { a: 1 } },
  ...{ ret: 'mysql', ret_kwargs: { db: 'x' } },
}

/** A system in which `matching` match; `answer` says how a group was taken. */
async function start(
  matching: string[],
  answer: Answer = ({ tgt }) => ({ minions: tgt as string[] }),
  missing: string[] = [],
) {
  const system = await startSystem(server, request =>
    request.resolve ? { minions: matching, missing } : answer(request),
  )
  const stop = new AbortController()
  const told: string[] = []
  const executing = createSeen<{ ids: string[]; jid: string }>()
  const handlers: BatchHandlers = {
    onResolved: (minions, unknown) => told.push(`${minions} / ${unknown}`),
    onExecuting: (ids, jid) => executing.push({ ids, jid }),
    onReturn: ({ id }) => told.push(`${id} returned`),
    onUnanswered: ({ id, why }) => told.push(`${id} ${why}`),
  }
  const run = (size: string, more: Partial<BatchOptions> = {}) =>
    runBatch(system.bus, REQUEST, handlers, {
      user: 'root',
      timeoutMs: 5000,
      signal: stop.signal,
      size,
      waitMs: 0,
      failhard: false,
      newJid,
      ...more,
    })
  return { ...system, run, told, executing, stop, groups: () => executing.items.map(({ ids }) => ids) }
}

describe('a batch', () => {
  it('resolves the target once, and starts the next when one ends', async () => {
    const { run, told, executing, requests, giveReturn, groups } = await start(['a', 'b', 'c'])
    const ended = run('2')
    await executing.reach(1)
    await giveReturn(executing.items[0]!.jid, 'b')
    await executing.reach(2)
    await giveReturn(executing.items[1]!.jid, 'c')
    await giveReturn(executing.items[0]!.jid, 'a')
    expect(await within(ended, 'the end')).toEqual({ left: [], openJids: [] })
    expect(groups()).toEqual([['a', 'b'], ['c']])
    expect(told[0]).toBe('a,b,c / ')
    expect(told.slice(1).sort()).toEqual(['a returned', 'b returned', 'c returned'])
    const base = { fun: 'test.ping', metadata: { a: 1 }, ret: 'mysql', ret_kwargs: { db: 'x' } }
    expect(requests.items).toEqual([
      { tgt: '*', tgt_type: 'glob', subset: 9, resolve: true, ...base },
      { tgt: ['a', 'b'], tgt_type: 'list', jid: executing.items[0]!.jid, ...base },
      { tgt: ['c'], tgt_type: 'list', jid: executing.items[1]!.jid, ...base },
    ])
  })

  it('gives the place of one that is away, has refused or is gone to the next at once', async () => {
    const { run, told, groups, executing, giveReturn } = await start(['a', 'b', 'c', 'd'], ({ tgt }) => {
      const id = (tgt as string[])[0]!
      if (id === 'c') throw new ReactorError('no_minions', 'gone')
      return { minions: [id], offline: id === 'a' ? ['a'] : [], refused: id === 'b' ? { b: 'no' } : {} }
    })
    const ended = run('1')
    await executing.reach(4)
    await giveReturn(executing.items[3]!.jid, 'd')
    await within(ended, 'the end')
    expect(groups()).toEqual([['a'], ['b'], ['c'], ['d']])
    expect(told.slice(1)).toEqual(['a offline', 'b refused', 'c missing', 'd returned'])
  })

  it('goes on behind one that stays silent for as long as it waits', async () => {
    const { run, told, executing, giveReturn } = await start(['a', 'b'])
    const ended = run('1', { timeoutMs: 3000 })
    await executing.reach(2)
    await giveReturn(executing.items[1]!.jid, 'b')
    await within(ended, 'the end')
    expect(told.slice(1)).toEqual(['a silent', 'b returned'])
  })

  it('gives the place of one that is lost with the job in hand to the next, and takes its return while its group runs', async () => {
    const { run, told, executing, requests, giveReturn, tellPresence, groups } = await start(['a', 'b', 'c', 'd'])
    const ended = run('3')
    await executing.reach(1)
    await requests.reach(2)
    await tellPresence({ lost: ['a', 'c'] })
    await executing.reach(2)
    expect(told.slice(1)).toEqual([])
    await tellPresence({ new: ['a'] })
    await giveReturn(executing.items[0]!.jid, 'a')
    await giveReturn(executing.items[0]!.jid, 'b')
    await giveReturn(executing.items[1]!.jid, 'd')
    expect(await within(ended, 'the end')).toEqual({ left: [], openJids: [] })
    expect(groups()).toEqual([['a', 'b', 'c'], ['d']])
    expect([...told.slice(1)].sort()).toEqual(['a returned', 'b returned', 'c lost', 'd returned'])
  })

  it('starts no more with failhard once one is lost', async () => {
    const { run, told, executing, requests, giveReturn, tellPresence } = await start(['a', 'b', 'c'])
    const ended = run('2', { failhard: true })
    await executing.reach(1)
    await requests.reach(2)
    await tellPresence({ lost: ['a'] })
    await giveReturn(executing.items[0]!.jid, 'b')
    expect(await within(ended, 'the end')).toEqual({ left: ['c'], openJids: [] })
    expect(told.slice(1)).toEqual(['b returned', 'a lost'])
  })

  it('starts no more with failhard once one has failed, but waits for those that run', async () => {
    const { run, told, executing, giveReturn, groups } = await start(['a', 'b', 'c'])
    const ended = run('2', { failhard: true })
    await executing.reach(1)
    await giveReturn(executing.items[0]!.jid, 'a', { success: false })
    await giveReturn(executing.items[0]!.jid, 'b')
    expect(await within(ended, 'the end')).toEqual({ left: ['c'], openJids: [] })
    expect([groups(), told.slice(1)]).toEqual([[['a', 'b']], ['a returned', 'b returned']])
  })

  it('stops when it is told to, and says what goes on and who was not started', async () => {
    const { run, executing, stop, requests } = await start(['a', 'b', 'c'])
    const ended = run('1')
    await executing.reach(1)
    await requests.reach(2)
    stop.abort()
    expect(await within(ended, 'the end')).toEqual({ left: ['b', 'c'], openJids: [executing.items[0]!.jid] })
  })

  it('needs minions, and a size', async () => {
    const nobody = await start([], undefined, ['ghost'])
    await expect(nobody.run('1')).rejects.toMatchObject({ code: 'no_minions' })
    const system = await start(['a'])
    await expect(system.run('none')).rejects.toMatchObject({ code: 'usage' })
    expect(system.requests.items).toEqual([])
  })

  it('ends with what makes a start impossible', async () => {
    const { run } = await start(['a', 'b'], () => {
      throw new ReactorError('bad_argument', 'publish: no')
    })
    await expect(within(run('1'), 'the end')).rejects.toMatchObject({ code: 'bad_argument' })
  })
})
