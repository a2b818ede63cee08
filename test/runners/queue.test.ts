import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadFunctions } from '../../src/functions/load.ts'
import { untrustedProblems } from '../../src/functions/untrusted.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { caller } from '../modules/call.ts'
import { openQueues } from '../queue/opened.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server?.stop())

async function worker() {
  const core = await openCore(server)
  const { as, ran } = await openQueues(core)
  return { ...caller('runner', { queues: as('root') } as never), events: core.events, ran }
}

describe('the runner queue', () => {
  it('does and returns what Salt does', async () => {
    const { call } = await worker()
    expect(await call('queue.insert', ['q1', 'item1'])).toBe(true)
    expect(await call('queue.insert', ['q1', 'item1'])).toBe("Item already exists in this queue: 'item1'")
    expect(await call('queue.insert', ['q1', ['a', 'b', 'c', 'd']])).toBe(true)
    expect(await call('queue.insert', ['q1', { k: 'v' }])).toBe(true)
    expect(await call('queue.list_queues')).toEqual(['q1'])
    expect(await call('queue.list_items', ['q1'])).toEqual(['item1', 'a', 'b', 'c', 'd', { k: 'v' }])
    expect(await call('queue.list_length', ['q1'])).toBe(6)
    expect(await call('queue.pop', ['q1'])).toEqual(['item1'])
    expect(await call('queue.pop', ['q1'], { quantity: 2 })).toEqual(['a', 'b'])
    expect(await call('queue.process_queue', ['q1'], { quantity: 1 })).toEqual({
      items: ['c'],
      backend: 'sqlite',
      queue: 'q1',
      _stamp: expect.any(String),
    })
    expect(await call('queue.delete', ['q1', 'd'])).toBe(true)
    expect(await call('queue.delete', ['q1', 'nope'])).toBe(true)
    expect(await call('queue.process_queue', ['q1', 'all', 'sqlite'])).toMatchObject({ items: [{ k: 'v' }] })
    expect(await call('queue.pop', ['q1'])).toEqual([])
    expect(await call('queue.process_queue', ['q1'])).toMatchObject({ items: [] })
    expect(await call('queue.list_length', ['nope'])).toBe(0)
    expect(await call('queue.list_queues')).toEqual(['q1'])
  })

  it('inserts what is new of a list, and says what is not', async () => {
    const { call } = await worker()
    await call('queue.insert', ['q', ['a', 'b']])
    expect(await call('queue.insert', ['q', ['b', 'c', { x: 1 }]])).toBe(
      "One or more items already exist in this queue: 'b'; the other 2 were inserted",
    )
    expect(await call('queue.insert', ['q', ['a', 'b']])).toBe(
      "One or more items already exist in this queue: 'a', 'b'",
    )
    expect(await call('queue.insert', ['q', { x: 1 }])).toBe(`Item already exists in this queue: '{"x":1}'`)
    expect(await call('queue.list_items', ['q'])).toEqual(['a', 'b', 'c', { x: 1 }])
  })

  it('keeps calls of runner functions, and runs them', async () => {
    const { call, ran } = await worker()
    const given = { args: 'test_insert_runner,x', kwargs: { data: { foo: 'bar' } }, queue: 'rq' }
    expect(await call('queue.insert_runner', ['event.send'], given)).toBe(true)
    expect(await call('queue.insert_runner', ['event.send'], given)).toContain('Item already exists in this queue')
    expect(await call('queue.insert_runner', ['test.arg'], { backend: 'jetstream', queue: 'rq' })).toBe(true)
    expect(await call('queue.process_runner', [], { queue: 'rq' })).toMatchObject([
      { fun: 'event.send', success: true },
    ])
    expect(await call('queue.process_runner', ['all'], { queue: 'rq', backend: 'jetstream' })).toMatchObject([
      { fun: 'test.arg' },
    ])
    expect(ran).toMatchObject([
      { fun: 'event.send', arg: ['test_insert_runner', 'x'], kwarg: { data: { foo: 'bar' } } },
      { fun: 'test.arg', arg: [], kwarg: {} },
    ])
  })

  it.each<[string, unknown[], Record<string, unknown>, string]>([
    ['queue.pop', ['q'], { quantity: 'abc' }, 'Quantity must be an integer or "all"'],
    ['queue.pop', ['q', -1], {}, "argument 'quantity'"],
    ['queue.pop', ['q', 1.5], {}, 'Quantity must be'],
    ['queue.pop', ['q'], { backend: 'sqllite' }, "Did you mean 'sqlite'?"],
    ['queue.insert', ['a.b', 'x'], {}, "'a.b' is no name of a queue"],
    ['queue.insert', ['q'], {}, "argument 'items'"],
    ['queue.insert', ['q', null], {}, 'needs an item'],
    ['queue.insert', ['q', ['a', null]], {}, 'null is no item'],
    ['queue.insert', ['q', 'a'], { delay: 'soon' }, "'soon' is not a duration"],
    ['queue.insert', ['q', Array.from({ length: 1_000_000 }, (_, n) => n)], {}, '1000000 items are more'],
  ])('%s refuses what it cannot do: %j %j', async (fun, arg, kwarg, message) => {
    const { call } = await worker()
    await expect(call(fun, arg, kwarg)).rejects.toThrow(message)
    expect(await call('queue.list_queues')).toEqual([])
  })

  it('lets an event choose items, and neither the queue nor what runs', async () => {
    const registry = await loadFunctions('runner')
    const problems = (fun: string, kwarg: Record<string, unknown>, path: string) =>
      untrustedProblems(registry.get(fun), [], kwarg, [['kwarg', path]])
    expect(problems('queue.insert', { queue: 'q', items: 'a' }, 'items')).toEqual([])
    expect(problems('queue.insert', { queue: 'q', items: 'a' }, 'queue')).not.toEqual([])
    expect(problems('queue.pop', { queue: 'q', quantity: 'all' }, 'quantity')).not.toEqual([])
    expect(problems('queue.insert_runner', { fun: 'test.arg' }, 'fun')).not.toEqual([])
    expect(problems('queue.insert_runner', { fun: 'test.arg', args: ['a'] }, 'args')).toEqual([])
  })
})
