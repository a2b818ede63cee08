// Returns for returners: on disk until the store has them, through stores that are down, refuse, and come back.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { refused } from '../../src/functions/define-returner.ts'
import { openReturnerSpool } from '../../src/minion/returner-spool.ts'
import { createReturnerStores } from '../../src/minion/returner-stores.ts'
import type { StoredReturn } from '../../src/protocol/returned.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { createGate, createSeen } from '../helpers/wait.ts'
import { createWorld, job } from './engine.ts'
import { createPlace, MB, newReturn } from './returners-place.ts'

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
    await expect.poll(() => file.values.size).toBe(0)
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

  it('that is delivered while the disk takes nothing is gone from it once it does, which is not said for each', async () => {
    const { start, stored, world, lines } = await createPlace()
    const { take, file } = await start()
    const all = Array.from({ length: 20 }, () => newReturn())
    const gate = createGate()
    world.take = () => gate.passed
    for (const one of all) await take({ ret: 'mysql' }, one)
    const remove = vi.spyOn(file, 'delete').mockImplementation(async () => {
      throw new ReactorError('unwritable', 'no space left on device')
    })
    onTestFinished(() => remove.mockRestore())
    gate.open()
    await stored.reach(20)
    const said = () => lines.items.filter(({ msg }) => msg.startsWith('the disk does not take'))
    await expect.poll(() => said().length).toBeGreaterThan(0)
    expect(said().length).toBeLessThan(all.length)
    await take({ ret: 'mysql' }, { ...all[0]!, return: 'anew' })
    remove.mockRestore()
    await expect.poll(() => file.values.size).toBe(0)
    expect(stored.items).toHaveLength(21)
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
    await expect.poll(() => file.values.size).toBe(0)
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
    await expect.poll(() => file.values.size).toBe(1)
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
    await expect.poll(() => second.file.values.size).toBe(0)
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
    const sizes = new Map<string, number>()
    for (const size of [0.6, 0.6, 3, 0.1, 0.1]) {
      const one = newReturn({ return: 'x'.repeat(size * MB) })
      sizes.set(one.jid, size)
      await take({ ret: 'mysql' }, one)
    }
    await calls.reach(2)
    world.take = async () => undefined
    await stored.reach(5)
    const batches = calls.items.map(({ jids }) => jids.map(jid => sizes.get(jid)!))
    const together = batches.filter(batch => batch.length > 1)
    for (const batch of together) expect(batch.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(1)
    expect(batches).toContainEqual([3])
  })
})

describe('a returner that never comes to an end', () => {
  it('is said to be down, and gets what waits when it does again', async () => {
    const { start, stored, world, calls, said, states } = await createPlace({ limitMs: 20 })
    const { take, file } = await start()
    world.take = () => new Promise(() => undefined)
    await take({ ret: 'own' }, newReturn())
    const first = await said.find(({ state }) => state === 'down', 'that it is down')
    expect(first.reason).toBe("the store of the returner 'own' gave no answer within 20ms")
    await calls.reach(2)
    world.take = async () => undefined
    await stored.reach(1)
    await said.find(({ state }) => state === 'up', 'that it takes returns again')
    expect(states()).toEqual(['down', 'up'])
    await expect.poll(() => file.values.size).toBe(0)
  })
})

describe('what a store takes after nobody waited for it any more', () => {
  it('is not given again, and the store is said to be up where nothing waits any more', async () => {
    const { start, stored, world, calls, said } = await createPlace({ limitMs: 20 })
    const { take, file } = await start()
    const gate = createGate()
    world.take = () => (calls.items.length === 1 ? gate.passed : new Promise(() => undefined))
    const late = newReturn()
    await take({ ret: 'own' }, late)
    await calls.reach(2)
    gate.open()
    await stored.reach(1)
    await expect.poll(() => file.values.size).toBe(0)
    await said.find(({ state }) => state === 'up', 'that it takes returns again')
    expect(stored.items.map(({ returned }) => returned)).toEqual([late])
  })
})

describe('a returner that cannot be opened', () => {
  const never = (code: 'bad_config' | 'bad_module' | 'bad_argument') => () => {
    throw new ReactorError(code, "'mysql.hots' is no setting")
  }

  it.each(['bad_config', 'bad_module'] as const)('with %s has its returns wait, and is said once', async code => {
    const { start, stored, world, states, said } = await createPlace()
    world.open = never(code)
    const first = await start()
    const all = [newReturn(), newReturn(), newReturn()]
    for (const one of all) await first.take({ ret: 'mysql' }, one)
    await said.reach(1)
    expect(said.items).toMatchObject([{ state: 'down', returner: 'mysql', reason: "'mysql.hots' is no setting" }])
    expect(first.waiting()).toMatchObject([{ returner: 'mysql', returns: 3, problem: "'mysql.hots' is no setting" }])
    await first.stop()
    expect(states()).toEqual(['down'])
    world.open = () => undefined
    const second = await start()
    await stored.reach(3)
    await expect.poll(() => second.file.values.size).toBe(0)
  })

  it('has what waits from before wait on, though it is not there any more, and parks what is new', async () => {
    const { start, stored, world, calls, said, parked } = await createPlace()
    world.take = down
    const first = await start()
    const one = newReturn()
    await first.take({ ret: 'kept' }, one)
    await calls.reach(1)
    await first.stop()
    world.open = never('bad_argument')
    const second = await start()
    const later = newReturn()
    await second.take({ ret: 'kept' }, later)
    await said.find(({ what }) => what === 'returner_refused', 'that the new one is refused')
    expect((await parked()).map(({ v }) => (v!.returned as StoredReturn).jid)).toEqual([later.jid])
    expect([...second.file.values.values()].map(({ returned }) => returned.jid)).toContain(one.jid)
    world.take = async () => undefined
    world.open = () => undefined
    await stored.reach(1)
    expect(stored.items[0]!.returned).toEqual(one)
  })
})

describe('settings that a call brings along', () => {
  it('are said where none of its returners has them, once, and the return goes there', async () => {
    const { start, stored, world, said } = await createPlace()
    const { take, stop } = await start()
    world.unknown = ['dbb']
    for (let n = 0; n < 3; n++) await take({ ret: 'mysql,redis', ret_kwargs: { dbb: 'audit' } }, newReturn())
    await stored.reach(6)
    await stop()
    expect(said.items).toMatchObject([
      { what: 'returner_settings', ret: 'mysql,redis', settings: ['dbb'], count: 1 },
      { what: 'returner_settings', count: 2 },
    ])
    expect(said.items[0]!.reason).toBe(
      "none of the returners mysql,redis has 'dbb' (ret_kwargs): the return goes there without",
    )
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
    await expect.poll(() => file.values.size).toBe(0)
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
    await expect.poll(() => file.values.size).toBe(0)
    expect(said.items).toMatchObject([
      { what: 'returner_refused', jid: all[3]!.jid, reason: 'the column takes 50 characters', count: 1 },
    ])
    const kept = await parked()
    expect(kept.map(({ v }) => v)).toMatchObject([
      { to: { returner: 'mysql' }, returned: all[3], reason: 'the column takes 50 characters' },
      { returned: all[36] },
    ])
    expect(JSON.stringify(kept)).not.toContain('hunter2')
    expect(new Set(stored.items.map(({ returned }) => returned.jid)).size).toBe(35)
  })

  it('is kept too where its call names what this minion does not have', async () => {
    const { start, world, said, parked } = await createPlace()
    const { take, file } = await start()
    world.open = () => {
      throw new ReactorError('bad_argument', "there is no returner 'mysq'. Did you mean 'mysql'?")
    }
    const one = newReturn()
    await take({ ret: 'mysq' }, one)
    await said.reach(1)
    expect(said.items).toMatchObject([{ what: 'returner_refused', returner: 'mysq', jid: one.jid }])
    expect(await parked()).toHaveLength(1)
    await expect.poll(() => file.values.size).toBe(0)
  })

  it('is said at once, and those that follow together', async () => {
    const { start, world, said, lines } = await createPlace()
    const { take, file, stop } = await start()
    world.take = async () => {
      throw refused('never')
    }
    for (let n = 0; n < 20; n++) await take({ ret: 'mysql' }, newReturn())
    await take({ ret: 'redis' }, newReturn())
    await expect.poll(() => file.values.size).toBe(0)
    await stop()
    const counts = (returner: string) =>
      said.items.filter(one => one.returner === returner).map(({ what, count }) => `${what} ${count}`)
    expect(counts('mysql')).toEqual(['returner_refused 1', 'returner_refused 19'])
    expect(counts('redis')).toEqual(['returner_refused 1'])
    expect(lines.items.filter(({ msg }) => msg.startsWith('a returner never takes'))).toHaveLength(3)
  })

  it('holds up nobody while the disk takes nothing, and is parked once it does', async () => {
    const { start, stored, world, parked } = await createPlace()
    const room = createGate()
    world.refused = own => ({ ...own, park: (key, one) => room.passed.then(() => own.park(key, one)) })
    const { take, file } = await start()
    const [bad, good, other] = [newReturn(), newReturn(), newReturn()]
    world.take = async batch => {
      if (batch.some(({ jid }) => jid === bad.jid)) throw refused('never')
    }
    await take({ ret: 'mysql' }, bad)
    await take({ ret: 'mysql' }, good)
    await take({ ret: 'redis' }, bad)
    await take({ ret: 'redis' }, other)
    await stored.reach(2)
    expect(new Set(stored.items.map(({ returned }) => returned.jid))).toEqual(new Set([good.jid, other.jid]))
    await expect.poll(() => file.values.size).toBe(2)
    room.open()
    await expect.poll(() => file.values.size).toBe(0)
    expect((await parked()).map(({ v }) => (v!.returned as StoredReturn).jid)).toEqual([bad.jid, bad.jid])
  })

  it('that comes anew while the one before is being parked is given', async () => {
    const { start, stored, world, dir } = await createPlace()
    const room = createGate()
    const parking = createGate()
    world.refused = own => ({
      ...own,
      park: async (key, one) => {
        parking.open()
        await room.passed
        return own.park(key, one)
      },
    })
    const { take, file, stop } = await start()
    world.take = async batch => {
      if (batch.some(one => one.return === 'first')) throw refused('never')
      if (batch.some(one => one.return === 'second')) await down()
    }
    const one = newReturn({ return: 'first' })
    await take({ ret: 'mysql' }, one)
    await parking.passed
    await take({ ret: 'mysql' }, { ...one, return: 'second' })
    room.open()
    await stop()
    expect(await readFile(join(dir, 'returners.jsonl'), 'utf8')).toContain('"second"')
    expect([...file.values.values()].map(({ returned }) => returned.return)).toEqual(['second'])
    expect(stored.items).toEqual([])
  })

  it('makes the oldest of a thousand give way', async () => {
    const { start, world, log, dir } = await createPlace()
    const { take, file, stop } = await start()
    world.take = async () => {
      throw refused('never')
    }
    const all = Array.from({ length: 1003 }, () => newReturn())
    await Promise.all(all.map(one => take({ ret: 'mysql' }, one)))
    await expect.poll(() => file.values.size).toBe(0)
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
  const place = async (moduleDirs: string[] = [], settings: Record<string, unknown> = {}) =>
    createReturnerStores({
      moduleDirs,
      settings,
      id: 'm1',
      profiles: { smtp: {}, http: {} },
      log: keptLog().log,
    })

  it('are looked for when the first is named, and not before', async () => {
    const dir = await testFolder()
    await mkdir(join(dir, 'returners'))
    await writeFile(join(dir, 'returners', 'No-Name.mjs'), 'throw new Error("loaded")')
    const stores = await place([dir])
    await stores.check([], 'ext_job_cache')
    await expect(stores.check(['mysql'], 'ext_job_cache')).rejects.toMatchObject({ code: 'bad_module' })
    await stores.close(1000)
  })

  it('that a call names and that are not there are its fault, as are settings of its own that do not fit', async () => {
    const stores = await place()
    onTestFinished(() => stores.close(1000))
    await expect(stores.open({ returner: 'mysq' })).rejects.toMatchObject({
      code: 'bad_argument',
      message: "there is no returner 'mysq'. Did you mean 'mysql'?",
    })
    const ret_kwargs = { filename: 5 }
    await expect(stores.open({ returner: 'rawfile_json', ret_kwargs })).rejects.toMatchObject({ code: 'bad_argument' })
  })

  it('that do not fit are not the fault of a call', async () => {
    const stores = await place([], { 'rawfile_json.filname': '/tmp/x' })
    await expect(stores.open({ returner: 'rawfile_json' })).rejects.toMatchObject({ code: 'bad_config' })
  })

  it('are there once their file is', async () => {
    const dir = await testFolder()
    const stores = await place([dir])
    await expect(stores.open({ returner: 'later' })).rejects.toMatchObject({ code: 'bad_argument' })
    await mkdir(join(dir, 'returners'))
    const text = `import { returner } from 'reactor'
export default returner({ doc: 'x', can: ['returner'], open: () => ({ returner: async () => undefined, close: async () => undefined }) })
`
    await writeFile(join(dir, 'returners', 'later.mjs'), text)
    expect(await stores.open({ returner: 'later' })).toHaveProperty('returner')
    await stores.close(1000)
  })

  it('take of what a call brings along what they have', async () => {
    const stores = await place()
    const filename = join(await testFolder(), 'file')
    const ret_kwargs = { filename, database: '/tmp/other' }
    expect(await stores.open({ returner: 'rawfile_json', ret_kwargs })).toHaveProperty('returner')
    expect(await stores.unknownSettings(['rawfile_json', 'sqlite'], { ...ret_kwargs, dbb: 1 })).toEqual(['dbb'])
    await stores.close(1000)
  })

  it('must be there when the minion starts', async () => {
    const stores = await place()
    await stores.check(['local'], 'ext_job_cache')
    await expect(stores.check(['nosuch'], 'ext_job_cache')).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(/^ext_job_cache: there is no returner 'nosuch'/),
    })
  })
})
