import { jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { Objm } from '@nats-io/obj'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { type Bundle, openBundleStore } from '../../src/reactor/bundle.ts'
import { loadRuleText } from '../../src/reactor/rules/load.ts'
import { keptLog, openCore } from '../helpers/core.ts'
import { startRestartableServer } from '../helpers/restartable.ts'
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

describe('an activation', () => {
  const folder = { kind: 'folder', name: '/rules' } as const

  it('says where its bundle came from, how large it is and what it changed', async () => {
    const { store } = await openStore()
    await store.activate(rules('a', 'b'), folder)
    expect((await store.inForce())!.activation).toEqual({
      ...{ hash: expect.any(String), at: expect.any(Number), from: folder, rules: 2 },
      changes: { added: 2, changed: 0, removed: 0 },
    })
    await store.activate(rules('b', 'c'), { kind: 'push', name: 'deploy-42', by: 'ada' })
    expect((await store.inForce())!.activation).toMatchObject({
      from: { kind: 'push', name: 'deploy-42', by: 'ada' },
      changes: { added: 1, changed: 0, removed: 1 },
    })
  })

  it('of an older version is read, and may be switched', async () => {
    const { store, nc, ns } = await openStore()
    const { bundle } = await store.activate(rules('a', 'b'))
    const bucket = await new Kvm(nc).open(`${ns}_rules`)
    await bucket.put('active', JSON.stringify({ hash: bundle.hash, at: 1 }))
    expect(await store.inForce()).toEqual({ activation: { hash: bundle.hash, at: 1 }, bundle })
    await store.switch({ to: 'off', names: ['a'], by: 'ada' })
    expect((await store.active())!.off).toEqual(['a'])
    expect(await store.history()).toMatchObject([
      { off: 1, switched: { to: 'off', names: ['a'], by: 'ada' } },
      { off: 0, hash: bundle.hash, at: 1 },
      { rules: 2 },
    ])
  })

  it('keeps who is off over other bundles, and whoever comes back is off still', async () => {
    const { store } = await openStore()
    await store.activate(rules('a', 'b'), folder)
    await store.switch({ to: 'off', names: ['a'], by: 'ada', reason: 'too loud' })
    const without = await store.activate(rules('b', 'c'), folder)
    expect(without.bundle).not.toHaveProperty('off')
    const again = await store.activate(rules('a', 'd'), { kind: 'push', name: 'x' })
    expect(again.bundle.off).toEqual(['a'])
    expect((await store.active())!.off).toEqual(['a'])
    expect((await store.inForce())!.activation.off).toEqual({
      a: { by: 'ada', at: expect.any(Number), reason: 'too loud' },
    })
  })

  it('is no new bundle where rules are switched: nothing is stored again', async () => {
    const { store, nc, ns } = await openStore()
    await store.activate(rules('a'))
    const objects = await new Objm(nc).open(`${ns}_bundles`)
    const before = (await objects.list()).map(({ nuid }) => nuid)
    await store.switch({ to: 'off', names: ['a'], by: 'ada' })
    await store.switch({ to: 'on', names: ['a'], by: 'ada' })
    expect((await objects.list()).map(({ nuid }) => nuid)).toEqual(before)
    expect(before).toHaveLength(1)
  })

  it('takes every switch of several people at once, and a bundle that comes meanwhile', async () => {
    const { store, ns } = await openStore()
    await store.activate(rules('a', 'b', 'c'))
    const [one, two, three] = [await another(ns), await another(ns), await another(ns)]
    await Promise.all([
      one.switch({ to: 'off', names: ['a'], by: 'ada' }),
      two.switch({ to: 'off', names: ['b'], by: 'bob' }),
      three.switch({ to: 'off', names: ['c'], by: 'cy' }),
      store.activate(rules('a', 'b', 'c', 'd')),
    ])
    expect(await store.active()).toMatchObject({ off: ['a', 'b', 'c'], rules: { length: 4 } })
  })

  it('is not changed by a name that is not known, nor before there are rules', async () => {
    const { store } = await openStore()
    await expect(store.switch({ to: 'off', names: ['a'], by: 'ada' })).rejects.toMatchObject({ code: 'not_found' })
    expect(await store.history()).toEqual([])
    await store.activate(rules('restart'))
    await expect(store.switch({ to: 'off', names: ['restrat'], by: 'ada' })).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining("did you mean 'restart'?"),
    })
    expect(await store.history()).toHaveLength(1)
  })
})

describe('several reactors', () => {
  const names = (bundle: Bundle) => `${bundle.rules.map(({ rule }) => rule).join()} off:${bundle.off?.join() ?? ''}`

  it('end with the same bundle and the same rules off, through quick changes of both', async () => {
    const { store, ns } = await openStore()
    await store.activate(rules('first'))
    const [one, two] = [createSeen<string>(), createSeen<string>()]
    const mirrors = [
      await (await another(ns)).follow(bundle => one.push(names(bundle))),
      await (await another(ns)).follow(bundle => two.push(names(bundle))),
    ]
    for (let round = 0; round < 10; round++) {
      await store.activate(rules('a', `r${round}`))
      await store.switch({ to: round % 2 === 0 ? 'off' : 'on', names: ['a'], by: 'ada' })
    }
    await store.activate(rules('a', 'last'))
    for (const seen of [one, two]) {
      await seen.find(text => text.startsWith('a,last'), 'the last bundle')
      expect(seen.items.at(-1)).toBe('a,last off:')
      expect(seen.items[0]).toBe('first off:')
      // None of them takes a step back.
      const rounds = seen.items.flatMap(text => /r(\d)/.exec(text)?.[1] ?? [])
      expect(rounds).toEqual([...rounds].sort())
    }
    for (const mirror of mirrors) await mirror.stop()
  })

  it('are told of a rule that is switched with the same rules, and nothing is read for it', async () => {
    const { store, ns, nc } = await openStore()
    await store.activate(rules('a', 'b'))
    const seen = createSeen<Bundle>()
    const mirror = await (await another(ns)).follow(bundle => seen.push(bundle))
    const objects = await new Objm(nc).open(`${ns}_bundles`)
    await store.switch({ to: 'off', names: ['b'], by: 'ada' })
    await seen.reach(2)
    await objects.delete(seen.items[0]!.hash)
    // The rules are in no store any more: who has them goes on with them.
    const bucket = await new Kvm(nc).open(`${ns}_rules`)
    await bucket.put('active', JSON.stringify({ hash: seen.items[0]!.hash, at: 1 }))
    await seen.reach(3)
    expect(seen.items.map(({ off }) => off)).toEqual([undefined, ['b'], undefined])
    expect(seen.items[2]!.rules).toBe(seen.items[0]!.rules)
    await mirror.stop()
  })

  it('take what came while their server was away, and are told nothing twice', async () => {
    const away = await startRestartableServer()
    onTestFinished(() => away.remove())
    const ns = 'away'
    const connected = async () => {
      const nc = await connect({ servers: away.url, reconnectTimeWait: 50, maxReconnectAttempts: -1 })
      onTestFinished(() => nc.close())
      return nc
    }
    const writer = await openBundleStore(await connected(), ns, 1, silentLog)
    const { bundle } = await writer.activate(rules('a', 'b'))
    const followers = await Promise.all(
      [1, 2].map(async () => {
        const nc = await connected()
        const reconnects = createSeen<string>()
        void (async () => {
          for await (const { type } of nc.status()) if (type === 'reconnect') reconnects.push(type)
        })()
        const seen = createSeen<string>()
        const mirror = await (await openBundleStore(nc, ns, 1, silentLog)).follow(one => seen.push(names(one)))
        return { seen, mirror, reconnects }
      }),
    )
    await away.end()
    await away.start()
    const late = await openBundleStore(await connected(), ns, 1, silentLog)
    expect((await late.active())?.hash).toBe(bundle.hash)
    for (const { reconnects } of followers) await reconnects.reach(1)
    await late.switch({ to: 'off', names: ['b'], by: 'ada' })
    await late.activate(rules('b', 'c'))
    for (const { seen } of followers) await seen.find(text => text === 'b,c off:b', 'the last bundle')
    for (const { seen, mirror } of followers) {
      expect(seen.items).toEqual([...new Set(seen.items)])
      expect(seen.items[0]).toBe('a,b off:')
      await mirror.stop()
    }
  })
})

describe('a bundle of many rules', () => {
  it('goes into the store and comes out of it whole', async () => {
    const { store, ns } = await openStore()
    const many = rules(...Array.from({ length: 3000 }, (_, index) => `rule-${String(index).padStart(5, '0')}`))
    const { bundle } = await store.activate(many)
    expect(JSON.stringify(many).length).toBeGreaterThan(2 * 128 * 1024)
    expect((await (await another(ns)).active())!.rules).toEqual(bundle.rules)
  })

  it('of which a part is missing is not waited for, but refused', async () => {
    const { store, nc, ns } = await openStore()
    const many = rules(...Array.from({ length: 2000 }, (_, index) => `rule-${index}`))
    const { bundle } = await store.activate(many)
    const jsm = await jetstreamManager(nc)
    const info = (await (await new Objm(nc).open(`${ns}_bundles`)).info(bundle.hash))!
    const first = await jsm.streams.getMessage(`OBJ_${ns}_bundles`, {
      last_by_subj: `$O.${ns}_bundles.C.${info.nuid}`,
    })
    await jsm.streams.deleteMessage(`OBJ_${ns}_bundles`, first!.seq)
    await expect(store.active()).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringContaining(bundle.hash),
    })
  })
})
