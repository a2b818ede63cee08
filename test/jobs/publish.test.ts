import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import type { JobAnswer, JobMessage, JobRecord, MissedPage, PublishMessage } from '../../src/protocol/job.ts'
import { type Core, openCore, storedIn } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen } from '../helpers/wait.ts'
import { openWorker, YES as yes } from './worker.ts'

const NOW = Date.UTC(2026, 10, 20, 9, 18, 20)
const JID = '20261120091820838387'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function start(
  fleet: Record<string, JobAnswer | undefined>,
  { now = () => NOW, around = (core: Core) => core } = {},
) {
  const core = await openCore(server)
  const worker = await openWorker(around(core), fleet, { now, nodegroups: { web: 'web*' } })
  const records = async () => (await storedIn<JobRecord>(core.nc, `${core.ns}_JOBS`)).map(({ body }) => body)
  return { ...core, ...worker, records }
}

const asked = { user: 'root' }

describe('a job for minions', () => {
  it('reaches each that matches, with who asked and its deadline', async () => {
    const { publish, got } = await start({ web1: yes, web2: yes, db1: yes })
    const published = await publish({ tgt: 'web*', fun: 'test.echo', arg: ['hi'], kwarg: { n: 1 } }, asked)
    expect(published).toEqual({
      jid: expect.stringMatching(/^\d{20}$/),
      minions: ['web1', 'web2'],
      offline: [],
      refused: {},
      waiting: [],
      missing: [],
      deadline: NOW + 60_000,
      run_until: NOW + 60_000 + 3_600_000,
    })
    expect(got.items.map(({ id }) => id).sort()).toEqual(['web1', 'web2'])
    expect(got.items[0]!.job).toEqual({
      jid: published.jid,
      fun: 'test.echo',
      arg: ['hi'],
      kwarg: { n: 1 },
      user: 'root',
      deadline: NOW + 60_000,
      run_until: NOW + 60_000 + 3_600_000,
      tgt: 'web*',
      tgt_type: 'glob',
      key: published.jid,
      hops: 1,
    })
  })

  it('has its record stored and is announced in Salt’s shape before any minion has it', async () => {
    const { publish, events, records, got } = await start({ web1: yes })
    const { jid } = await publish(
      { tgt: 'web1', fun: 'test.ping' },
      { user: 'root', cause: 'event-1', hops: 3, chain: 'a,b' },
    )
    const announced = await events.find(({ tag }) => tag === `salt/job/${jid}/new`, 'the announcement')
    expect(announced).toMatchObject({
      data: {
        jid,
        tgt: 'web1',
        tgt_type: 'glob',
        fun: 'test.ping',
        arg: [],
        minions: ['web1'],
        missing: [],
        user: 'root',
      },
      cause: 'event-1',
      hops: 4,
      chain: 'a,b',
    })
    expect(await records()).toMatchObject([
      { jid, kind: 'local', key: jid, minions: ['web1'], cause: 'event-1', hops: 4, chain: 'a,b' },
    ])
    expect(got.items[0]!.job).toMatchObject({ hops: 4, chain: 'a,b' })
    const sent = await events.find(({ tag }) => tag === `salt/job/${jid}/sent`, 'how it was sent')
    expect(sent).toMatchObject({ cause: jid, hops: 4, chain: 'a,b' })
  })

  it('tells at once who is offline, who refused and why, and who is unknown', async () => {
    const { publish } = await start({ web1: yes, web2: undefined, web3: { accepted: false, reason: 'too busy' } })
    const published = await publish({ tgt: ['web3', 'web2', 'web1', 'web9'], fun: 'test.ping' }, asked)
    expect(published).toMatchObject({
      minions: ['web1', 'web2', 'web3'],
      offline: ['web2'],
      refused: { web3: 'too busy' },
      missing: ['web9'],
    })
  })

  it('takes a list as a text with commas', async () => {
    const { publish } = await start({ web1: yes, web2: yes })
    const published = await publish({ tgt: 'web2, web1', tgt_type: 'list', fun: 'test.ping' }, asked)
    expect(published.minions).toEqual(['web1', 'web2'])
  })

  it('takes the jid and the time limit that are asked for', async () => {
    const { publish, got } = await start({ web1: yes })
    expect((await publish({ tgt: '*', fun: 'test.ping', jid: JID, timeout: 2 }, asked)).jid).toBe(JID)
    expect(got.items[0]!.job).toMatchObject({ jid: JID, deadline: NOW + 2000 })
  })

  it('may run as long as is asked for, and keeps the metadata that it came with', async () => {
    const { publish, got, events, records } = await start({ web1: yes })
    const { jid } = await publish({ tgt: '*', fun: 'test.ping', run_timeout: 7, metadata: { ticket: 'OPS-1' } }, asked)
    expect(got.items[0]!.job.run_until).toBe(NOW + 7000)
    const { data } = await events.find(({ tag }) => tag === `salt/job/${jid}/new`, 'the announcement')
    expect(data).toMatchObject({ deadline: NOW + 60_000, run_until: NOW + 7000, metadata: { ticket: 'OPS-1' } })
    expect(await records()).toMatchObject([{ metadata: { ticket: 'OPS-1' } }])
  })

  it('brings its returners and their settings to the minion, and names them where it is announced', async () => {
    const { publish, got, events, records } = await start({ web1: yes })
    const returning = { ret: 'mysql,redis', ret_config: 'other', ret_kwargs: { password: 'hunter2' } }
    const { jid } = await publish({ tgt: '*', fun: 'test.ping', ...returning, ret: 'mysql, redis,mysql' }, asked)
    expect(got.items[0]!.job).toMatchObject(returning)
    expect(await records()).toMatchObject([returning])
    const { data } = await events.find(({ tag }) => tag === `salt/job/${jid}/new`, 'the announcement')
    expect(data).toMatchObject({
      ret: 'mysql,redis',
      ret_config: 'other',
      ret_kwargs: { password: '[redacted]' },
    })
    expect(JSON.stringify(data)).not.toContain('hunter2')
  })

  it('has nothing of returners where there are none', async () => {
    const { publish, got, events } = await start({ web1: yes })
    const { jid } = await publish({ tgt: '*', fun: 'test.ping', ret: '' }, asked)
    expect(Object.keys(got.items[0]!.job).filter(key => key.startsWith('ret'))).toEqual([])
    const { data } = await events.find(({ tag }) => tag === `salt/job/${jid}/new`, 'the announcement')
    expect(data).not.toHaveProperty('ret')
  })

  it.each([
    [{ ret: 'MySQL' }, "publish: 'ret' must be names of returners with commas, such as 'mysql,redis', got \"MySQL\""],
    [{ ret: ['mysql'] }, "publish: 'ret' must be names of returners"],
    [{ ret: 'mysql', ret_config: 'a.b' }, "publish: 'ret_config' must be a name of letters, digits, '_' and '-'"],
    [{ ret: 'mysql', ret_kwargs: [] }, "publish: 'ret_kwargs' must be a map"],
    [{ ret_kwargs: { a: 1 } }, "publish: 'ret_kwargs' is for returners: name them in 'ret'"],
  ])('is refused with %j', async (more, message) => {
    const { publish } = await start({ web1: yes })
    const request = { tgt: '*', fun: 'test.ping', ...more } as unknown as PublishMessage
    await expect(publish(request, asked)).rejects.toMatchObject({
      code: 'bad_argument',
      message: expect.stringContaining(message),
    })
  })

  it('has it recorded how the sending went', async () => {
    const { publish, events } = await start({
      web1: yes,
      web2: undefined,
      web3: { accepted: false, reason: 'too busy' },
      web4: { accepted: true, waiting: true },
    })
    const { jid, waiting } = await publish({ tgt: '*', fun: 'test.ping' }, asked)
    expect(waiting).toEqual(['web4'])
    const { data, cause } = await events.find(({ tag }) => tag === `salt/job/${jid}/sent`, 'the account of the sending')
    expect(data).toMatchObject({ jid, offline: ['web2'], refused: { web3: 'too busy' }, waiting: ['web4'] })
    expect(cause).toBe(jid)
  })

  it('waits at a minion that is there and does not answer, and is marked for it', async () => {
    const { publish, nc, subjects, missed } = await start({ web1: undefined })
    nc.subscribe(subjects.job('web1'), { callback: () => undefined })
    await nc.flush()
    expect(await publish({ tgt: '*', fun: 'test.ping' }, asked)).toMatchObject({ offline: [], waiting: ['web1'] })
    expect((await missed.page('web1', [])).jobs).toHaveLength(1)
  })

  it('reaches a minion whose link was dead when it was sent, and that asked for what it missed before the mark', async () => {
    const { publish, nc, subjects, missed } = await start({ web1: undefined })
    const deliveries = createSeen<string>()
    let page: Promise<MissedPage> | undefined
    nc.subscribe(subjects.job('web1'), {
      callback: (_error, message) => {
        page ??= missed.page('web1', [])
        deliveries.push(message.json<JobMessage>().jid)
      },
    })
    await nc.flush()
    const { jid } = await publish({ tgt: '*', fun: 'test.ping' }, asked)
    expect(await page).toEqual({ jobs: [] })
    expect(await deliveries.reach(2)).toEqual([jid, jid])
  })

  it('is refused where the answer is none', async () => {
    const { publish, nc, subjects } = await start({ web1: undefined })
    nc.subscribe(subjects.job('web1'), { callback: (_error, message) => void message.respond('yes!') })
    await nc.flush()
    expect((await publish({ tgt: '*', fun: 'test.ping' }, asked)).refused).toEqual({
      web1: 'its answer is no {accepted, reason}: "yes!"',
    })
  })

  it('goes to as many as are asked for, of those that match', async () => {
    const fleet = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`web${i}`, yes]))
    const { publish, got } = await start({ ...fleet, db1: yes })
    const { minions } = await publish({ tgt: 'web*', fun: 'test.ping', subset: 3 }, asked)
    expect(new Set(minions).size).toBe(3)
    expect(minions).toEqual([...minions].sort())
    expect(minions.every(id => id.startsWith('web'))).toBe(true)
    expect(got.items.map(({ id }) => id).sort()).toEqual(minions)
    expect((await publish({ tgt: 'db*', fun: 'test.ping', subset: 3 }, asked)).minions).toEqual(['db1'])
  })

  it('knows the nodegroups of the config', async () => {
    const { publish } = await start({ web1: yes, db1: yes })
    expect((await publish({ tgt: 'web', tgt_type: 'nodegroup', fun: 'test.ping' }, asked)).minions).toEqual(['web1'])
  })

  it('is not started where its target is only to be resolved', async () => {
    const { resolve, got, records } = await start({ web1: yes, db1: undefined })
    expect(resolve({ tgt: ['web1', 'gone'], resolve: true } as PublishMessage, asked)).toEqual({
      minions: ['web1'],
      missing: ['gone'],
    })
    expect(got.items).toEqual([])
    expect(await records()).toEqual([])
  })

  it('shows no secret in its announcement, and the minion has it', async () => {
    const { publish, events, got } = await start({ web1: yes })
    const { jid } = await publish({ tgt: '*', fun: 'test.arg', kwarg: { user: 'x', password: 'hunter2' } }, asked)
    const { data } = await events.find(({ tag }) => tag === `salt/job/${jid}/new`, 'the announcement')
    expect(data.arg).toEqual([{ __kwarg__: true, user: 'x', password: '[redacted]' }])
    expect(got.items[0]!.job.kwarg).toEqual({ user: 'x', password: 'hunter2' })
  })
})

describe('work that is taken over', () => {
  const work = { key: 'event-1/rule/0/1', causeMs: NOW }

  it('is sent again under the same jid, and announced under the same event id', async () => {
    const { publish, got, events, records, nc, ns } = await start({ web1: yes })
    const first = await publish({ tgt: '*', fun: 'test.ping' }, { user: 'rule:r', work })
    const second = await publish({ tgt: '*', fun: 'test.ping' }, { user: 'rule:r', work })
    expect(second).toEqual(first)
    expect(got.items.map(({ job }) => [job.jid, job.key])).toEqual([
      [first.jid, 'event-1/rule/0'],
      [first.jid, 'event-1/rule/0'],
    ])
    expect(await records()).toHaveLength(1)
    const announced = (await storedIn(nc, `${ns}_EVENTS`)).filter(({ subject }) => subject.endsWith('.new'))
    expect(announced).toHaveLength(1)
    expect(events.items.filter(({ tag }) => tag.endsWith('/new'))).toHaveLength(1)
  })

  it('goes to the minions that its record names, whoever matches by now', async () => {
    const { publish, got } = await start({ web1: yes, web2: yes })
    await publish({ tgt: 'web1', fun: 'test.ping' }, { user: 'rule:r', work })
    await publish({ tgt: '*', fun: 'test.ping' }, { user: 'rule:r', work })
    expect(got.items.map(({ id }) => id)).toEqual(['web1', 'web1'])
  })

  it('tells of the minions to which it went', async () => {
    const { publish } = await start({ web1: yes, web2: yes })
    await publish({ tgt: 'web1', fun: 'test.ping' }, { user: 'rule:r', work })
    const again = await publish({ tgt: '*', fun: 'test.ping' }, { user: 'rule:r', work })
    expect(again.minions).toEqual(['web1'])
  })
})

describe('work that is taken over after its deadline', () => {
  const LATE = [10 * 60_000, 65 * 60_000]
  const open = async (around?: (core: Core) => Core) => {
    let now = NOW
    const opened = await start({ web1: yes }, { now: () => now, ...(around ? { around } : {}) })
    // Its cause is stored.
    await opened.fire('my/tag', {})
    const work = { key: 'event-1/rule/0/1', causeMs: Date.now() }
    const publish = () => opened.publish({ tgt: '*', fun: 'test.ping' }, { user: 'rule:r', work })
    const pass = (ms: number) => {
      now = NOW + ms
    }
    return { ...opened, publish, pass }
  }

  it('is asked after for as long as its minions know it', async () => {
    const { publish, got, pass } = await open()
    const first = await publish()
    pass(60_000 + 2 * 60_000)
    expect(await publish()).toEqual(first)
    expect(got.items).toHaveLength(2)
  })

  it.each(LATE)(
    'is not sent again where they may have forgotten it: nobody knows whether it was done (%i ms)',
    async ms => {
      const { publish, got, pass } = await open()
      const { jid } = await publish()
      pass(ms)
      await expect(publish()).rejects.toMatchObject({
        code: 'outcome_unknown',
        message: expect.stringContaining(`job ${jid} was started before`),
      })
      expect(got.items).toHaveLength(1)
    },
  )

  it('is sent where it never was, for want of its announcement', async () => {
    let refusals = 0
    const { publish, got, pass } = await open(core => ({
      ...core,
      fire: async (tag, ...rest) => {
        if (refusals++ === 0) throw new ReactorError('store_refused', 'full')
        return core.fire(tag, ...rest)
      },
    }))
    await expect(publish()).rejects.toMatchObject({ code: 'store_refused' })
    pass(LATE[0]!)
    await publish()
    expect(got.items).toHaveLength(1)
  })
})

describe('a job that is refused', () => {
  it('because no minion matches leaves no record and no event', async () => {
    const { publish, records, events } = await start({ web1: yes })
    await expect(publish({ tgt: 'db*', fun: 'test.ping' }, asked)).rejects.toMatchObject({
      code: 'no_minions',
      message: expect.stringContaining('no minions matched the target "db*" (glob)'),
    })
    await expect(publish({ tgt: ['db1'], fun: 'test.ping' }, asked)).rejects.toMatchObject({
      code: 'no_minions',
      details: { missing: ['db1'] },
    })
    expect(await records()).toEqual([])
    expect(events.items).toEqual([])
  })

  it('because its jid is another’s reaches no minion', async () => {
    const { publish, got } = await start({ web1: yes })
    await publish({ tgt: '*', fun: 'test.ping', jid: JID }, asked)
    await expect(publish({ tgt: '*', fun: 'cmd.run', arg: ['reboot'], jid: JID }, asked)).rejects.toMatchObject({
      code: 'jid_taken',
      message: expect.stringContaining(JID),
    })
    expect(got.items.map(({ job }) => job.fun)).toEqual(['test.ping'])
  })

  it.each([
    ['tgt is missing', { fun: 'test.ping' }, "'tgt' must be a text or a list of ids, got nothing"],
    ['tgt is a number', { tgt: 5, fun: 'test.ping' }, "'tgt' must be a text or a list of ids, got 5"],
    ['tgt lists no ids', { tgt: ['a', 1], fun: 'test.ping' }, "'tgt' must be a text or a list of ids"],
    ['tgt is empty', { tgt: '', fun: 'test.ping' }, 'a glob target is a non-empty text'],
    ['tgt_type is unknown', { tgt: '*', tgt_type: 'lst', fun: 'test.ping' }, "Did you mean 'list'?"],
    ['tgt_type is no text', { tgt: '*', tgt_type: 5, fun: 'test.ping' }, "'tgt_type' must be a text, got 5"],
    ['a glob is a list', { tgt: ['a'], tgt_type: 'glob', fun: 'test.ping' }, 'a list of ids needs tgt_type list'],
    ['fun has no module', { tgt: '*', fun: 'ping' }, '\'fun\' must be module.function, got "ping"'],
    ['fun is missing', { tgt: '*' }, "'fun' must be module.function, got nothing"],
    ['arg is no list', { tgt: '*', fun: 'test.ping', arg: 'x' }, '\'arg\' must be a list, got "x"'],
    ['kwarg is a list', { tgt: '*', fun: 'test.ping', kwarg: [1] }, "'kwarg' must be a map, got [1]"],
    ['kwarg is null', { tgt: '*', fun: 'test.ping', kwarg: null }, "'kwarg' must be a map, got null"],
    ['jid is too short', { tgt: '*', fun: 'test.ping', jid: '1' }, '\'jid\' must be 20 digits, got "1"'],
    [
      'run_timeout is a text',
      { tgt: '*', fun: 'test.ping', run_timeout: '5' },
      `'run_timeout' must be seconds, got "5"`,
    ],
    ['subset is none', { tgt: '*', fun: 'test.ping', subset: 0 }, "'subset' must be a whole number from 1 on, got 0"],
    ['metadata is a list', { tgt: '*', fun: 'test.ping', metadata: [] }, "'metadata' must be a map, got []"],
    ['resolve is a text', { tgt: '*', resolve: 'yes' }, `'resolve' must be true or false, got "yes"`],
    ['a key is unknown', { tgt: '*', fun: 'test.ping', kwargs: {} }, "unknown key 'kwargs'. Did you mean 'kwarg'?"],
    [
      'timeout is longer than a year',
      { tgt: '*', fun: 'test.ping', timeout: 1e300 },
      "'timeout' is 31622400 seconds (a year) at most, got 1e+300",
    ],
    [
      'run_timeout is longer than a year',
      { tgt: '*', fun: 'test.ping', run_timeout: 31_622_401 },
      "'run_timeout' is 31622400 seconds (a year) at most, got 31622401",
    ],
    ['timeout is negative', { tgt: '*', fun: 'test.ping', timeout: -1 }, "'timeout' must be seconds, got -1"],
  ])('because %s says so', async (_what, request, message) => {
    const { publish, records } = await start({ a: yes })
    await expect(publish(request as unknown as PublishMessage, asked)).rejects.toMatchObject({
      code: 'bad_argument',
      message: expect.stringContaining(message),
    })
    expect(await records()).toEqual([])
  })
})
