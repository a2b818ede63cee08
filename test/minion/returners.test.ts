// Returns for returners: on disk until the store has them, through stores that are down, refuse, and come back.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { refused } from '../../src/functions/define-returner.ts'
import { createRefusedReturns } from '../../src/minion/refused-returns.ts'
import { type Destination, openReturnerSpool } from '../../src/minion/returner-spool.ts'
import { createReturnerStores, type ReturnerStores } from '../../src/minion/returner-stores.ts'
import { startReturners } from '../../src/minion/returners.ts'
import type { StoredReturn } from '../../src/protocol/returned.ts'
import { jidAt, returnOf } from '../contract/returners.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { createGate, createSeen } from '../helpers/wait.ts'
import { createWorld, job } from './engine.ts'

const MB = 1024 * 1024
const SOON = { timeout: 40_000 }
const NOW = Date.UTC(2026, 10, 20, 9, 18, 20)
const newReturn = (more: Partial<StoredReturn> = {}) => returnOf(jidAt(NOW), 'm1', more)

/** A minion's returners on a folder of their own, that can be stopped and started again, and stores that do as they are told. */
async function createPlace({ always = [] as string[], mostBytes = 64 * MB } = {}) {
  const dir = await testFolder()
  const { log, lines } = keptLog()
  const said = createSeen<Record<string, unknown> & { what: string }>()
  const calls = createSeen<{ to: Destination; jids: string[] }>()
  const stored = createSeen<{ to: Destination; returned: StoredReturn }>()
  const released = createSeen<Destination>()
  /** What a store does with a batch, and whether it can be opened. */
  const world: { take(batch: readonly StoredReturn[], to: Destination): Promise<void>; open(to: Destination): void } = {
    take: async () => undefined,
    open: () => undefined,
  }
  const stores: ReturnerStores = {
    check: async () => undefined,
    open: async to => {
      world.open(to)
      return {
        async returner(batch) {
          calls.push({ to, jids: batch.map(({ jid }) => jid) })
          await world.take(batch, to)
          for (const returned of batch) stored.push({ to, returned })
        },
        close: async () => undefined,
      }
    },
    release: to => released.push(to),
    close: async () => undefined,
  }
  const start = async () => {
    const file = await openReturnerSpool(join(dir, 'returners.jsonl'), log)
    const returners = startReturners({
      file,
      refused: createRefusedReturns(join(dir, 'refused-returns.jsonl'), log),
      stores,
      always,
      mostBytes,
      say: (what, data) => said.push({ what, ...data }),
      backoff: { firstMs: 5, mostMs: 20 },
      log,
    })
    let stopped = false
    const stop = async () => {
      if (stopped) return
      stopped = true
      await returners.stop()
      await file.close()
    }
    onTestFinished(stop)
    return { ...returners, file, stop }
  }
  const states = () => said.items.filter(({ what }) => what === 'returner').map(({ state }) => state)
  const parked = async () =>
    (await readFile(join(dir, 'refused-returns.jsonl'), 'utf8'))
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line) as { k: string; v?: Record<string, unknown> })
  return { dir, log, lines, said, calls, stored, released, world, start, states, parked }
}

const down = async () => {
  throw new Error('connect ECONNREFUSED 127.0.0.1:3306')
}

describe('a return', () => {
  it('goes to each returner of its job and of the config once, and is gone from disk then', async () => {
    const { start, stored } = await createPlace({ always: ['mysql', 'local'] })
    const { take, file } = await start()
    const one = newReturn({ return: 'x'.repeat(3 * MB) })
    await take({ ret: 'redis, mysql,redis' }, one)
    await stored.reach(2)
    expect(stored.items.map(({ to }) => to)).toEqual(
      expect.arrayContaining([{ returner: 'mysql' }, { returner: 'redis' }]),
    )
    expect(stored.items[0]!.returned).toEqual(one)
    await expect.poll(() => file.values.size, SOON).toBe(0)
  })

  it('is given with the settings of its job beside those of the config', async () => {
    const { start, stored, released } = await createPlace({ always: ['mysql'] })
    const { take } = await start()
    await take({ ret: 'mysql', ret_config: 'other', ret_kwargs: { db: 'audit' } }, newReturn())
    const to = { returner: 'mysql', ret_config: 'other', ret_kwargs: { db: 'audit' } }
    await stored.find(one => one.to.ret_config === 'other', 'the return with its own settings')
    await stored.find(one => one.to.ret_config === undefined, 'the return for the config')
    expect(stored.items.find(one => one.to.ret_config === 'other')?.to).toEqual(to)
    await released.find(one => one.ret_config === 'other', 'the end of what its settings opened')
  })

  it('is nowhere where no returner is named', async () => {
    const { start, calls } = await createPlace()
    const { take, file } = await start()
    await take({}, newReturn())
    await take({ ret: 'local' }, newReturn())
    await take({ ret_config: 'other' }, newReturn())
    expect([calls.items, file.values.size]).toEqual([[], 0])
  })

  it('that comes again for its job before it is delivered stands in the place of the one before', async () => {
    const { start, stored, world, calls } = await createPlace()
    const { take, file } = await start()
    const gate = createGate()
    world.take = () => gate.passed
    const one = newReturn({ return: 'first' })
    await take({ ret: 'mysql' }, one)
    await calls.reach(1)
    await take({ ret: 'mysql' }, { ...one, return: 'second' })
    expect(file.values.size).toBe(1)
    gate.open()
    await stored.find(({ returned }) => returned.return === 'second', 'the later return')
    await expect.poll(() => file.values.size, SOON).toBe(0)
    expect(stored.items.at(-1)!.returned.return).toBe('second')
  })
})

describe('a store that is down', () => {
  it('gets all that came meanwhile once, in batches, and is said once to be down and once to be up', async () => {
    const { start, stored, world, calls, states, said, lines } = await createPlace()
    const { take } = await start()
    world.take = down
    const all = Array.from({ length: 250 }, () => newReturn())
    for (const one of all) await take({ ret: 'mysql' }, one)
    await calls.reach(5)
    world.take = async () => undefined
    await stored.reach(250)
    expect(stored.items.map(({ returned }) => returned.jid).sort()).toEqual(all.map(({ jid }) => jid).sort())
    const sizes = calls.items.map(({ jids }) => jids.length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100)
    expect(sizes.length).toBeLessThan(100)
    await said.find(({ state }) => state === 'up', 'that it takes returns again')
    expect(states()).toEqual(['down', 'up'])
    expect(said.items[0]).toMatchObject({ returner: 'mysql', reason: 'connect ECONNREFUSED 127.0.0.1:3306' })
    expect(said.items[0]!.waiting).toBeGreaterThan(0)
    expect(lines.items.filter(({ msg }) => msg.startsWith('a returner takes no returns'))).toHaveLength(1)
  })

  it('that trips over one return each time gets all others', async () => {
    const { start, stored, world } = await createPlace()
    const { take, file } = await start()
    const all = Array.from({ length: 150 }, () => newReturn())
    const bad = all[3]!.jid
    world.take = async batch => {
      if (batch.some(({ jid }) => jid === bad)) throw new TypeError('cannot read properties of undefined')
    }
    for (const one of all) await take({ ret: 'own' }, one)
    await stored.reach(149)
    expect(stored.items.map(({ returned }) => returned.jid).sort()).toEqual(
      all
        .map(({ jid }) => jid)
        .filter(jid => jid !== bad)
        .sort(),
    )
    await expect.poll(() => file.values.size, SOON).toBe(1)
  })

  it('gets what waits after a restart', async () => {
    const { start, stored, world, calls, dir } = await createPlace()
    const first = await start()
    world.take = down
    const one = newReturn()
    await first.take({ ret: 'mysql', ret_kwargs: { db: 'audit' } }, one)
    await calls.reach(2)
    await first.stop()
    expect(await readFile(join(dir, 'returners.jsonl'), 'utf8')).toContain(one.jid)
    world.take = async () => undefined
    const second = await start()
    await stored.reach(1)
    expect(stored.items[0]).toEqual({ to: { returner: 'mysql', ret_kwargs: { db: 'audit' } }, returned: one })
    await expect.poll(() => second.file.values.size, SOON).toBe(0)
  })

  it('keeps no other returner waiting', async () => {
    const { start, stored, world } = await createPlace({ always: ['mysql', 'redis'] })
    const { take } = await start()
    world.take = (_batch, { returner }) => (returner === 'mysql' ? new Promise(() => undefined) : Promise.resolve())
    for (let n = 0; n < 3; n++) await take({}, newReturn())
    await stored.reach(3)
    expect(new Set(stored.items.map(({ to }) => to.returner))).toEqual(new Set(['redis']))
  })

  it('holds up no stop, and what waits stays on disk', async () => {
    const { start, world, calls, dir } = await createPlace()
    const { take, stop } = await start()
    world.take = () => new Promise(() => undefined)
    const one = newReturn()
    await take({ ret: 'mysql' }, one)
    await calls.reach(1)
    await stop()
    expect(await readFile(join(dir, 'returners.jsonl'), 'utf8')).toContain(one.jid)
  })

  it('gets no batch of more than a megabyte, and a larger return by itself', async () => {
    const { start, stored, world, calls } = await createPlace()
    const { take } = await start()
    world.take = down
    for (const size of [0.6, 0.6, 3, 0.1, 0.1])
      await take({ ret: 'mysql' }, newReturn({ return: 'x'.repeat(size * MB) }))
    await calls.reach(2)
    const before = calls.items.length
    world.take = async () => undefined
    await stored.reach(5)
    expect(
      calls.items
        .slice(before)
        .map(({ jids }) => jids.length)
        .slice(-4),
    ).toEqual([1, 1, 1, 2])
  })
})

describe('the room on disk', () => {
  it('is said to fill up before it is full, and then takes no more, each said once', async () => {
    const { start, stored, world, states, said, lines } = await createPlace({ mostBytes: MB })
    const { take, file } = await start()
    world.take = down
    const tenth = () => newReturn({ return: 'x'.repeat(MB / 10) })
    const all = Array.from({ length: 12 }, tenth)
    for (const one of all) await take({ ret: 'mysql' }, one)
    expect(file.values.size).toBe(9)
    expect(states()).toEqual(expect.arrayContaining(['down', 'filling', 'full']))
    expect(states()).toHaveLength(3)
    expect(said.items.find(({ state }) => state === 'full')).toMatchObject({ returner: 'mysql', waiting: 9 })
    expect(lines.items.filter(({ msg }) => msg.startsWith('a return is not given')).map(({ jid }) => jid)).toEqual(
      all.slice(9).map(({ jid }) => jid),
    )
    world.take = async () => undefined
    await stored.reach(9)
    await expect.poll(() => file.values.size, SOON).toBe(0)
    world.take = down
    for (let n = 0; n < 12; n++) await take({ ret: 'mysql' }, tenth())
    expect(states().filter(state => state === 'full')).toHaveLength(2)
  })

  it('has room for what takes the place of another', async () => {
    const { start, stored, world } = await createPlace({ mostBytes: MB })
    const { take } = await start()
    world.take = down
    const one = newReturn({ return: 'x'.repeat(0.9 * MB) })
    await take({ ret: 'mysql' }, one)
    await take({ ret: 'mysql' }, { ...one, return: 'y'.repeat(1.1 * MB) })
    world.take = async () => undefined
    await stored.find(({ returned }) => String(returned.return).startsWith('y'), 'the later return')
    expect(stored.items).toHaveLength(1)
  })

  it('counts what is there after a restart', async () => {
    const { start, world, states } = await createPlace({ mostBytes: MB })
    world.take = down
    const first = await start()
    for (let n = 0; n < 9; n++) await first.take({ ret: 'mysql' }, newReturn({ return: 'x'.repeat(MB / 10) }))
    await first.stop()
    const second = await start()
    await second.take({ ret: 'mysql' }, newReturn({ return: 'x'.repeat(MB / 10) }))
    expect(second.file.values.size).toBe(9)
    expect(states()).toContain('full')
  })
})

describe('a return that the store can never take', () => {
  it('is kept with the reason and said, and the others go on', async () => {
    const { start, stored, world, said, parked } = await createPlace()
    const { take, file } = await start()
    const all = Array.from({ length: 37 }, () => newReturn())
    const bad = new Set([all[3]!.jid, all[36]!.jid])
    const gate = createGate()
    world.take = async batch => {
      await gate.passed
      if (batch.some(({ jid }) => bad.has(jid))) throw refused('the column takes 50 characters')
    }
    for (const one of all) await take({ ret: 'mysql', ret_kwargs: { password: 'hunter2' } }, one)
    gate.open()
    await stored.reach(35)
    await said.reach(2)
    expect(said.items.map(({ what, jid, reason }) => ({ what, jid, reason }))).toEqual(
      [...bad].map(jid => ({ what: 'returner_refused', jid, reason: 'the column takes 50 characters' })),
    )
    const kept = await parked()
    expect(kept.map(({ v }) => v)).toMatchObject([
      { to: { returner: 'mysql' }, returned: all[3], reason: 'the column takes 50 characters' },
      { returned: all[36] },
    ])
    expect(JSON.stringify(kept)).not.toContain('hunter2')
    await expect.poll(() => file.values.size, SOON).toBe(0)
    expect(new Set(stored.items.map(({ returned }) => returned.jid)).size).toBe(35)
  })

  it.each(['bad_config', 'bad_module'] as const)('is kept too where the returner fails with %s', async code => {
    const { start, world, said, parked } = await createPlace()
    const { take, file } = await start()
    world.open = () => {
      throw new ReactorError(code, "there is no returner 'mysq'. Did you mean 'mysql'?")
    }
    const one = newReturn()
    await take({ ret: 'mysq' }, one)
    await said.reach(1)
    expect(said.items).toMatchObject([{ what: 'returner_refused', returner: 'mysq', jid: one.jid }])
    expect(await parked()).toHaveLength(1)
    await expect.poll(() => file.values.size, SOON).toBe(0)
  })

  it('makes the oldest of a thousand give way', async () => {
    const { start, world, said, log, dir } = await createPlace()
    const { take, stop } = await start()
    world.take = async () => {
      throw refused('never')
    }
    const all = Array.from({ length: 1003 }, () => newReturn())
    await Promise.all(all.map(one => take({ ret: 'mysql' }, one)))
    await said.reach(1003)
    await stop()
    const kept = await openReturnerSpool(join(dir, 'refused-returns.jsonl'), log)
    onTestFinished(() => kept.close())
    const jids = [...kept.values.values()].map(({ returned }) => returned.jid)
    expect(jids).toEqual(all.slice(3).map(({ jid }) => jid))
  })
})

describe('the jobs of a minion', () => {
  it('give their returns on, whole, with the stamp that their event has, and name their returners while they run', async () => {
    const world = await createWorld()
    const taken = createSeen<{ ret: string | undefined; returned: StoredReturn }>()
    const engine = await world.start({ take: async ({ ret }, returned) => taken.push({ ret, returned }) })
    const sent = job('gate.wait', { ret: 'mysql,redis', ret_kwargs: { db: 'x' } })
    await engine.take(sent)
    await world.started.reach(1)
    expect(engine.running()).toMatchObject([{ jid: sent.jid, ret: 'mysql,redis' }])
    world.gate.open()
    const returned = await world.returnOf(sent)
    expect(taken.items).toEqual([
      { ret: 'mysql,redis', returned: { ...returned, _stamp: '2026-11-20T09:18:20.000000' } },
    ])
    await engine.take(job('gate.return', { arg: ['2000000'] }))
    const large = await taken.find(one => one.returned.fun === 'gate.return', 'the large return')
    expect(large.returned.return).toHaveLength(2_000_000)
  })

  it('give on what is said of one that died', async () => {
    const world = await createWorld()
    const first = await world.start()
    const sent = job('gate.deaf', { ret: 'mysql' })
    await first.take(sent)
    await world.started.reach(1)
    const onDisk = first.file.values.get(sent.jid)!
    world.gate.open()
    await world.returnOf(sent)
    await first.close()
    const again = await createWorld()
    const taken = createSeen<{ ret: string | undefined; returned: StoredReturn }>()
    const before = await again.start()
    await before.file.put(sent.jid, onDisk)
    await before.close()
    await again.start({ take: async ({ ret }, returned) => taken.push({ ret, returned }) })
    await taken.reach(1)
    expect(taken.items).toMatchObject([{ ret: 'mysql', returned: { jid: sent.jid, outcome: 'died', success: false } }])
  })
})

describe('the returners of a config', () => {
  const place = async (moduleDirs: string[] = []) =>
    createReturnerStores({
      moduleDirs,
      settings: {},
      id: 'm1',
      profiles: { smtp: {}, http: {} },
      log: keptLog().log,
    })

  it('are looked for when the first is named, and not before', async () => {
    const dir = await testFolder()
    await mkdir(join(dir, 'returners'))
    await writeFile(join(dir, 'returners', 'No-Name.mjs'), 'throw new Error("loaded")')
    const stores = await place([dir])
    await stores.check([])
    await expect(stores.check(['mysql'])).rejects.toMatchObject({ code: 'bad_module' })
    await stores.close(1000)
  })

  it('must be there when the minion starts', async () => {
    const stores = await place()
    await stores.check(['local'])
    await expect(stores.check(['nosuch'])).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(/^ext_job_cache: there is no returner 'nosuch'/),
    })
  })
})
