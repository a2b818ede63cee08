import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ALL_GRANTS, type Grants, NO_GRANTS } from '../../src/protocol/role.ts'
import { streamNames } from '../../src/protocol/streams.ts'
import { processQueue } from '../../src/queue/process.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { openQueues } from '../queue/opened.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server?.stop())

const may = (...runner: string[]): Grants => ({ ...NO_GRANTS, runner })

describe('who may what at queues', () => {
  it('is said by the right to the runner function of that name, whichever function asks', async () => {
    const { as } = await openQueues(await openCore(server))
    const none = as('ann', NO_GRANTS)
    const asked: [string, () => Promise<unknown>][] = [
      ['insert', () => none.insert('q', 'a')],
      ['delete', () => none.delete('q', 'a')],
      ['list_queues', () => none.list()],
      ['list_length', () => none.length('q')],
      ['list_items', () => none.items('q')],
      ['pop', () => none.pop('q', 1)],
      ['process_queue', () => none.process('q', 1)],
      ['insert_runner', () => none.insertRunner({ fun: 'test.arg', args: [], kwargs: {} })],
      ['process_runner', () => none.processRunner(1)],
      ['list_dead', () => none.dead('q')],
      ['retry_dead', () => none.retryDead('q')],
    ]
    for (const [right, ask] of asked)
      await expect(ask()).rejects.toMatchObject({
        code: 'forbidden',
        message: expect.stringContaining(`no role of theirs grants runner 'queue.${right}'`),
      })
    expect(await as('ann', may('queue.insert')).insert('q', ['a', 'b'])).toEqual([])
    expect(await as('bob', may('queue.*')).pop('q', 'all')).toEqual(['a', 'b'])
  })

  it('lets nobody keep a call that they may not make', async () => {
    const { as } = await openQueues(await openCore(server))
    const ann = as('ann', may('queue.*', 'test.*'))
    expect(await ann.insertRunner({ fun: 'test.arg', args: [1], kwargs: {} })).toBe(true)
    await expect(ann.insertRunner({ fun: 'http.query', args: [], kwargs: {} })).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining("no role of theirs grants runner 'http.query'"),
    })
    await expect(ann.insertRunner({ fun: 'test.agr', args: [], kwargs: {} })).rejects.toMatchObject({
      code: 'unknown_function',
      message: expect.stringContaining("Did you mean 'test.arg'"),
    })
  })

  it('has a kept call run in the name and with the rights of who inserted it, whoever has it run', async () => {
    const { as, ran } = await openQueues(await openCore(server))
    const grants = may('queue.insert_runner', 'test.*')
    await as('ann', grants, { source: 'OPS' }).insertRunner({ fun: 'test.arg', args: [1], kwargs: { password: 'x' } })
    await as('root', ALL_GRANTS).insertRunner({ fun: 'event.send', args: ['t'], kwargs: {} })
    await as('rule:r', undefined, { untrusted: [['arg', 1]] }).insertRunner({ fun: 'test.arg', args: [2], kwargs: {} })
    expect(await as('bob', may('queue.*')).items('runner_queue')).toEqual([
      { fun: 'test.arg', args: [1], kwargs: { password: '[redacted]' } },
      { fun: 'event.send', args: ['t'], kwargs: {} },
      { fun: 'test.arg', args: [2], kwargs: {} },
    ])
    expect(await as('bob', may('queue.process_runner')).processRunner('all')).toEqual([
      { fun: 'test.arg', jid: 'j1', success: true, return: 'done' },
      { fun: 'event.send', jid: 'j2', success: true, return: 'done' },
      { fun: 'test.arg', jid: 'j3', success: true, return: 'done' },
    ])
    expect(ran).toMatchObject([
      {
        user: 'ann',
        source: 'OPS',
        arg: [1],
        kwarg: { password: 'x' },
        work: { key: expect.stringMatching(/^queue\//) },
      },
      { user: 'root' },
      { user: 'rule:r', untrusted: [['arg', 0]] },
    ])
    expect(ran[0]!.grants!()).toEqual(grants)
    expect(ran[1]!.grants!()).toBe(ALL_GRANTS)
    expect(ran[2]!.grants).toBeUndefined()
    expect(await as('bob', may('queue.*')).length('runner_queue')).toBe(0)
  })

  it('takes no item for a call, whatever somebody inserts', async () => {
    const { as, ran } = await openQueues(await openCore(server))
    const forged = { fun: 'http.query', args: [], kwargs: {}, user: 'root', grants: 'all', at: 0 }
    const ann = as('ann', may('queue.*'))
    await ann.insert('runner_queue', [forged])
    expect(await ann.processRunner('all')).toEqual([])
    await expect(ann.insert('runner=runner_queue', [forged])).rejects.toMatchObject({ code: 'bad_argument' })
    expect(ran).toEqual([])
    expect(await ann.pop('runner_queue', 'all')).toEqual([forged])
  })
})

describe('a kept call', () => {
  it('is kept once, and is removed as an item is', async () => {
    const { as } = await openQueues(await openCore(server))
    const queues = as('root')
    const call = { fun: 'test.arg', args: [1], kwargs: { a: 1, b: 2 } }
    expect(await queues.insertRunner(call, { queue: 'rq' })).toBe(true)
    expect(await queues.insertRunner({ ...call, kwargs: { b: 2, a: 1 } }, { queue: 'rq' })).toBe(false)
    expect(await queues.list()).toEqual(['rq'])
    expect(await queues.length('rq')).toBe(1)
    await queues.delete('rq', call)
    expect(await queues.length('rq')).toBe(0)
  })

  it('that fails has run; one that is cut short is run again', async () => {
    const { as, answering } = await openQueues(await openCore(server))
    const queues = as('root')
    await queues.insertRunner({ fun: 'test.arg', args: [1], kwargs: {} })
    answering(() => ({ ok: false, code: 'stopped', message: 'the process was stopped' }))
    await expect(queues.processRunner(1)).rejects.toMatchObject({ code: 'unreachable' })
    expect(await queues.length('runner_queue')).toBe(1)
    answering(() => ({ ok: false, code: 'function_failed', message: 'no such host' }))
    expect(await queues.processRunner(1)).toMatchObject([{ success: false, return: 'no such host' }])
    expect(await queues.length('runner_queue')).toBe(0)
  })
})

describe('the mark of a kept call that may not be done twice', () => {
  const call = { fun: 'test.arg', args: [1], kwargs: {} }

  it('is let go of once the call is out of its queue, and stays while it may come again', async () => {
    const { as, ran, released, answering } = await openQueues(await openCore(server))
    const queues = as('root')
    await queues.insertRunner(call)
    answering(() => ({ ok: false, code: 'stopped', message: 'the process was stopped' }))
    await expect(queues.processRunner(1)).rejects.toMatchObject({ code: 'unreachable' })
    expect(released).toEqual([])
    answering(() => ({ ok: false, code: 'function_failed', message: 'no such host' }))
    await queues.processRunner(1)
    expect(released).toEqual([ran[0]!.work!.key])
    expect(ran[1]!.work!.key).toBe(ran[0]!.work!.key)
  })

  it('stays where another was given the call meanwhile', async () => {
    const { as, parts, released } = await openQueues(await openCore(server))
    const backend = await parts.open()
    parts.open = async () => ({ ...backend, ack: async () => [] })
    await as('root').insertRunner(call)
    await as('root').processRunner(1)
    expect(released).toEqual([])
  })
})

describe('a queue that is processed', () => {
  it.each(['sqlite', 'jetstream'] as const)('fires its items as Salt does, of the backend %s', async backend => {
    const core = await openCore(server)
    const queues = (await openQueues(core)).as('root', undefined, { hops: 2, chain: 'r' })
    await queues.insert('q1', ['a', 'b', { k: 'v' }], { backend })
    const fired = await queues.process('q1', 2, { backend })
    expect(fired).toEqual({ items: ['a', 'b'], backend, queue: 'q1', _stamp: expect.stringMatching(/^2.{25}$/) })
    await queues.process('q1', 'all', { backend })
    await queues.process('q1', 1, { backend })
    const [first, second, third] = await core.events.reach(3)
    expect(first).toMatchObject({ tag: 'salt/queue/q1/process', stamp: fired._stamp, cause: '9', hops: 3, chain: 'r' })
    expect(first!.data).toMatchObject({ items: ['a', 'b'], backend, queue: 'q1' })
    expect(second!.data.items).toEqual([{ k: 'v' }])
    expect(third!.data.items).toEqual([])
  })

  it('keeps its items where the event cannot be stored, and fires them when it can', async () => {
    const core = await openCore(server)
    const { as } = await openQueues(core)
    const queues = as('root')
    await queues.insert('q', ['a', 'b'])
    const jsm = await jetstreamManager(core.nc)
    const { events } = streamNames(core.ns)
    const { config } = await jsm.streams.info(events)
    await jsm.streams.update(events, { ...config, max_bytes: 10 })
    await expect(queues.process('q', 2)).rejects.toMatchObject({ code: 'store_refused' })
    expect(await queues.items('q')).toEqual(['a', 'b'])
    await jsm.streams.update(events, config)
    expect((await queues.process('q', 2)).items).toEqual(['a', 'b'])
    expect((await core.events.reach(1))[0]!.data.items).toEqual(['a', 'b'])
  })

  it('is stored once where the same items are fired again after a crash', async () => {
    const core = await openCore(server)
    const { as, parts } = await openQueues(core)
    const queues = as('root')
    await queues.insert('q', ['a', 'b'])
    const backend = await parts.open()
    const leased: Parameters<typeof backend.nack>[1][] = []
    const dying: typeof backend = {
      ...backend,
      lease: async (...args) => {
        const leases = await backend.lease(...args)
        leased.push(leases)
        return leases
      },
      ack: () => Promise.reject(new Error('killed')),
    }
    await expect(processQueue(dying, 'q', 2, { fire: core.fire })).rejects.toThrow('killed')
    // Its lease is over.
    await backend.nack('q', leased[0]!)
    await queues.process('q', 2)
    expect(await queues.length('q')).toBe(0)
    await core.fire('end', {})
    const seen = await core.events.find(({ tag }) => tag === 'end', 'the end').then(() => core.events.items)
    expect(seen.filter(({ tag }) => tag === 'salt/queue/q/process')).toHaveLength(1)
  })

  it('has the rules among its causes that inserted its items, and no others in one event with them', async () => {
    const core = await openCore(server)
    const { as, backends } = await openQueues(core)
    await as('ann').insert('q', ['a', 'b'])
    await as('rule:r', undefined, { hops: 1, chain: 'r', jid: '7' }).insert('q', ['c', 'd'])
    await as('ann').insert('q', 'e')
    await processQueue(await backends.open(), 'q', 10, { fire: core.fire })
    await core.events.reach(3)
    expect(core.events.items.map(({ data, hops, chain, cause }) => [data.items, hops, chain, cause])).toEqual([
      [['a', 'b'], 0, undefined, undefined],
      [['c', 'd'], 2, 'r', '7'],
      [['e'], 0, undefined, undefined],
    ])
  })

  it('has the rules among its causes that had it fired, too', async () => {
    const core = await openCore(server)
    const { as } = await openQueues(core)
    await as('rule:r', undefined, { hops: 3, chain: 'p,q,r' }).insert('q', 'a')
    await as('rule:s', undefined, { hops: 1, chain: 's', jid: '8' }).process('q', 1)
    const [event] = await core.events.reach(1)
    expect(event).toMatchObject({ hops: 4, cause: '8' })
    expect(event!.chain!.split(',').sort()).toEqual(['p', 'q', 'r', 's'])
    // Of an event that nothing had caused.
    await as('ann').insert('q', 'b')
    await as('rule:s', undefined, { hops: 0, chain: 's' }).process('q', 1)
    expect((await core.events.reach(2))[1]).toMatchObject({ hops: 1, chain: 's' })
  })

  it('fires many large items in several events, none larger than a message', async () => {
    const core = await openCore(server)
    const queues = (await openQueues(core)).as('root')
    const large = Array.from({ length: 8 }, (_, n) => `${n}${'x'.repeat(200_000)}`)
    await queues.insert('q', large)
    expect((await queues.process('q', 'all')).items).toEqual(large)
    const events = await core.events.reach(8)
    expect(events.flatMap(({ data }) => data.items)).toEqual(large)
  })

  it('refuses to take more at once than one call may have, with what to do', async () => {
    const core = await openCore(server)
    const queues = (await openQueues(core)).as('root')
    for (let from = 0; from < 10_001; from += 5000)
      await queues.insert(
        'q',
        Array.from({ length: 5000 }, (_, n) => from + n),
      )
    for (const refused of [queues.pop('q', 'all'), queues.process('q', 'all'), queues.items('q')])
      await expect(refused).rejects.toMatchObject({
        code: 'bad_argument',
        message: expect.stringMatching(/15000 items, more than the 10000 .*: give (quantity|limit)/),
      })
    expect(await queues.items('q', { limit: 3 })).toEqual([0, 1, 2])
    expect(await queues.pop('q', 10_000)).toHaveLength(10_000)
    expect(await queues.pop('q', 'all')).toHaveLength(5000)
  })
})
