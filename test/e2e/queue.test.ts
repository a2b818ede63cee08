// Queues as people use them: the runner functions and `reactor queue` on the real program, rules that handle what comes out, and a
// job worker that is killed.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { untilTaken } from '../helpers/wait.ts'
import { type Running, type SeenLine, startReactor } from './reactor.ts'

const RULES = `rule: queued
on: salt/queue/*/process
do:
  - runner.event.send: { tag: handled, data: { queue: "{{ data.queue }}", items: "{{ data['items'] | tojson }}" } }
---
rule: collect
on: order/*
do:
  - runner.queue.insert: { queue: orders, items: "{{ data.id }}", backend: jetstream }
---
rule: refill
on: salt/queue/circle/process
do:
  - runner.queue.insert: { queue: circle, items: again }
---
rule: around
on: salt/queue/around/process
do:
  - runner.queue.insert: { queue: around, items: again }
  - runner.queue.process_queue: { queue: around }
`

const BACKENDS = ['sqlite', 'jetstream']

let reactor: Running
let rules: string
beforeAll(async () => {
  rules = await mkdtemp(join(tmpdir(), 'reactor-rules-'))
  await writeFile(join(rules, 'queues.yaml'), RULES)
  const drain = {
    // However fast they come, each is handled by itself.
    orders: { backend: 'jetstream', rate: '20/s', batch: 1 },
    circle: { rate: '20/s' },
    ...Object.fromEntries(BACKENDS.map(backend => [`flood-${backend}`, { backend, rate: '50/s', batch: 1 }])),
  }
  const queue = { lease: '2s', drain }
  // Nothing listens there.
  const away = { 'queue.postgres.host': '127.0.0.1', 'queue.postgres.port': 1 }
  reactor = await startReactor({ args: ['--id', 'web1', '--metrics-port', '0'], rules, config: { queue, ...away } })
})
afterAll(async () => {
  await reactor?.clean()
  await rm(rules, { recursive: true, force: true })
})

const run = async (...words: string[]) => {
  const { code, stdout, stderr } = await reactor.run(...words)
  return { code, stdout: stdout.trim(), stderr }
}
const handled = (...items: unknown[]) =>
  reactor.lines.find(
    ({ tag, data }) => tag === 'handled' && isDeepStrictEqual(JSON.parse(String(data.items)), items),
    `the handling of ${JSON.stringify(items)}`,
  )

describe('queues', () => {
  it('do as runner functions what Salt does', async () => {
    const salt = async (fun: string, ...words: string[]) => {
      const { code, stdout, stderr } = await run('run', `queue.${fun}`, ...words, '--out=json')
      if (code !== 0) throw new Error(stderr)
      return JSON.parse(stdout)
    }
    expect(await salt('insert', 'q1', 'item1')).toBe(true)
    expect(await salt('insert', 'q1', 'item1')).toBe("Item already exists in this queue: 'item1'")
    expect(await salt('insert', 'q1', '["a","b","c","d"]')).toBe(true)
    expect(await salt('insert', 'q1', '{"k": "v"}')).toBe(true)
    expect(await salt('list_items', 'q1')).toEqual(['item1', 'a', 'b', 'c', 'd', { k: 'v' }])
    expect(await salt('list_queues', 'backend=sqlite')).toEqual(['q1'])
    expect(await salt('pop', 'q1', '2')).toEqual(['item1', 'a'])
    expect(await salt('process_queue', 'q1', 'quantity=2')).toMatchObject({ items: ['b', 'c'], queue: 'q1' })
    await handled('b', 'c')
    expect(await salt('insert_runner', 'test.arg', 'args=["x"]')).toBe(true)
    expect(await salt('process_runner')).toMatchObject([{ fun: 'test.arg', success: true }])
    expect(await salt('process_runner')).toEqual([])
    await salt('insert_runner', 'event.send', 'args=["kept/call"]', 'kwargs={"data": {"n": 1}}', 'queue=rq')
    expect(await salt('process_runner', 'queue=rq')).toMatchObject([{ fun: 'event.send', success: true }])
    await reactor.lines.find(({ tag }) => tag === 'kept/call', 'what the kept call did')
  })

  it('have a friendly front', async () => {
    expect(await run('queue', 'insert', 'mails', 'one', 'two', '{"to": "ada"}')).toMatchObject({ code: 0, stdout: '' })
    expect(await run('queue', 'insert', 'mails', 'one')).toMatchObject({
      stdout: "Item already exists in this queue: 'one'",
    })
    expect((await run('queue', 'items', 'mails')).stdout).toBe('one\ntwo\n{"to":"ada"}')
    expect((await run('queue', 'length', 'mails')).stdout).toBe('3')
    expect(JSON.parse((await run('queue', 'list', '--json')).stdout)).toContainEqual({ queue: 'mails', length: 3 })
    expect((await run('queue', 'delete', 'mails', 'two')).code).toBe(0)
    expect((await run('queue', 'process', 'mails', 'all')).stdout).toBe('one\n{"to":"ada"}')
    await handled('one', { to: 'ada' })
    expect(await run('queue', 'pop', 'mails')).toMatchObject({ stdout: '', stderr: 'no items\n' })
    expect((await run('queue', 'pop', 'a.b')).stderr).toContain("'a.b' is no name of a queue")
    expect((await run('queue', 'pop', 'mails', 'some')).code).toBe(64)
  })

  it('whose store is away end the command with 69', async () => {
    const { code, stderr } = await run('queue', 'list', '--backend', 'postgres', '--json')
    expect(code).toBe(69)
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'unreachable', message: expect.stringContaining('127.0.0.1:1') },
    })
  })

  it('are filled by rules and drained to rules by themselves', async () => {
    for (const id of ['o1', 'o2', 'o3']) await run('send', `order/${id}`, JSON.stringify({ id }))
    for (const id of ['o1', 'o2', 'o3']) await handled(id)
    const { metrics } = reactor.ready as unknown as { metrics: Record<string, string> }
    // An item is counted once it is removed, which is after its event.
    await untilTaken('the numbers of the queues', async () => {
      const text = await (await fetch(`${metrics.jobs}/metrics`)).text()
      expect(text).toContain('reactor_queue_drained_items_total{queue="orders"} 3')
      for (const queue of ['orders', 'flood-sqlite'])
        for (const state of ['waiting', 'leased', 'dead'])
          expect(text).toContain(`reactor_queue_items{queue="${queue}",state="${state}"} 0`)
      expect(text).toContain('reactor_queue_oldest_seconds{queue="orders"} 0')
      expect(text).toMatch(/^reactor_metrics_failures_total 0$/m)
    })
    expect((await run('queue', 'length', 'orders', '--backend', 'jetstream')).stdout).toBe('0')
  })

  it('that a rule fills again with what it had out of them are a loop, and cut', async () => {
    const cut = async (queue: string, rule: string) => {
      const isAlarm = ({ tag, data }: SeenLine) => tag?.startsWith('salt/alarm/loop') === true && data.rule === rule
      const alarm = await reactor.lines.find(isAlarm, 'the alarm')
      expect(alarm.data).toMatchObject({ cycle: [rule, rule] })
      expect(reactor.lines.items.filter(({ tag }) => tag === `salt/queue/${queue}/process`)).toHaveLength(2)
    }
    await run('queue', 'insert', 'circle', 'again')
    await cut('circle', 'refill')
    await run('queue', 'insert', 'around', 'again')
    await run('queue', 'process', 'around')
    await cut('around', 'around')
  })

  it('lose no item when the job worker is killed that drains them, and fire none twice', async () => {
    const itemsOf = (backend: string) => Array.from({ length: 150 }, (_, n) => `${backend}-${n}`)
    const firedOf = (backend: string) =>
      reactor.lines.items
        .filter(({ tag }) => tag === `salt/queue/flood-${backend}/process`)
        .flatMap(({ data }) => data.items as string[])
    const fired = (backend: string, item: string) =>
      reactor.lines.find(
        ({ tag, data }) => tag === `salt/queue/flood-${backend}/process` && (data.items as unknown[]).includes(item),
        `the firing of ${item}`,
      )
    await run('queue', 'insert', 'kept', 'a', 'b')
    for (const backend of BACKENDS)
      await run('queue', 'insert', `flood-${backend}`, JSON.stringify(itemsOf(backend)), '--backend', backend)
    await fired('jetstream', 'jetstream-20')
    process.kill(reactor.ready.processes.jobs!, 'SIGKILL')
    for (const backend of BACKENDS) {
      for (const item of itemsOf(backend)) await fired(backend, item)
      expect(firedOf(backend).sort()).toEqual(itemsOf(backend).sort())
    }
    expect((await run('queue', 'items', 'kept')).stdout).toBe('a\nb')
  })
})
