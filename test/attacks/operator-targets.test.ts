// An operator of some minions who aims at others: by every type of target, by lists that mix, by lot, and through jobs and
// runner functions of somebody else.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createJidSource } from '../../src/protocol/jid.ts'
import type { PublishMessage } from '../../src/protocol/job.ts'
import { command } from '../e2e/reactor.ts'
import { eventsFrom, ping } from './harm.ts'
import { addOperator, ask, createMark, expectRefused, PASSWORD, publish, touched, works } from './operators.ts'
import { type System, startSystem } from './system.ts'

const CONFIG = {
  roles: {
    web: [
      { web1: ['cmd.run', 'test.*'] },
      { '@runner': ['jobs.*', 'event.send', 'manage.up'] },
      { '@fire': ['deploy/**'] },
    ],
    named: [{ 'web* and not web2': ['test.*'] }],
    grains: [{ 'G@role:db': ['test.*'] }],
    looker: ['@jobs'],
    miner: [{ web1: ['mine.*', 'saltutil.cmd', 'test.ping'] }],
    sender: [{ '@runner': ['event.send'] }, { '@fire': ['deploy/**'] }],
  },
  // Named as the minion is that the role names.
  nodegroups: { web1: 'L@web2', all: '*', both: ['web1', 'web2'] },
}

/** Of a target that does not name minions: neither who is outside the role, nor whether there is anybody. */
const UNNAMED = /on every minion that this target means, or it means none: no role/

let system: System
let bob: NatsConnection
/** The attacker's own minion answers no job: whoever reaches it has reached too far. */
let evil: NatsConnection
const reached: unknown[] = []
beforeAll(async () => {
  system = await startSystem({ config: CONFIG })
  bob = await addOperator(system, 'bob', 'web')
  evil = await system.attacker()
  await grains({ os: 'Debian', ipv4: ['10.0.0.1'], id: 'web1' })
  evil.subscribe('reactor.job.evil', {
    callback: (_error, message) => {
      const job = message.json<{ fun: string; user: string }>()
      if (job.user !== 'admin') reached.push(job)
      message.respond(JSON.stringify({ accepted: false, reason: 'busy' }))
    },
  })
  await evil.flush()
})
afterAll(() => system?.stop())

/** What the attacker's minion says of itself, once the job workers have heard it. */
async function grains(said: Record<string, unknown>): Promise<void> {
  await evil.request('reactor.grains.evil', JSON.stringify(said), { timeout: 30_000 })
  const [[name, value]] = Object.entries(said) as [[string, unknown]]
  for (let known: string[] = []; !known.includes('evil'); )
    known = (await publish(system.admin, { tgt: `G@${name}:${value}`, tgt_type: 'compound', resolve: true } as never))
      .minions as string[]
}

// Inside the role it works, before and after each attack.
beforeEach(() => works(system, bob, { tgt: 'web1', fun: 'cmd.run', arg: ['true'] }))
afterEach(async () => {
  expect(await ping(system)).toEqual(['web1', 'web2'])
  expect(await touched(system)).toEqual([])
  expect(reached).toEqual([])
})

const refused = (job: Partial<PublishMessage>, code: string, reason: RegExp) => {
  const { job: mark } = createMark(system, 'target')
  return expectRefused({ system, user: 'bob', kind: 'publish', action: 'cmd.run', code, reason }, () =>
    publish(bob, { ...mark, ...job } as PublishMessage),
  )
}

describe('minions outside the role, and not those inside it beside them, are reached by', () => {
  it.each<[string, Partial<PublishMessage>, RegExp]>([
    ['their id', { tgt: 'web2' }, /on web2:/],
    ['a glob', { tgt: 'web*' }, UNNAMED],
    ['the glob of all', { tgt: '*' }, UNNAMED],
    ['a class of characters', { tgt: 'web[2-9]' }, UNNAMED],
    ['a list', { tgt: ['web2'] }, /on web2:/],
    ['a list that mixes', { tgt: ['web1', 'web2'] }, /on web2:/],
    ['a list that mixes, as text', { tgt: 'web1,web2', tgt_type: 'list' }, /on web2:/],
    ['an id with a blank', { tgt: ['web2 '] }, /on web2:/],
    ['a list that names one many times', { tgt: ['web1', 'web1', 'web2', 'web1'] }, /on web2:/],
    ['a list with ids that nobody has', { tgt: ['nobody', 'web2', 'web1'] }, /on nobody, web2:/],
    ['a regular expression', { tgt: 'web1|web2', tgt_type: 'pcre' }, UNNAMED],
    ['a regular expression that looks like the id', { tgt: 'web.', tgt_type: 'pcre' }, UNNAMED],
    ['a grain', { tgt: 'id:web*', tgt_type: 'grain' }, UNNAMED],
    ['a grain by regular expression', { tgt: 'id:^web', tgt_type: 'grain_pcre' }, UNNAMED],
    ['an address', { tgt: '10.0.0.0/8', tgt_type: 'ipcidr' }, UNNAMED],
    ['a compound', { tgt: 'web1 or web2', tgt_type: 'compound' }, UNNAMED],
    ['what is not the granted one', { tgt: 'not web1', tgt_type: 'compound' }, UNNAMED],
    ['a compound in brackets', { tgt: '( L@web1 and not web1 ) or E@web[12]', tgt_type: 'compound' }, UNNAMED],
    ['a nodegroup that is named like the granted id', { tgt: 'web1', tgt_type: 'nodegroup' }, UNNAMED],
    ['such a nodegroup in a compound', { tgt: 'N@web1', tgt_type: 'compound' }, UNNAMED],
    ['a nodegroup of all', { tgt: 'all', tgt_type: 'nodegroup' }, UNNAMED],
    ['lot, among granted and others', { tgt: '*', subset: 1 }, UNNAMED],
    ['lot, in a list', { tgt: ['web1', 'web2'], subset: 1 }, /on web2:/],
  ])('%s: refused as a whole', (_what, job, reason) => refused(job, 'forbidden', reason))

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['a type that there is not', { tgt: 'web2', tgt_type: 'everything' }, /'everything' is not one of/],
    ['a type in other letters', { tgt: 'web1', tgt_type: 'GLOB' }, /'GLOB' is not one of/],
    ['a type that is a list', { tgt: 'web1', tgt_type: ['glob', 'list'] }, /'tgt_type' must be a text/],
    ['the type of another program', { tgt: 'web[1-2]', tgt_type: 'range' }, /range/],
    ['a type that is a property of all objects', { tgt: 'web2', tgt_type: '__proto__' }, /'__proto__' is not one of/],
    ['a list of another type', { tgt: ['web1'], tgt_type: 'compound' }, /a list of ids needs tgt_type list/],
    ['an empty text', { tgt: '' }, /non-empty text/],
    ['blanks', { tgt: '  ' }, /non-empty text/],
    ['a map', { tgt: { web1: true, web2: true } }, /'tgt' must be a text or a list of ids/],
    ['a map that says it is a list', { tgt: { length: 1, 0: 'web2' }, tgt_type: 'list' }, /'tgt' must be/],
    ['a list in a list', { tgt: [['web2']] }, /'tgt' must be a text or a list of ids/],
    ['nothing', { tgt: null }, /'tgt' must be/],
    ['a nodegroup that there is not', { tgt: 'nobody', tgt_type: 'nodegroup' }, /nobody/],
    ['brackets that do not close', { tgt: '( web1', tgt_type: 'compound' }, /./],
    ['an empty list', { tgt: [] }, /at least one minion/],
    ['a list of nothing', { tgt: ',,', tgt_type: 'list' }, /at least one minion/],
    ['lot of a negative number', { tgt: '*', subset: -1 }, /'subset' must be/],
    ['lot of half a minion', { tgt: 'web1', subset: 0.5 }, /'subset' must be/],
  ])('%s: refused as malformed', async (_what, job, reason) => {
    const [code] = ['bad_argument']
    await refused(job as never, code!, reason)
  })

  it.each<[string, Partial<PublishMessage>, RegExp]>([
    ['ids that nobody has', { tgt: ['nobody', 'no-one'] }, /on no-one, nobody:/],
    ['ids that nobody has, beside the granted one', { tgt: ['web1', 'nobody'] }, /on nobody:/],
    ['an id in other letters', { tgt: 'WEB2' }, /on WEB2:/],
    ['an id in full-width letters', { tgt: ['ｗｅｂ2'] }, /on ｗｅｂ2:/],
    ['an id with a wildcard of NATS', { tgt: ['>'] }, /on >:/],
    ['a path', { tgt: ['../web2', 'web1/../web2'] }, /on \.\.\/web2, web1\/\.\.\/web2:/],
    ['a glob that nobody matches', { tgt: 'nobody*' }, UNNAMED],
    ['a grain that nobody has', { tgt: 'G@secret:a*', tgt_type: 'compound' }, UNNAMED],
  ])('%s: refused as those that there are', (_what, job, reason) => refused(job, 'forbidden', reason))

  it('a question about their grains, which is answered like one about nobody', async () => {
    await grains({ secret: 'abc' })
    const told = []
    for (const secret of ['a*', 'b*', '*'])
      told.push((await publish(bob, { tgt: `secret:${secret}`, tgt_type: 'grain', fun: 'test.ping' })).error)
    expect(told).toEqual(Array(3).fill({ code: 'forbidden', message: expect.stringMatching(UNNAMED) }))
    expect(new Set(told.map(error => error!.message)).size).toBe(1)
    await grains({ os: 'Debian', ipv4: ['10.0.0.1'], id: 'web1' })
  })

  it('a function that runs another one', async () => {
    const { file } = createMark(system, 'inner')
    const may = await addOperator(system, 'mia', 'miner')
    await works(system, may, { tgt: 'web1', fun: 'mine.send', arg: ['test.ping'] })
    const kwarg = { mine_function: 'cmd.run' }
    for (const job of [
      { fun: 'mine.send', arg: ['x', `touch ${file}`], kwarg },
      { fun: 'mine.send', arg: ['cmd.run', `touch ${file}`] },
      { fun: 'mine.update', arg: [false, { x: [{ mine_function: 'cmd.run' }, `touch ${file}`] }] },
      { fun: 'saltutil.cmd', arg: ['web2', 'test.ping'] },
      { fun: 'saltutil.cmd', arg: ['web1', 'cmd.run', [`touch ${file}`]] },
    ])
      await expectRefused({ system, user: 'mia', kind: 'publish', action: job.fun }, () =>
        publish(may, { tgt: 'web1', ...job }),
      )
  })

  it('a returner that they were not given, whose settings would have the minion write where they please', async () => {
    const { file } = createMark(system, 'returner')
    const may = await addOperator(system, 'ria', 'miner')
    const written = { ret: 'rawfile_json', ret_kwargs: { filename: file } }
    for (const job of [
      { fun: 'test.ping', ...written },
      { fun: 'saltutil.cmd', arg: ['web1', 'test.ping'], kwarg: written },
      { fun: 'mine.send', arg: ['x', 'web1', 'test.ping'], kwarg: { mine_function: 'saltutil.cmd', ...written } },
    ])
      await expectRefused({ system, user: 'ria', kind: 'publish', action: job.fun }, () =>
        publish(may, { tgt: 'web1', ...job }),
      )
  })

  it('a batch of the command line, which asks for each minion by itself', async () => {
    const next = eventsFrom(system)
    const file = join(system.dir, 'password')
    await writeFile(file, PASSWORD, { mode: 0o600 })
    const { file: mark } = createMark(system, 'batch')
    const cli = (...words: string[]) =>
      command(['call', ...words, '--server', system.server.url, '--user', 'bob', '--password-file', file], {
        cwd: system.dir,
      })
    const [inside, outside] = await Promise.all([
      cli('web1', 'test.ping', '--batch', '1'),
      cli('-L', 'web1,web2', 'cmd.run', `touch ${mark}`, '--batch', '1'),
    ])
    expect(inside).toMatchObject({ code: 0 })
    expect(outside).toMatchObject({ code: 77, stderr: expect.stringContaining("may not call 'cmd.run' on web2") })
    await next(({ tag, data }) => tag === 'salt/audit/publish' && data.result === 'refused', 'the record of it')
  })
})

describe('a minion that says of itself what a role asks for', () => {
  it('is not taken for another by its grains where the role names ids', async () => {
    const ann = await addOperator(system, 'ann', 'named')
    await works(system, ann, { tgt: 'web1', fun: 'test.ping' })
    await grains({ role: 'web', nodename: 'web1', id: 'web1', host: 'web1', fqdn: 'web1' })
    await expectRefused({ system, user: 'ann', kind: 'publish', action: 'test.ping', reason: UNNAMED }, () =>
      publish(ann, { tgt: 'G@role:web', tgt_type: 'compound', fun: 'test.ping' }),
    )
    // The grain that holds an id is what its key was accepted for.
    expect(await works(system, ann, { tgt: 'G@id:web*1', tgt_type: 'compound', fun: 'test.ping' })).toMatchObject({
      minions: ['web1'],
    })
  })

  it('gets no more than the jobs that such a role may send, and reaches no other minion by it', async () => {
    const dan = await addOperator(system, 'dan', 'grains')
    await expectRefused({ system, user: 'dan', kind: 'publish', reason: /on web2/ }, () =>
      publish(dan, { tgt: 'web2', fun: 'test.ping' }),
    )
    // The documented limit of a role by grains: a minion is in it that says so of itself.
    await grains({ role: 'db' })
    expect(await publish(dan, { tgt: 'evil', fun: 'test.ping' })).toMatchObject({ minions: ['evil'] })
    expect(reached.splice(0)).toMatchObject([{ fun: 'test.ping', user: 'dan' }])
    await expectRefused({ system, user: 'dan', kind: 'publish', reason: UNNAMED }, () =>
      publish(dan, { tgt: '*', fun: 'test.ping' }),
    )
  })
})

describe("somebody else's job", () => {
  /** A job of the admin that goes on on web1, where bob may run commands, and on web2. */
  async function longJob(): Promise<string> {
    const { jid } = await publish(system.admin, { tgt: 'web*', fun: 'test.sleep', arg: [300] })
    return String(jid)
  }
  const runs = async (jid: string) =>
    (await system.run<Record<string, unknown>>('runner', 'jobs.active'))[jid] !== undefined
  const ended = async (jid: string) => {
    await system.run('runner', 'jobs.kill', [jid])
    for (const id of ['web1', 'web2'])
      await system.events.find(({ tag }) => tag === `salt/job/${jid}/ret/${id}`, `the end of ${jid} on ${id}`)
  }
  let theirs: string
  beforeAll(async () => {
    theirs = await longJob()
    await system.events.find(({ tag }) => tag === `salt/job/${theirs}/sent`, 'the sending of it')
  })
  afterEach(async () => {
    expect(await runs(theirs)).toBe(true)
  })
  afterAll(() => ended(theirs))

  it('is not ended by jobs.kill', async () => {
    const { jid: own } = await publish(bob, { tgt: 'web1', fun: 'test.sleep', arg: [300] })
    const { error } = await ask(bob, 'reactor.runner.jobs.kill', [theirs])
    expect(error).toMatchObject({ code: expect.stringMatching(/./), message: expect.stringContaining(theirs) })
    // Not even their own, where no role grants saltutil.kill_job.
    expect(await ask(bob, 'reactor.runner.jobs.kill', [own])).toMatchObject({ error: { code: 'forbidden' } })
    await system.run('runner', 'jobs.kill', [own])
  })

  it('is not ended by whoever may look at all jobs', async () => {
    const jan = await addOperator(system, 'jan', 'looker')
    expect(await ask(jan, 'reactor.runner.jobs.list_job', [theirs])).toMatchObject({ Function: 'test.sleep' })
    const refusal = { system, user: 'jan', kind: 'runner', action: 'jobs.kill', reason: /saltutil.kill_job/ }
    await expectRefused(refusal, () => ask(jan, 'reactor.runner.jobs.kill', [theirs]))
  })

  it('is not run again by whoever may look at all jobs', async () => {
    const lea = await addOperator(system, 'lea', 'looker')
    const { jid } = await works(system, system.admin, { tgt: 'web1', fun: 'cmd.run', arg: ['true'] })
    const settled = await ask(system.admin, 'reactor.history.job', { jid, wait: 10, after: '' })
    expect(settled).not.toHaveProperty('error')
    const before = system.events.items.length
    const { error } = await ask(lea, 'reactor.runner.jobs.retry', { jid, only_failed: false })
    expect(error).toMatchObject({ code: 'forbidden', message: expect.stringContaining('cmd.run') })
    expect(
      system.events.items.slice(before).filter(({ tag, data }) => tag.endsWith('/new') && data.user === 'lea'),
    ).toMatchObject([{ data: { fun: 'runner.jobs.retry' } }])
  })

  it('is not there for jobs.retry, jobs.lookup_jid, jobs.list_job, jobs.print_job, jobs.exit_success and jobs.last_run', async () => {
    const call = (fun: string, arg: unknown[]) => ask(bob, `reactor.runner.jobs.${fun}`, arg)
    expect(await call('retry', [theirs])).toMatchObject({ error: { message: expect.stringContaining(theirs) } })
    expect(await call('lookup_jid', [theirs])).toEqual({})
    expect(await call('exit_success', [theirs])).toEqual({})
    expect(await call('list_job', [theirs])).toMatchObject({ jid: theirs, Error: expect.any(String) })
    expect(JSON.stringify(await call('print_job', [theirs]))).not.toContain('test.sleep')
    const last = await ask(bob, 'reactor.runner.jobs.last_run', { function: 'test.sleep' })
    expect(JSON.stringify(last)).toMatch(/"User":"bob"/)
    expect(last).not.toHaveProperty(theirs)
  })

  it('is in none of the lists: jobs.list_jobs, jobs.list_jobs_filter, jobs.active, jobs.master', async () => {
    const all = JSON.stringify(await system.run('runner', 'jobs.list_jobs'))
    expect(all).toContain(theirs)
    for (const [fun, arg] of [
      ['list_jobs', []],
      ['list_jobs_filter', [100]],
      ['active', []],
      ['master', []],
    ] as const) {
      const text = JSON.stringify(await ask(bob, `reactor.runner.jobs.${fun}`, arg))
      expect(text).not.toContain('"error"')
      expect(text).not.toContain(theirs)
      expect(text).not.toContain('"admin"')
    }
  })

  it('is not looked at by saltutil.find_job, which needs no grant of its own', async () => {
    const { jid: own } = await publish(bob, { tgt: 'web1', fun: 'test.sleep', arg: [300] })
    const nia = await addOperator(system, 'nia', 'named')
    const find = async (nc: NatsConnection, jid: unknown) => {
      const { jid: asked, error } = await publish(nc, { tgt: 'web1', fun: 'saltutil.find_job', arg: [jid] })
      if (error) return error
      const { data } = await system.events.find(({ tag }) => tag === `salt/job/${asked}/ret/web1`, 'the answer')
      return data.return
    }
    expect(await find(bob, own)).toMatchObject({ fun: 'test.sleep', user: 'bob' })
    expect(await find(nia, theirs)).toMatchObject({ code: 'forbidden' })
    expect(await find(nia, own)).toMatchObject({ code: 'forbidden' })
    await system.run('runner', 'jobs.kill', [own])
  })

  it('keeps its jid: nobody publishes under it', async () => {
    const refusal = { system, user: 'bob', kind: 'publish', code: 'jid_taken', reason: new RegExp(theirs) }
    const { job } = createMark(system, 'jid')
    await expectRefused(refusal, () => publish(bob, { ...job, tgt: 'web1', jid: theirs }))
  })

  it.each(['1', '', '2026112012000000000x', '../../jobs', '20261120120000000000.web2', '>'])(
    'is not written over by a jid that is none: %j',
    async jid => {
      const refusal = { system, user: 'bob', kind: 'publish', code: 'bad_argument', reason: /'jid' must be 20 digits/ }
      await expectRefused(refusal, () => publish(bob, { tgt: 'web1', fun: 'test.ping', jid }))
    },
  )
})

describe('an event of a runner function', () => {
  it.each([
    'salt/key',
    'salt/auth',
    'salt/presence/change',
    'salt/audit/publish',
    'salt/minion/web2/start',
    `salt/job/${createJidSource()()}/new`,
    `salt/job/${createJidSource()()}/ret/web1`,
    `salt/run/${createJidSource()()}/ret`,
    'salt/run/../key',
    'other/deploy/x',
    'deployx/y',
    'Deploy/y',
    '/deploy/y',
  ])('with the tag %s is not said with the voice of the job worker', async tag => {
    const before = system.events.items.length
    const eve = senders.eve
    expect(await ask(eve, 'reactor.runner.event.send', ['deploy/done', { by: 'eve' }])).toBe(true)
    const refusal = { system, user: 'eve', kind: 'runner', action: 'event.send' }
    const reason = /'eve' may not fire|which nobody writes by hand/
    await expectRefused({ ...refusal, reason }, () => ask(eve, 'reactor.runner.event.send', [tag, { forged: 1 }]))
    expect(system.events.items.slice(before).filter(({ data }) => data.forged === 1)).toEqual([])
  })

  const senders = {} as { eve: NatsConnection }
  beforeAll(async () => {
    senders.eve = await addOperator(system, 'eve', 'sender')
  })
})
