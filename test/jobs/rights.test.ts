// What operators may start on minions, and what is recorded of it: by the ids that a target means, however it is written.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PublishMessage } from '../../src/protocol/job.ts'
import { ALL_GRANTS, type Grants, NO_GRANTS } from '../../src/protocol/role.ts'
import { keptAudit } from '../helpers/authority.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { openWorker, YES } from './worker.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const FLEET = { web1: YES, web2: YES, db1: YES }
const UNNAMED = 'every minion that this target means, or it means none'
const GRANTS: Grants = {
  ...NO_GRANTS,
  local: [
    { tgt: 'web*', funs: ['test.*'] },
    { tgt: 'db1', funs: ['cmd.run'] },
  ],
}

async function start() {
  const core = await openCore(server)
  const { audit, records } = keptAudit()
  const worker = await openWorker(core, FLEET, { audit, nodegroups: { all: '*', web: 'web*' } })
  const ann = { user: 'ann', source: 'OPS 10.0.0.1', grants: () => GRANTS }
  return { ...core, ...worker, records, ann }
}

describe('an operator', () => {
  it.each<[PublishMessage['tgt'], string | undefined, string[]]>([
    ['web*', undefined, ['web1', 'web2']],
    ['web1', undefined, ['web1']],
    [['web2', 'web1'], undefined, ['web1', 'web2']],
    ['N@web and not web2', 'compound', ['web1']],
    ['web', 'nodegroup', ['web1', 'web2']],
    ['id:web1', 'grain', ['web1']],
  ])('may reach minions that a role grants, by the target %j (%s)', async (tgt, tgt_type, minions) => {
    const { publish, ann } = await start()
    const published = await publish({ tgt, fun: 'test.ping', ...(tgt_type ? { tgt_type } : {}) }, ann)
    expect(published.minions).toEqual(minions)
  })

  it.each<[string, PublishMessage['tgt'], string | undefined, string]>([
    ['a glob', '*', undefined, UNNAMED],
    ['an id', 'db1', undefined, 'db1'],
    ['an id that nobody has', 'db9', undefined, 'db9'],
    ['a list that mixes', ['web1', 'db1', 'web2'], undefined, 'db1'],
    ['a list that mixes in what nobody has', ['web1', 'db9', 'web2'], undefined, 'db9'],
    ['a list as a text', 'web1, db1', 'list', 'db1'],
    ['a regular expression', '.*1', 'pcre', UNNAMED],
    ['a grain', 'id:db*', 'grain', UNNAMED],
    ['a compound one', 'web1 or db1', 'compound', UNNAMED],
    ['a nodegroup', 'all', 'nodegroup', UNNAMED],
    ['a nodegroup inside', 'N@all and not web1', 'compound', UNNAMED],
    ['a glob that nobody matches', 'x*', undefined, UNNAMED],
    ['a grain that nobody has', 'secret:a*', 'grain', UNNAMED],
  ])('is refused a target that means others too: %s', async (_what, tgt, tgt_type, refused) => {
    const { publish, ann, got, events, records } = await start()
    const hint = refused === UNNAMED ? '; name minions by their ids to be told which' : ''
    const reason = `'ann' may not call 'test.ping' on ${refused}: no role of theirs grants it${hint}`
    const request = { tgt, fun: 'test.ping', ...(tgt_type ? { tgt_type } : {}) }
    await expect(publish(request, ann)).rejects.toMatchObject({ code: 'forbidden', message: reason })
    expect(records.items).toEqual([
      {
        ...{ kind: 'publish', user: 'ann', source: 'OPS 10.0.0.1', action: 'test.ping', result: 'refused', reason },
        ...{ tgt, ...(tgt_type ? { tgt_type } : {}), cause: undefined, hops: 0 },
      },
    ])
    expect(got.items).toEqual([])
    expect(events.items).toEqual([])
  })

  it('is refused by all that match, not by those that are drawn', async () => {
    const { publish, ann } = await start()
    for (let n = 0; n < 8; n++)
      await expect(publish({ tgt: '*', fun: 'test.ping', subset: 1 }, ann)).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('is refused a function that no role grants before anything is told of the fleet', async () => {
    const { publish, ann } = await start()
    for (const tgt of ['web1', 'nobody', '*'])
      await expect(publish({ tgt, fun: 'cmd.shell' }, ann)).rejects.toMatchObject({
        code: 'forbidden',
        message: "'ann' may not call 'cmd.shell' on any minion: no role of theirs grants it",
      })
  })

  it('is told that nobody matches where that tells nothing of minions that are not theirs', async () => {
    const { publish, ann } = await start()
    const none = { code: 'no_minions' }
    await expect(publish({ tgt: 'web9', fun: 'test.ping' }, ann)).rejects.toMatchObject(none)
    expect((await publish({ tgt: ['web9', 'web1'], fun: 'test.ping' }, ann)).missing).toEqual(['web9'])
    const everywhere = { user: 'eve', grants: () => ({ ...NO_GRANTS, local: [{ funs: ['test.*'] }] }) }
    for (const tgt of ['nobody', 'x*'])
      await expect(publish({ tgt, fun: 'test.ping' }, everywhere)).rejects.toMatchObject(none)
  })

  it('is told who may not be reached where they know every id by another function', async () => {
    const { publish } = await start()
    const grants = () => ({
      ...NO_GRANTS,
      local: [
        { tgt: 'web1', funs: ['cmd.run'] },
        { tgt: '*', funs: ['test.*'] },
      ],
    })
    await expect(publish({ tgt: 'web*', fun: 'cmd.run' }, { user: 'eve', grants })).rejects.toThrow(
      "'cmd.run' on web2:",
    )
  })

  it('is not told by what is missing from a target which ids there are', async () => {
    const { resolve, ann } = await start()
    for (const id of ['db1', 'edge9'])
      expect(
        resolve({ tgt: `web1 or ( L@${id} and web* )`, tgt_type: 'compound', fun: 'test.ping', resolve: true }, ann),
      ).toEqual({ minions: ['web1'], missing: [] })
  })

  it('is told of a few of many that are not allowed', async () => {
    const core = await openCore(server)
    const fleet = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`db${n}`, undefined]))
    const { publish } = await openWorker(core, fleet)
    const asked = { user: 'ann', grants: () => ({ ...NO_GRANTS, local: [{ tgt: 'db0', funs: ['test.*'] }] }) }
    await expect(publish({ tgt: Object.keys(fleet), fun: 'test.ping' }, asked)).rejects.toThrow(
      "'ann' may not call 'test.ping' on db1, db2, db3, db4, db5 and 3 more: no role",
    )
  })

  it('who was removed meanwhile may nothing', async () => {
    const { publish } = await start()
    let grants = GRANTS
    const asked = { user: 'ann', grants: () => grants }
    await publish({ tgt: 'web1', fun: 'test.ping' }, asked)
    grants = NO_GRANTS
    await expect(publish({ tgt: 'web1', fun: 'test.ping' }, asked)).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('follows a job of their own where they may do anything, and nobody else follows it', async () => {
    const { publish, ann } = await start()
    const { jid } = await publish({ tgt: 'web1', fun: 'test.ping' }, ann)
    const find = { tgt: '*', fun: 'saltutil.find_job' }
    for (const request of [{ arg: [jid] }, { kwarg: { jid } }])
      expect((await publish({ ...find, ...request }, ann)).minions).toEqual(['db1', 'web1', 'web2'])

    const forbidden = { code: 'forbidden' }
    const ron = { user: 'ron', grants: () => GRANTS }
    const nobody = { user: 'ann', grants: () => NO_GRANTS }
    for (const asked of [ron, nobody])
      await expect(publish({ ...find, arg: [jid] }, asked)).rejects.toMatchObject(forbidden)
    for (const arg of [[], ['20261120091820838387'], ['x'], [[jid]]])
      await expect(publish({ ...find, arg }, ann)).rejects.toMatchObject(forbidden)
    const looker = { user: 'eve', grants: () => ({ ...GRANTS, jobs: 'all' as const }) }
    expect((await publish({ ...find, arg: [jid] }, looker)).minions).toEqual(['db1', 'web1', 'web2'])
  })
})

describe('a job with returners', () => {
  const grants = (): Grants => ({
    ...NO_GRANTS,
    local: [
      { tgt: 'web*', funs: ['test.*', 'saltutil.cmd'] },
      { tgt: 'web1', funs: ['returner.mysql'] },
    ],
  })
  const bob = { user: 'bob', source: 'OPS', grants }

  it('needs the right to each of them on each minion', async () => {
    const { publish, resolve, got } = await start()
    const ping = { fun: 'test.ping', ret: 'mysql' }
    expect((await publish({ tgt: 'web1', ...ping }, bob)).minions).toEqual(['web1'])
    const elsewhere = {
      code: 'forbidden',
      message: "'bob' may not call 'returner.mysql' on web2: no role of theirs grants it",
    }
    await expect(publish({ tgt: ['web1', 'web2'], ...ping }, bob)).rejects.toMatchObject(elsewhere)
    expect(() => resolve({ tgt: ['web1', 'web2'], ...ping }, bob)).toThrow(elsewhere.message)
    await expect(publish({ tgt: 'web1', ...ping, ret: 'mysql,redis' }, bob)).rejects.toMatchObject({
      code: 'forbidden',
      message: "'bob' may not call 'returner.redis' on any minion: no role of theirs grants it",
    })
    expect(got.items).toHaveLength(1)
  })

  it('needs another right for settings of its own, which can name any file, host and login of the minion', async () => {
    const { publish } = await start()
    const own = { tgt: 'web1', fun: 'test.ping', ret: 'mysql', ret_kwargs: { host: 'elsewhere' } }
    await expect(publish(own, bob)).rejects.toMatchObject({
      code: 'forbidden',
      message: "'bob' may not call 'returner_kwargs.mysql' on any minion: no role of theirs grants it",
    })
    const arg = ['web1', 'test.ping', [], 5, 'glob', 'mysql', {}, '', { host: 'elsewhere' }]
    for (const call of [{ arg }, { arg: arg.slice(0, 6), kwarg: { ret_kwargs: { host: 'elsewhere' } } }])
      await expect(publish({ tgt: 'web1', fun: 'saltutil.cmd', ...call }, bob)).rejects.toMatchObject({
        message: expect.stringContaining('returner_kwargs.mysql'),
      })
    const more = { tgt: 'web1', funs: ['returner_kwargs.*'] }
    const trusted = { ...bob, grants: (): Grants => ({ ...grants(), local: [...grants().local, more] }) }
    expect((await publish(own, trusted)).minions).toEqual(['web1'])
    expect((await publish({ ...own, ret_kwargs: {} }, bob)).minions).toEqual(['web1'])
  })

  it('needs it where another function starts it', async () => {
    const { publish } = await start()
    const ask = (tgt: string, ret: string) =>
      publish({ tgt: 'web1', fun: 'saltutil.cmd', arg: [tgt, 'test.ping', [], 5, 'glob', ret] }, bob)
    expect((await ask('web1', 'mysql')).minions).toEqual(['web1'])
    await expect(ask('web2', 'mysql')).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining("'returner.mysql' on web2"),
    })
  })

  it('is asked of no rule, and of nobody who may everything', async () => {
    const { publish } = await start()
    const call = { tgt: 'web1', fun: 'test.ping', ret: 'mysql' }
    for (const asked of [{ user: 'rule:r' }, { user: 'schedule:s' }, { user: 'eve', grants: () => ALL_GRANTS }])
      expect((await publish(call, asked)).minions).toEqual(['web1'])
  })
})

describe('a function that runs another one', () => {
  const grants = (): Grants => ({
    ...NO_GRANTS,
    local: [
      { tgt: 'web*', funs: ['mine.*', 'saltutil.cmd', 'schedule.*', 'test.*'] },
      { tgt: 'web1', funs: ['grains.get'] },
      { tgt: 'db1', funs: ['cmd.run'] },
    ],
  })
  const bob = { user: 'bob', source: 'OPS', grants }
  type Call = Pick<PublishMessage, 'fun' | 'arg' | 'kwarg'>

  it.each<[string, Call, string]>([
    ['the mine, by its entry', { fun: 'mine.send', arg: ['cmd.run', 'id'] }, 'cmd.run'],
    ['the mine', { fun: 'mine.send', arg: ['x', 'id'], kwarg: { mine_function: 'cmd.run' } }, 'cmd.run'],
    ['the mine, by names', { fun: 'mine.send', kwarg: { name: 'x', mine_function: 'cmd.run', cmd: 'id' } }, 'cmd.run'],
    ['an update', { fun: 'mine.update', arg: [false, ['test.ping', 'cmd.run']] }, 'cmd.run'],
    [
      'an update, by a map',
      { fun: 'mine.update', kwarg: { mine_functions: { a: [{ mine_function: 'cmd.run' }, 'id'] } } },
      'cmd.run',
    ],
    ['another minion', { fun: 'saltutil.cmd', arg: ['web1', 'cmd.run', ['id']] }, 'cmd.run'],
    ['another minion, by names', { fun: 'saltutil.cmd', kwarg: { tgt: ['web2'], fun: 'cmd.run' } }, 'cmd.run'],
    ['a minion of others', { fun: 'saltutil.cmd', arg: ['db1', 'test.ping'] }, 'test.ping'],
    ['minions that match', { fun: 'saltutil.cmd', arg: ['*', 'test.ping'] }, 'test.ping'],
    [
      'one in another',
      { fun: 'mine.send', arg: ['x', 'web2', 'mine.send', ['cmd.run']], kwarg: { mine_function: 'saltutil.cmd' } },
      'cmd.run',
    ],
    ['the schedule', { fun: 'schedule.add', arg: ['x'], kwarg: { function: 'cmd.run', seconds: 5 } }, 'cmd.run'],
    ['the schedule, by another name', { fun: 'schedule.add', kwarg: { name: 'x', fun: 'cmd.run' } }, 'cmd.run'],
    [
      'the schedule, with its returner',
      { fun: 'schedule.add', arg: ['x'], kwarg: { function: 'test.ping', seconds: 5, returner: ['mysql'] } },
      'returner.mysql',
    ],
    ['another function of an entry', { fun: 'schedule.modify', arg: ['x'], kwarg: { function: 'cmd.run' } }, 'cmd.run'],
    ['arguments of whatever an entry runs', { fun: 'schedule.modify', arg: ['x'], kwarg: { job_args: ['id'] } }, '*'],
    [
      'settings of whatever returner an entry has',
      { fun: 'schedule.modify', arg: ['x'], kwarg: { returner: null, return_kwargs: { host: 'a' } } },
      '*',
    ],
    ['an entry that goes elsewhere', { fun: 'schedule.copy', arg: ['x', 'web2'] }, '*'],
    ['a function that they may call elsewhere', { fun: 'mine.send', arg: ['grains.get', 'os'] }, 'grains.get'],
  ])('needs the right to that one too, where it runs: %s', async (_what, call, inner) => {
    const { publish, got, records } = await start()
    const error = { code: 'forbidden', message: expect.stringContaining(`may not call '${inner}' on `) }
    await expect(publish({ tgt: 'web2', ...call }, bob)).rejects.toMatchObject(error)
    expect(records.items).toMatchObject([{ user: 'bob', action: call.fun, result: 'refused' }])
    expect(got.items).toEqual([])
  })

  it.each<Call>([
    { fun: 'mine.send', arg: ['grains.get', 'os'] },
    { fun: 'mine.send', arg: ['x', 'os'], kwarg: { mine_function: 'grains.get' } },
    { fun: 'mine.update' },
    { fun: 'mine.update', arg: [true, ['test.ping']] },
    { fun: 'mine.get', arg: ['*', 'cmd.run'] },
    { fun: 'schedule.add', arg: ['x'], kwarg: { function: 'test.ping', seconds: 5 } },
    { fun: 'schedule.modify', arg: ['x'], kwarg: { seconds: 5, job_args: null } },
    { fun: 'schedule.run_job', arg: ['x'] },
    { fun: 'saltutil.cmd', arg: ['web*', 'test.ping'] },
    { fun: 'saltutil.cmd', kwarg: { tgt: ['web2'], fun: 'test.ping' } },
  ])('is allowed where both are: %j', async call => {
    const { publish } = await start()
    expect((await publish({ tgt: 'web1', ...call }, bob)).minions).toEqual(['web1'])
  })

  it('is refused where calls in calls have no end', async () => {
    const { publish } = await start()
    let arg: unknown[] = ['web1', 'test.ping']
    for (let n = 0; n < 5; n++) arg = ['web1', 'saltutil.cmd', arg]
    await expect(publish({ tgt: 'web1', fun: 'saltutil.cmd', arg }, bob)).rejects.toMatchObject({
      code: 'bad_argument',
    })
  })

  it('is asked of no rule, and of nobody who may everything', async () => {
    const { publish } = await start()
    const call = { tgt: 'web1', fun: 'mine.send', arg: ['cmd.run', 'id'] }
    for (const asked of [{ user: 'rule:r' }, { user: 'eve', grants: () => ALL_GRANTS }])
      expect((await publish(call, asked)).minions).toEqual(['web1'])
  })
})

describe('only resolving a target', () => {
  it('of a call is refused as the call would be, and recorded', async () => {
    const { resolve, ann, records } = await start()
    expect(resolve({ tgt: 'web*', fun: 'test.ping', resolve: true }, ann).minions).toEqual(['web1', 'web2'])
    expect(records.items).toEqual([])
    expect(() => resolve({ tgt: 'db1', fun: 'test.ping', resolve: true }, ann)).toThrow("'test.ping' on db1: no role")
    expect(records.items).toMatchObject([{ user: 'ann', action: 'test.ping', result: 'refused' }])
  })

  it('without a function gives those on which something is granted', async () => {
    const { resolve } = await start()
    const only = (local: Grants['local']) => ({ user: 'ann', grants: () => ({ ...NO_GRANTS, local }) })
    const all = { tgt: '*', resolve: true } as PublishMessage
    expect(resolve(all, only([{ tgt: 'db*', funs: ['a.b'] }])).minions).toEqual(['db1'])
    expect(resolve({ ...all, subset: 5 }, only([{ tgt: 'web1', funs: ['a.b'] }])).minions).toEqual(['web1'])
    expect(resolve(all, only([{ funs: ['a.b'] }])).minions).toEqual(['db1', 'web1', 'web2'])
    expect(resolve(all, only([])).minions).toEqual([])
    expect(resolve(all, { user: 'rule:r' }).minions).toEqual(['db1', 'web1', 'web2'])
  })
})

describe('the record', () => {
  it('of a job has who asked, from where and what, and never an argument', async () => {
    const { publish, ann, records } = await start()
    const secret = 'hunter2'
    const { jid } = await publish({ tgt: 'web1', fun: 'test.arg', arg: [secret], kwarg: { password: secret } }, ann)
    expect(records.items).toEqual([
      {
        ...{ kind: 'publish', user: 'ann', source: 'OPS 10.0.0.1', action: 'test.arg', tgt: 'web1', result: 'ok', jid },
        ...{ cause: undefined, hops: 0 },
      },
    ])
    await expect(publish({ tgt: 'web1', fun: 'test.arg', arg: secret as never }, ann)).rejects.toThrow(secret)
    expect(records.items[1]).toMatchObject({ result: 'failed', reason: 'bad_argument' })
    expect(JSON.stringify(records.items)).not.toContain(secret)
  })

  it('of a rule names it, with its cause, and none is made for each try while the store is away', async () => {
    const { publish, records, records: audit } = await start()
    const asked = { user: 'rule:r', cause: 'event-1', hops: 2, work: { key: 'event-1/r/0/1', causeMs: Date.now() } }
    await publish({ tgt: '*', fun: 'test.ping' }, asked)
    expect(audit.items).toEqual([
      expect.objectContaining({ user: 'rule:r', source: 'CORE', result: 'ok', cause: 'event-1', hops: 2 }),
    ])
    await expect(publish({ tgt: 'nobody', fun: 'test.ping' }, asked)).rejects.toThrow()
    expect(records.items[1]).toMatchObject({ result: 'failed', reason: 'no_minions' })
  })

  it('has the beginning of a target that is long', async () => {
    const { publish, ann, records } = await start()
    const many = Array.from({ length: 500 }, (_, n) => `web${n}`)
    await publish({ tgt: many, fun: 'test.ping' }, ann)
    await expect(publish({ tgt: 'x'.repeat(5000), fun: 'test.ping' }, ann)).rejects.toThrow()
    expect(records.items[0]!.tgt).toEqual([...many.slice(0, 50), '… and 450 more'])
    expect(records.items[1]!.tgt).toBe(`${'x'.repeat(1000)}…`)
  })
})
