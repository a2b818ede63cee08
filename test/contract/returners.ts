// What every returner has to keep to, whatever it writes to: run against the real store, for all that it says it can do.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import type { Capability, KnownLoad, ReturnerDefinition, ReturnerStore } from '../../src/functions/define-returner.ts'
import type { JobLoad, StoredEvent, StoredReturn } from '../../src/protocol/returned.ts'
import { findReturners, withReturner } from '../../src/returner/load.ts'
import { createStores, type Stores } from '../../src/returner/open.ts'
import { optionsOf } from '../../src/returner/options.ts'
import { keptLog } from '../helpers/core.ts'
import { untilTaken } from '../helpers/wait.ts'

export interface ContractSubject {
  /** Settings as in a config: `{ 'mysql.host': '127.0.0.1', … }`; a store that nothing is in. */
  settings: Record<string, unknown>
  /** Cuts its connections, or stops and starts it; left out where there is nothing to cut. */
  interrupt?(): Promise<void>
  remove?(): Promise<void>
}

let serial = 0
/** A jid of its own, of that time. */
export const jidAt = (ms: number): string => {
  serial += 1
  return new Date(ms).toISOString().replace(/\D/g, '').slice(0, 14) + String(100_000 + serial).padStart(6, '0')
}

export const loadOf = (jid: string, more: Partial<JobLoad> = {}): JobLoad => ({
  ...{ jid, cmd: 'publish', fun: 'test.ping', arg: [], kwargs: {}, tgt: '*', tgt_type: 'glob', ret: '', user: 'root' },
  ...{ minions: ['web1', 'web2'] },
  ...more,
})

export const returnOf = (jid: string, id: string, more: Partial<StoredReturn> = {}): StoredReturn => ({
  ...{ jid, id, fun: 'test.ping', fun_args: [], return: true, retcode: 0, success: true, cmd: '_return' },
  _stamp: '2026-11-20T09:18:20.838387',
  ...more,
})

export const eventOf = (id: string, more: Partial<StoredEvent> = {}): StoredEvent => ({
  ...{ id, tag: 'deploy/done', data: { n: 1 }, _stamp: '2026-11-20T09:18:20.838387', origin: 'web1' },
  ...more,
})

const deep = (levels: number): unknown => {
  let value: unknown = 'core'
  for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { inner: value }
  return value
}
/** Values that stores have been seen to change: each must come back as it went. */
const ODD: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['an empty text', ''],
  ['text of every plane', 'aßπ日\u{1f600}\u{10ffff}\ue000'],
  ['a NUL', 'a\u0000b'],
  ['a lone surrogate', 'x\ud83dy'],
  ['quotes, backslashes and percent signs', `it's "so" \\ %s %% _ ; -- /* $1 ? :x`],
  ['keys with meanings', JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1, "a.b": 2, "$set": 3, "": 4}')],
  ['numbers', [0, -1, 1.5, 1e21, 5e-324, 9007199254740991]],
  ['deep nesting', deep(300)],
  ['a megabyte', 'm'.repeat(1024 * 1024)],
  ['many keys', Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`key ${n}`, n]))],
]

const NO_TEST = Object.assign(() => undefined, { each: () => () => undefined }) as never

/** What `reactor returners create` does; what was done. */
export const createFor = (name: string, definition: ReturnerDefinition, settings: Record<string, unknown>) =>
  definition.create!(optionsOf(name, definition, settings), {
    ...{ log: silentLog, id: 'contract', profiles: { smtp: {}, http: {} } },
    open: () => Promise.reject(new Error('nothing is handed on')),
  })

/** `open`: a store of its own for the suite. A returner that only writes proves its writing in a test of its own. */
export function returnerContract(
  name: string,
  definition: ReturnerDefinition,
  open: () => Promise<ContractSubject> | ContractSubject,
): void {
  describe(`the returner ${name}`, () => {
    let subject: ContractSubject
    let stores: Stores
    let store: Required<ReturnerStore>
    const now = Date.now()
    const has = (...needed: Capability[]) => needed.every(one => definition.can.includes(one))
    /** A test of what it says it can do; of what it cannot there is none. */
    const when = (
      ...needed: Capability[]
    ): Pick<typeof it, 'each'> & ((name: string, test: () => Promise<void>, ms?: number) => void) =>
      has(...needed) ? it : NO_TEST
    const fresh = async (): Promise<Required<ReturnerStore>> => {
      const { log } = keptLog()
      const returners = withReturner(await findReturners(), name, definition)
      stores = createStores({
        returners,
        settings: subject.settings,
        log,
        id: 'contract',
        profiles: { smtp: {}, http: {} },
      })
      return (await stores.open(name)) as Required<ReturnerStore>
    }
    beforeAll(async () => {
      subject = await open()
      store = await fresh()
    }, 120_000)
    afterAll(async () => {
      await stores?.close()
      await subject?.remove?.()
    })

    it('has exactly the methods that it says it has', () => {
      const methods = Object.entries(store).filter(([key, value]) => typeof value === 'function' && key !== 'close')
      expect(methods.map(([key]) => key).sort()).toEqual([...definition.can].sort())
    })

    when('save_load', 'get_load')('gives back the load of a job, and the later one where it came again', async () => {
      const load = loadOf(jidAt(now), {
        fun: 'cmd.run',
        arg: ["it's", { __kwarg__: true, cwd: '/' }],
        tgt: ['web1', 'web2'],
        tgt_type: 'list',
      })
      await store.save_load([load])
      expect(await store.get_load(load.jid)).toEqual(load)
      const later = { ...load, user: 'ada', minions: [] }
      await store.save_load([later])
      await store.save_load([later])
      expect(await store.get_load(load.jid)).toEqual(later)
      expect(await store.get_load(jidAt(now))).toBeUndefined()
    })

    when('returner', 'get_jid')(
      'keeps one return of a minion and job, the later one, however often it comes',
      async () => {
        const jid = jidAt(now)
        const one = returnOf(jid, 'web1')
        await Promise.all([store.returner([one]), store.returner([one, returnOf(jid, 'web2')])])
        await store.returner([one])
        expect(await store.get_jid(jid)).toEqual({ web1: one, web2: returnOf(jid, 'web2') })
        const later = returnOf(jid, 'web1', {
          return: 'again',
          retcode: 2,
          success: false,
          _stamp: '2026-11-20T09:19:00.000000',
        })
        await store.returner([later])
        expect(await store.get_jid(jid)).toEqual({ web1: later, web2: returnOf(jid, 'web2') })
        expect(await store.get_jid(jidAt(now))).toEqual({})
      },
    )

    when('returner', 'get_jid')('keeps the last of a batch that holds a return twice', async () => {
      const jid = jidAt(now)
      await store.returner([returnOf(jid, 'web1', { return: 1 }), returnOf(jid, 'web1', { return: 2 })])
      expect((await store.get_jid(jid)).web1).toMatchObject({ return: 2 })
    })

    when('returner', 'get_jid').each(ODD)('gives back %s', async (_what, value) => {
      const jid = jidAt(now)
      const odd = returnOf(jid, 'web1', { return: value, fun_args: [value] })
      await store.returner([odd])
      expect(JSON.stringify((await store.get_jid(jid)).web1)).toBe(JSON.stringify(odd))
    })

    when('returner', 'get_jid')('keeps a minion apart from others whose ids look alike', async () => {
      const jid = jidAt(now)
      const ids = ['web1', 'WEB1', 'web_1', 'web%1', 'web1 ', 'web1.example.com', `${'long-'.repeat(40)}id`]
      await store.returner(ids.map(id => returnOf(jid, id, { return: id })))
      const found = await store.get_jid(jid)
      expect(Object.keys(found).sort()).toEqual([...ids].sort())
      for (const id of ids) expect(found[id]).toMatchObject({ id, return: id })
    })

    when('returner', 'get_jid')('takes a batch of a thousand', async () => {
      const jid = jidAt(now)
      const batch = Array.from({ length: 1000 }, (_, n) => returnOf(jid, `m${n}`, { return: { n } }))
      await store.returner(batch)
      expect(Object.keys(await store.get_jid(jid))).toHaveLength(1000)
    })

    when('returner', 'get_jid_minions')('names the minions that have returned to a job', async () => {
      const jid = jidAt(now)
      const ids = ['web1', 'WEB1', 'web1 ', 'web1.example.com', '__proto__']
      await store.returner([...ids, 'web1'].map(id => returnOf(jid, id)))
      await store.returner([returnOf(jidAt(now), 'other')])
      expect((await store.get_jid_minions(jid)).sort()).toEqual(ids.sort())
      expect(await store.get_jid_minions(jidAt(now))).toEqual([])
    })

    when('returner', 'get_jid')(
      'reads so many bytes of a job, and says of the other returns how they went',
      async () => {
        const jid = jidAt(now)
        const value = { text: 'x'.repeat(100_000), inner: { retcode: 9, success: false } }
        const returns = [
          returnOf(jid, 'm1', { return: value }),
          returnOf(jid, 'm2', { return: value }),
          returnOf(jid, 'm3', { return: value, retcode: 2, success: false, fun_args: ['a', { b: 1 }] }),
          returnOf(jid, 'm4', { return: value, retcode: -1, success: false, outcome: 'died' }),
          returnOf(jid, 'm5', { return: 'short' }),
        ]
        await store.returner(returns.toReversed())
        const found = await store.get_jid(jid, { maxBytes: 250_000 })
        expect(Object.keys(found).sort()).toEqual(['m1', 'm2', 'm3', 'm4', 'm5'])
        expect([found.m1, found.m2, found.m5]).toEqual([returns[0], returns[1], returns[4]])
        for (const [id, one] of [
          ['m3', returns[2]!],
          ['m4', returns[3]!],
        ] as const) {
          const { return: _, fun_args: __, ...known } = one
          expect(found[id]).toMatchObject(known)
          expect(found[id]!.return).toEqual({
            _left_out: `${JSON.stringify(one).length} bytes: the returns of this job are more than one answer can hold`,
          })
        }
        expect(await store.get_jid(jid)).toEqual(Object.fromEntries(returns.map(one => [one.id, one])))
      },
    )

    when('returner', 'get_jid')('gives up a read when it is told to', async () => {
      const jid = jidAt(now)
      await store.returner([returnOf(jid, 'web1')])
      const given = new AbortController()
      const reading = store.get_jid(jid, { signal: given.signal })
      given.abort(new ReactorError('timeout', 'nobody waits'))
      await expect(reading).rejects.toThrow('nobody waits')
      await expect(store.get_jid(jid, { signal: given.signal })).rejects.toThrow('nobody waits')
      expect(Object.keys(await store.get_jid(jid))).toEqual(['web1'])
    })

    it('takes nothing without a word', async () => {
      if (has('returner')) await store.returner([])
      if (has('save_load')) await store.save_load([])
      if (has('event_return')) await store.event_return([])
      if (has('update_endtime')) await store.update_endtime([])
    })

    when(
      'save_load',
      'update_endtime',
      'get_load',
    )('remembers when a job ended, also where the load comes after that again', async () => {
      const load = loadOf(jidAt(now))
      await store.save_load([load])
      await store.update_endtime([
        { jid: load.jid, endtime: '2026-11-20T10:00:00.000000' },
        { jid: jidAt(now), endtime: 'x' },
      ])
      expect(await store.get_load(load.jid)).toEqual({ ...load, endtime: '2026-11-20T10:00:00.000000' })
      await store.save_load([load])
      expect(await store.get_load(load.jid)).toEqual({ ...load, endtime: '2026-11-20T10:00:00.000000' })
    })

    when('save_load', 'get_jids_filter')(
      'lists jobs newest first, so many, before a jid, and without saltutil.find_job',
      async () => {
        const later = now + 86_400_000
        const jids = Array.from({ length: 5 }, (_, n) => jidAt(later + n * 1000))
        const loads = jids.map((jid, n) => loadOf(jid, n === 3 ? { fun: 'saltutil.find_job' } : {}))
        await store.save_load(loads.toReversed())
        const listed = async (filter: { count: number; before?: string; filter_find_job?: boolean }) =>
          (await store.get_jids_filter(filter)).map(({ jid }) => jid)
        expect(await listed({ count: 3 })).toEqual([jids[4], jids[2], jids[1]])
        expect(await listed({ count: 3, filter_find_job: false })).toEqual([jids[4], jids[3], jids[2]])
        expect(await listed({ count: 2, before: jids[2]! })).toEqual([jids[1], jids[0]])
        const [first] = await store.get_jids_filter({ count: 1 })
        expect(first).toEqual(loads[4])
      },
    )

    when('save_load', 'get_jids')('gives all loads by jid', async () => {
      const load = loadOf(jidAt(now), { fun: 'state.apply' })
      await store.save_load([load])
      const all: Record<string, KnownLoad> = await store.get_jids()
      expect(all[load.jid]).toEqual(load)
    })

    when('returner', 'get_fun')('gives the newest return of a function from each minion', async () => {
      const [old, young] = [jidAt(now), jidAt(now + 1000)]
      await store.returner([returnOf(young, 'fun1', { fun: 'my.fun', return: 'young' })])
      await store.returner([
        returnOf(old, 'fun1', { fun: 'my.fun', return: 'old' }),
        returnOf(old, 'fun2', { fun: 'my.fun', return: 'only' }),
      ])
      await store.returner([returnOf(young, 'fun2', { fun: 'my.funny', return: 'another' })])
      const found = await store.get_fun('my.fun')
      expect(Object.fromEntries(Object.entries(found).map(([id, { return: value }]) => [id, value]))).toEqual({
        fun1: 'young',
        fun2: 'only',
      })
      expect(await store.get_fun('no.such')).toEqual({})
    })

    when('returner', 'get_minions')('names the minions that have returned', async () => {
      await store.returner([returnOf(jidAt(now), 'zeta'), returnOf(jidAt(now), 'alpha')])
      const minions = await store.get_minions()
      expect(minions).toEqual(expect.arrayContaining(['alpha', 'zeta']))
      expect(minions).toEqual([...minions].sort())
    })

    when(
      'save_load',
      'returner',
      'get_load',
      'get_jid',
      'clean_old_jobs',
    )('removes old jobs with their returns, and nothing younger', async () => {
      const long = now - 10 * 86_400_000
      const [old, young] = [jidAt(long), jidAt(now)]
      await store.save_load([loadOf(old), loadOf(young)])
      await store.returner([returnOf(old, 'web1'), returnOf(young, 'web1')])
      expect(await store.clean_old_jobs(now - 86_400_000)).toBeGreaterThanOrEqual(1)
      expect([await store.get_load(old), await store.get_jid(old)]).toEqual([undefined, {}])
      expect(await store.get_load(young)).toBeDefined()
      expect(await store.get_jid(young)).toHaveProperty('web1')
      expect(await store.clean_old_jobs(now - 86_400_000)).toBe(0)
    })

    when('event_return')('takes events, again too', async () => {
      const events = ODD.slice(0, 9).map(([, value], n) => eventOf(`event-${n}`, { data: { value } }))
      await store.event_return(events)
      await store.event_return(events.slice(0, 1))
    })

    when('returner')(
      'goes on after its connections were cut',
      async () => {
        if (!subject.interrupt) return
        const jid = jidAt(now)
        if (has('returner')) await store.returner([returnOf(jid, 'before')])
        await subject.interrupt()
        await untilTaken('a return after it', () => store.returner([returnOf(jid, 'after')]))
        if (has('get_jid')) expect(Object.keys(await store.get_jid(jid)).sort()).toEqual(['after', 'before'])
      },
      60_000,
    )

    when('returner', 'get_jid')('has what it had when it is opened again', async () => {
      const jid = jidAt(now)
      await store.returner([returnOf(jid, 'web1')])
      await stores.close()
      store = await fresh()
      expect(await store.get_jid(jid)).toEqual({ web1: returnOf(jid, 'web1') })
    })
  })
}
