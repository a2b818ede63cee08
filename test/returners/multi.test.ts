import { mkdtempSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CAPABILITIES, isRefused, type ReturnerStore, refused, returner } from '../../src/functions/define-returner.ts'
import { findReturners, withReturner } from '../../src/returner/load.ts'
import { createStores } from '../../src/returner/open.ts'
import type { Alternative } from '../../src/returner/options.ts'
import multi from '../../src/returners/multi.ts'
import { eventOf, jidAt, loadOf, returnerContract, returnOf } from '../contract/returners.ts'
import { keptLog } from '../helpers/core.ts'
import { describeWith } from '../helpers/database.ts'
import { testFolder } from '../helpers/folder.ts'
import { hasRedis, startRedis } from '../helpers/redis.ts'
import { createGate } from '../helpers/wait.ts'

describeWith(hasRedis, 'several in the contract', () => {
  returnerContract('multi', multi, async () => {
    const server = await startRedis()
    const dir = mkdtempSync(join(tmpdir(), 'reactor-multi-'))
    return {
      settings: {
        ...server.settings,
        'multi.returners': ['rawfile_json', 'redis'],
        'rawfile_json.filename': join(dir, 'events'),
      },
      interrupt: () => server.restart(),
      async remove() {
        await server.stop()
        await rm(dir, { recursive: true })
      },
    }
  })
})

const JID = jidAt(Date.now())
const one = returnOf(JID, 'web1')

const openOver = async (
  others: Record<string, Partial<ReturnerStore>>,
  settings: Record<string, unknown> = { 'multi.returners': Object.keys(others).join(', ') },
  alternative: Alternative = {},
): Promise<Required<ReturnerStore>> => {
  let returners = await findReturners()
  for (const [name, methods] of Object.entries(others)) {
    const can = CAPABILITIES.filter(capability => methods[capability])
    const open = () => ({ ...methods, close: async () => undefined })
    returners = withReturner(returners, name, returner({ doc: 'A store of this test.', can, open }))
  }
  const stores = createStores({ returners, settings, log: keptLog().log, id: 'test', profiles: { smtp: {}, http: {} } })
  onTestFinished(() => stores.close())
  return (await stores.open('multi', alternative)) as Required<ReturnerStore>
}

it('what is written goes to all that take it, and what is read comes from the first that can be read', async () => {
  const heard: string[] = []
  const hears = (what: string) => async () => void heard.push(what)
  const store = await openOver({
    writes: { returner: hears('writes'), event_return: hears('writes an event') },
    reads: { returner: hears('reads'), save_load: hears('reads a load'), get_minions: async () => ['from reads'] },
    also: { get_minions: async () => ['from also'], get_fun: async () => ({ web1: one }) },
  })
  await store.returner([one])
  await store.save_load([loadOf(JID)])
  await store.event_return([eventOf('event-1')])
  expect(heard).toEqual(['writes', 'reads', 'reads a load', 'writes an event'])
  expect(await store.get_minions()).toEqual(['from reads'])
  expect(await store.get_fun('test.ping')).toEqual({ web1: one })
})

it('the minions that have returned to a job are those of the store that the returns come from', async () => {
  const store = await openOver({
    first: { get_jid: async () => ({ web1: one }) },
    second: { get_jid: async () => ({ web2: one }), get_jid_minions: async () => ['web2'] },
  })
  expect(Object.keys(await store.get_jid(JID))).toEqual(['web1'])
  expect(await store.get_jid_minions(JID)).toEqual(['web1'])
})

it('a record is stored when all have it', async () => {
  const gate = createGate()
  const heard: string[] = []
  const store = await openOver({
    quick: { returner: async () => void heard.push('quick') },
    slow: { returner: () => gate.passed.then(() => void heard.push('slow')) },
  })
  const stored = store.returner([one]).then(() => heard.push('stored'))
  gate.open()
  await stored
  expect(heard).toEqual(['quick', 'slow', 'stored'])
})

it('a record that one refuses is refused, and who did it is named', async () => {
  const taken: unknown[] = []
  const store = await openOver({
    strict: { returner: () => Promise.reject(refused('too long')) },
    mild: { returner: async returns => void taken.push(...returns) },
  })
  const error = await store.returner([one]).catch(thrown => thrown)
  expect([isRefused(error), error.message]).toEqual([true, 'strict: too long'])
  expect(taken).toEqual([one])
})

it('while one is down nothing is refused, and all failures are said', async () => {
  const store = await openOver({
    strict: { returner: () => Promise.reject(refused('too long')) },
    down: { returner: () => Promise.reject(new Error('connection lost')) },
  })
  await expect(store.returner([one])).rejects.toMatchObject({
    code: 'function_failed',
    message: 'strict: too long; down: connection lost',
  })
})

describe('while one is down', () => {
  const [two, three] = [returnOf(JID, 'web2'), returnOf(JID, 'web3')]
  /** One that takes all, beside one that takes nothing until it is told to. */
  const openBesideDown = async () => {
    const heard = { well: [] as unknown[], weak: [] as unknown[] }
    const state = { down: true }
    const into = (list: unknown[], isDown: () => boolean) => async (records: readonly unknown[]) => {
      if (isDown()) throw new Error('connection lost')
      list.push(...records)
    }
    const all = (list: unknown[], isDown: () => boolean): Partial<ReturnerStore> => {
      const write = into(list, isDown)
      return { returner: write, save_load: write, update_endtime: write, event_return: write }
    }
    const store = await openOver({
      well: all(heard.well, () => false),
      weak: all(heard.weak, () => state.down),
    })
    return { store, heard, state }
  }

  it('the others get each record once, and all have all when it is back', async () => {
    const { store, heard, state } = await openBesideDown()
    for (const batch of [
      [one, two],
      [one, two],
      [two, three],
      [one, two, three],
    ])
      await expect(store.returner(batch)).rejects.toThrow('weak: connection lost')
    expect(heard).toEqual({ well: [one, two, three], weak: [] })
    state.down = false
    await store.returner([one, two, three])
    expect(heard).toEqual({ well: [one, two, three], weak: [one, two, three] })
  })

  it('that holds for loads, for ends of jobs, and for events', async () => {
    const { store, heard } = await openBesideDown()
    const [load, end, event] = [loadOf(JID), { jid: JID, endtime: '2026-11-20T10:00:00.000000' }, eventOf('event-1')]
    for (let n = 0; n < 3; n++) {
      await expect(store.save_load([load])).rejects.toThrow('connection lost')
      await expect(store.update_endtime([end])).rejects.toThrow('connection lost')
      await expect(store.event_return([event])).rejects.toThrow('connection lost')
    }
    expect(heard.well).toEqual([load, end, event])
  })

  it('a return that says something else is one more', async () => {
    const { store, heard } = await openBesideDown()
    const later = { ...one, return: 'changed' }
    for (const record of [one, later, later]) await expect(store.returner([record])).rejects.toThrow('connection lost')
    expect(heard.well).toEqual([one, later])
  })

  it('what all have is given to all when it comes again, as to one store', async () => {
    const { store, heard, state } = await openBesideDown()
    await expect(store.returner([one])).rejects.toThrow('connection lost')
    state.down = false
    await store.returner([one])
    await store.returner([one])
    expect(heard).toEqual({ well: [one, one], weak: [one, one] })
  })
})

it('a batch of which one refuses a record comes in halves to that one alone', async () => {
  const heard: unknown[][] = []
  const store = await openOver({
    strict: {
      returner: async returns => {
        if (returns.some(({ id }) => id === 'web2')) throw refused('not web2')
      },
    },
    mild: { returner: async returns => void heard.push([...returns]) },
  })
  const two = returnOf(JID, 'web2')
  for (const batch of [[one, two], [one], [two]]) await store.returner(batch).catch(() => undefined)
  expect(heard).toEqual([[one, two]])
})

it('what one has taken it is not given again while another does not answer and nobody waits for that any more', async () => {
  const heard: unknown[] = []
  const gate = createGate()
  let asked = 0
  const store = await openOver({
    well: { returner: async returns => void heard.push(...returns) },
    hangs: {
      returner: async () => {
        asked += 1
        if (asked < 3) await gate.passed
      },
    },
  })
  const two = returnOf(JID, 'web2')
  const given = [store.returner([one])]
  await setImmediate()
  given.push(store.returner([one, two]))
  await setImmediate()
  await store.returner([one, two])
  expect(heard).toEqual([one, two])
  gate.open()
  await Promise.all(given)
  await store.returner([one, two])
  expect(heard).toEqual([one, two, one, two])
})

it('old jobs are removed from all, and counted once', async () => {
  const store = await openOver({
    few: { clean_old_jobs: async () => 2 },
    many: { clean_old_jobs: async () => 5 },
    none: { returner: async () => undefined },
  })
  expect(await store.clean_old_jobs(0)).toBe(5)
})

it('what none of them can do it has not', async () => {
  const store = await openOver({ writes: { returner: async () => undefined } })
  expect(Object.keys(store).sort()).toEqual(['close', 'returner'])
})

it.each([
  [{}, "'multi.returners' is missing"],
  [{ 'multi.returners': ' , ' }, "'multi.returners': expected at least one name"],
  [{ 'multi.returners': ['redis', 'redis'] }, "'multi.returners': expected each name once"],
  [{ 'multi.returners': 'redis,multi' }, 'returners hand on to each other: multi → multi'],
  [{ 'multi.returners': 'rediss' }, "there is no returner 'rediss'. Did you mean 'redis'?"],
  [{ 'multi.returners': 'rawfile_json', 'rawfile_json.filename': 'x' }, "'rawfile_json.filename': expected"],
])('refuses %j', async (settings, said) => {
  await expect(openOver({}, settings)).rejects.toMatchObject({
    code: 'bad_config',
    message: expect.stringContaining(said),
  })
})

it('what a call says beside the config is its own, and not of those that it hands on to', async () => {
  const dir = await testFolder()
  const settings = { 'multi.returners': 'redis', 'rawfile_json.filename': join(dir, 'file') }
  const store = await openOver({}, settings, { return_kwargs: { returners: 'rawfile_json' } })
  await store.returner([one])
  expect(JSON.parse(await readFile(join(dir, 'file'), 'utf8'))).toEqual(one)
})

it('another set of settings goes for those that it hands on to', async () => {
  const dir = await testFolder()
  const settings = {
    'multi.returners': 'rawfile_json',
    'rawfile_json.filename': join(dir, 'usual'),
    'other.rawfile_json.filename': join(dir, 'other'),
  }
  const store = await openOver({}, settings, { return_config: 'other' })
  await store.returner([one])
  expect(JSON.parse(await readFile(join(dir, 'other'), 'utf8'))).toEqual(one)
})
