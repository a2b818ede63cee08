import { Kvm } from '@nats-io/kv'
import { Objm } from '@nats-io/obj'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { type Bundle, openBundleStore } from '../../src/reactor/bundle.ts'
import { loadRuleText } from '../../src/reactor/rules/load.ts'
import { keptLog, openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const rules = (...names: string[]) =>
  loadRuleText('r.yaml', names.map(name => `rule: ${name}\non: my/*\ndo: runner.test.arg\n`).join('---\n')).rules

async function openStore() {
  const core = await openCore(server)
  return { ...core, store: await openBundleStore(core.nc, core.ns, 1, silentLog) }
}

/** A store of the same namespace on a connection of its own, as another process has it. */
async function another(ns: string) {
  const nc = await connect({ servers: server.url })
  onTestFinished(() => nc.close())
  return openBundleStore(nc, ns, 1, silentLog)
}

describe('the bundle store', () => {
  it('has no bundle at first, then the one that was activated', async () => {
    const { store, ns } = await openStore()
    expect(await store.active()).toBeUndefined()
    const { bundle, changed } = await store.activate(rules('a', 'b'))
    expect(changed).toBe(true)
    expect(bundle.hash).toMatch(/^[0-9a-f]{16}$/)
    expect(await store.active()).toEqual(bundle)
    expect(await (await another(ns)).active()).toEqual(bundle)
  })

  it('is not changed by the same content, in whatever order its keys come', async () => {
    const { store } = await openStore()
    const first = await store.activate(rules('a'))
    const [{ on, rule, ...rest }] = rules('a') as [ReturnType<typeof rules>[number]]
    expect(await store.activate([{ ...rest, rule, on }])).toEqual({ bundle: first.bundle, changed: false })
  })

  it('takes an empty set of rules', async () => {
    const { store } = await openStore()
    await store.activate(rules('a'))
    await store.activate([])
    expect((await store.active())?.rules).toEqual([])
  })

  it('ends with one of them when several feeders activate at once, and none of them fails', async () => {
    const { store, ns } = await openStore()
    const feeders = [store, await another(ns), await another(ns), await another(ns)]
    const done = await Promise.all(feeders.map((feeder, index) => feeder.activate(rules(`of-${index}`))))
    expect(done.map(({ changed }) => changed)).toEqual([true, true, true, true])
    expect(done.map(({ bundle }) => bundle.hash)).toContain((await store.active())?.hash)
  })

  it('is changed by one alone of several feeders that activate the same at once', async () => {
    const { store, ns } = await openStore()
    const feeders = [store, await another(ns), await another(ns)]
    const done = await Promise.all(feeders.map(feeder => feeder.activate(rules('same'))))
    expect(done.filter(({ changed }) => changed)).toHaveLength(1)
  })

  it('tells a follower of the bundle in force, then of each that follows', async () => {
    const { store, ns } = await openStore()
    await store.activate(rules('a'))
    const seen = createSeen<Bundle>()
    const mirror = await (await another(ns)).follow(bundle => seen.push(bundle))
    expect(seen.items.map(({ rules }) => rules.map(({ rule }) => rule))).toEqual([['a']])
    await store.activate(rules('a', 'b'))
    await seen.reach(2)
    await store.activate(rules('c'))
    await seen.reach(3)
    expect(seen.items.map(({ rules }) => rules.map(({ rule }) => rule))).toEqual([['a'], ['a', 'b'], ['c']])
    await mirror.stop()
  })

  it('remembers which bundles were in force', async () => {
    const { store, nc, ns } = await openStore()
    const hashes: string[] = []
    for (const name of ['a', 'b', 'a']) hashes.push((await store.activate(rules(name))).bundle.hash)
    const bucket = await new Kvm(nc).open(`${ns}_rules`)
    const history: string[] = []
    for await (const entry of await bucket.history({ key: 'active' })) history.push(entry.json<{ hash: string }>().hash)
    expect(history).toEqual(hashes)
  })

  it('tells of a bundle once it can be read, and says once that it cannot yet', async () => {
    const { nc, ns, store } = await openStore()
    await store.activate(rules('a'))
    const { log, lines } = keptLog()
    const seen = createSeen<Bundle>()
    const mirror = await (await openBundleStore(nc, ns, 1, log)).follow(bundle => seen.push(bundle))
    const reads = createSeen<string>()
    nc.subscribe('$JS.API.>', {
      callback: (_error, { subject }) => {
        if (subject.includes(`OBJ_${ns}_bundles`)) reads.push(subject)
      },
    })
    const bucket = await new Kvm(nc).open(`${ns}_rules`)
    await bucket.put('active', JSON.stringify({ hash: 'late', at: 1 }))
    await reads.reach(3)
    const objects = await new Objm(nc).open(`${ns}_bundles`)
    await objects.putBlob({ name: 'late' }, Buffer.from(JSON.stringify(rules('b'))))
    await seen.reach(2)
    expect(seen.items.map(({ hash }) => hash).at(-1)).toBe('late')
    expect(lines.items).toMatchObject([{ bundle: 'late', error: expect.stringContaining('not in the store') }])
    await mirror.stop()
  })

  it('tries one that cannot be read no more once another is active', async () => {
    const { nc, ns, store } = await openStore()
    const { log, lines } = keptLog()
    const seen = createSeen<Bundle>()
    const mirror = await (await openBundleStore(nc, ns, 1, log)).follow(bundle => seen.push(bundle))
    const bucket = await new Kvm(nc).open(`${ns}_rules`)
    await bucket.put('active', JSON.stringify({ hash: 'never', at: 1 }))
    await lines.reach(1)
    const { bundle } = await store.activate(rules('b'))
    await seen.reach(1)
    expect(seen.items).toEqual([bundle])
    await mirror.stop()
  })
})
