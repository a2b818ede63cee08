// An operator who wants to read what is none of theirs: events, decisions, jobs, large returns, answers to others, secrets;
// and who wants to speak where they may not.
import { connect as connectTcp } from 'node:net'
import { headers as createHeaders, createInbox, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hearJob } from '../../src/call/hear.ts'
import { operatorInbox } from '../../src/protocol/inbox.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import type { JobReturn } from '../../src/protocol/job.ts'
import { createSeen, within } from '../helpers/wait.ts'
import { type Attacker, attackWith } from './attacker.ts'
import { eventsFrom } from './harm.ts'
import {
  addOperator,
  ask,
  createMark,
  expectRefused,
  PASSWORD,
  publish,
  startedBy,
  touched,
  works,
} from './operators.ts'
import { type System, startSystem } from './system.ts'

const SECRETS = ['hunter-of-mail', 'hunter-of-http', 'hunter-of-join']
const CONFIG = {
  roles: {
    deploy: [
      { web1: ['test.*'] },
      { '@events': ['deploy/**'] },
      { '@fire': ['deploy/**'] },
      { '@runner': ['test.arg'] },
      { '@wheel': ['config.values'] },
    ],
    blind: [{ web1: ['test.*'] }],
  },
  profiles: {
    smtp: { ops: { host: '127.0.0.1', username: 'ops', password: SECRETS[0] } },
    http: { hook: { url: 'http://127.0.0.1:1/', bearer: SECRETS[1] } },
  },
}

let system: System
let bob: NatsConnection
let attacker: Attacker
let blind: NatsConnection
beforeAll(async () => {
  system = await startSystem({ config: CONFIG })
  bob = await addOperator(system, 'bob', 'deploy')
  blind = await addOperator(system, 'blind', 'blind')
  attacker = attackWith(bob)
})
afterAll(() => system?.stop())

const fire = (nc: NatsConnection, user: string, tokens: string, data: Record<string, unknown>) =>
  nc.request(`reactor.event._user-${user}.${tokens}`, JSON.stringify({ data }), { timeout: 30_000 })

/** What the server has refused by itself is in its log, with who it was. */
const logged = async (what: string): Promise<boolean> =>
  (await system.server.log()).includes(`"OPS/user:bob" - ${what}`)

describe('events that may not be read', () => {
  let secret: number
  beforeAll(async () => {
    await fire(bob, 'bob', 'deploy.shop.done', { mine: 1 })
    await fire(system.admin, 'admin', 'payroll.paid', { amount: 'a-secret' })
    const { events } = await ask(system.admin, 'reactor.history.events', { since: 0 })
    secret = (events as { seq: number; tag: string }[]).find(({ tag }) => tag === 'payroll/paid')!.seq
  })

  it('are in no page of history', async () => {
    const page = await ask(bob, 'reactor.history.events', { since: 0 })
    const tags = (page.events as { tag: string }[]).map(({ tag }) => tag)
    expect(tags).toContain('deploy/shop/done')
    expect(tags.filter(tag => !tag.startsWith('deploy/'))).toEqual([])
    expect(JSON.stringify(page)).not.toContain('a-secret')
  })

  it('are not found by asking for each sequence', async () => {
    const before = await ask(bob, 'reactor.history.events', { after_seq: secret - 2, limit: 1 })
    expect(before.events).toMatchObject([{ tag: 'deploy/shop/done', seq: secret - 1 }])
    const page = await ask(bob, 'reactor.history.events', { after_seq: secret - 1, limit: 1 })
    expect(page).toEqual({ events: [], next_seq: secret, last_seq: expect.any(Number) })
    for (let after_seq = 0; after_seq < secret; after_seq++) {
      const { events } = await ask(bob, 'reactor.history.events', { after_seq, limit: 1 })
      expect((events as { tag: string }[]).filter(({ tag }) => !tag.startsWith('deploy/'))).toEqual([])
    }
  })

  it.each<[string, unknown]>([
    ['with tags of their own', { since: 0, tags: ['**'] }],
    ['with a filter', { since: 0, filter: 'payroll/**' }],
    ['with a user', { since: 0, user: 'admin' }],
    ['before the first', { after_seq: -1 }],
    ['from no number', { after_seq: '1 or 1=1' }],
    ['as a list', [{ since: 0 }]],
  ])('are not given to a request %s', async (_what, request) => {
    expect(await ask(bob, 'reactor.history.events', request)).toMatchObject({ error: { code: 'bad_argument' } })
  })

  it('are not given to whoever may read none', async () => {
    const refusal = { system, user: 'blind', kind: 'history', action: 'history.events', reason: /@events/ }
    await expectRefused(refusal, () => ask(blind, 'reactor.history.events', { since: 0 }))
  })

  it.each([
    'reactor.live.>',
    'reactor.live.*.>',
    'reactor.live.*.*',
    'reactor.live.*.payroll.>',
    'reactor.live.*.payroll.paid',
    'reactor.live._user-admin.payroll.paid',
    'reactor.live._user-admin.>',
    'reactor.live._master.salt.>',
    'reactor.live._jobs.salt.job.>',
    'reactor.live.*.salt.audit.*',
    'reactor.live.*.Deploy.>',
    'reactor.live.deploy.>',
    'reactor.decision.>',
    'reactor.decision.done.*',
    'reactor.decision.reaction.fast.any',
    'reactor.event.>',
    'reactor.event._user-bob.>',
    'reactor.>',
    '>',
    '*.>',
    '*.live.>',
    'reactor.*.*.payroll.paid',
    'reactor.job.web1',
    'reactor.publish',
    'reactor.wheel.>',
    'reactor.runner.test.arg',
    'reactor.history.>',
    '_INBOX.>',
    '_INBOX.*.*',
    '_INBOX__user-admin.>',
    '_INBOX__user-admin.*.*',
    '_INBOX__jobs.>',
    '_INBOX_web1.>',
    '_INBOX__user-*.>',
    '*.*.*',
    '_R_.>',
    '_R_.*.*',
    '$JS.>',
    '$JS.API.>',
    '$KV.>',
    '$O.>',
    '$SYS.>',
    '$SYS.REQ.USER.AUTH',
    '$SRV.>',
    '$SRV.PING',
  ])('are not heard on %s', async subject => {
    expect(await attacker.refusedSubscribe('reactor.live.*.deploy.>')).toBe(false)
    expect(await attacker.refusedSubscribe(subject)).toBe(true)
    expect(await attacker.refusedSubscribe(subject, 'q')).toBe(true)
    expect(await logged(`Subscription Violation - Subject "${subject}"`)).toBe(true)
  })

  it('are not heard beside those that may be', async () => {
    const heard = createSeen<string>()
    bob.subscribe('reactor.live.*.deploy.>', {
      callback: (error, message) => void (error ?? heard.push(message.subject)),
    })
    await bob.flush()
    await fire(system.admin, 'admin', 'payroll.paid', {})
    await fire(system.admin, 'admin', 'deployx.paid', {})
    await fire(system.admin, 'admin', 'deploy.paid', {})
    await heard.reach(1)
    expect(heard.items).toEqual(['reactor.live._user-admin.deploy.paid'])
  })
})

describe("somebody else's job", () => {
  let jid: string
  let large: { name: string; parts: number }
  beforeAll(async () => {
    const job = { tgt: 'web1', fun: 'cmd.run', arg: [['printf', '%1500000d', '1']] }
    jid = (await works(system, system.admin, job)).jid
    const { data } = await system.events.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'the return')
    const { payload } = data as { payload: { name: string; parts: number } }
    large = { ...payload, name: `web1.${payload.name}` }
    await ask(system.admin, 'reactor.history.job', { jid, wait: 10 })
  })
  beforeEach(() => works(system, bob, { tgt: 'web1', fun: 'test.ping' }))

  it('is answered as one that there is not, by its jid', async () => {
    const next = eventsFrom(system)
    const answer = await ask(bob, 'reactor.history.job', { jid })
    expect(answer).toEqual(await ask(bob, 'reactor.history.job', { jid: '20260101000000000000' }))
    expect(answer).toMatchObject({ job: null })
    const { data } = await next(({ tag, data }) => tag === 'salt/audit/history' && data.user === 'bob', 'the record')
    expect(data).toMatchObject({ action: 'history.job', result: 'refused', reason: expect.stringContaining(jid) })
  })

  it.each<[string, Record<string, unknown>]>([
    ['a user', { user: 'admin' }],
    ['nobody', { user: '' }],
    ['a user in other letters', { user: 'Admin' }],
    ['a glob of users', { user: '*' }],
    ['a user that ends a text', { user: "admin' or '1'='1" }],
  ])('is in no list, of %s', async (_what, request) => {
    const next = eventsFrom(system)
    expect(await ask(bob, 'reactor.history.jobs', request)).toEqual({ jobs: [], more: false })
    const { data } = await next(({ tag, data }) => tag === 'salt/audit/history' && data.user === 'bob', 'the record')
    expect(data).toMatchObject({ action: 'history.jobs', result: 'refused' })
  })

  it.each<[string, Record<string, unknown>]>([
    ['functions', { fun: 'cmd.*' }],
    ['functions of a quote', { fun: "cmd.run' or user='admin" }],
    ['targets', { tgt: '*' }],
    ['times', { since: 0 }],
    ['metadata', { metadata: { user: 'admin' } }],
    ['everything', {}],
  ])('is in no list, by %s', async (_what, request) => {
    const { jobs } = (await ask(bob, 'reactor.history.jobs', { ...request, limit: 1000 })) as {
      jobs: { user: string }[]
    }
    expect(jobs.filter(({ user }) => user !== 'bob')).toEqual([])
    if (Object.keys(request).length === 0) expect(jobs.length).toBeGreaterThan(0)
  })

  it('gives no part of a return that is larger than a message', async () => {
    const part = await system.admin.request('reactor.history.payload', JSON.stringify({ name: large.name, part: 0 }), {
      timeout: 20_000,
    })
    expect(part.data.length).toBeGreaterThan(100_000)
    const refusal = { system, user: 'bob', kind: 'history', action: 'history.payload' }
    const next = eventsFrom(system)
    expect(await ask(bob, 'reactor.history.payload', { name: large.name, part: 0 })).toMatchObject({
      error: { code: 'not_found' },
    })
    await next(
      ({ tag, data }) => tag === 'salt/audit/history' && data.user === 'bob' && data.action === refusal.action,
      'the record',
    )
  })

  it.each([
    'web1.../x',
    '../web1',
    'web1.*',
    '*.>',
    '_answers.x',
    `web2.${'2'.repeat(20)}`,
    `_answers.${'2'.repeat(20)}`,
    '',
    '__proto__',
  ])('is not in the store under the guessed name %j', async name => {
    const { error } = await ask(bob, 'reactor.history.payload', { name, part: 0 })
    expect(error?.code).toMatch(/^(not_found|bad_argument)$/)
  })

  it('is not followed by waiting for it', async () => {
    const started = ask(bob, 'reactor.history.job', { jid, wait: 1, after: 'x' })
    expect(await started).toEqual({ job: null, marker: '' })
  })
})

describe('secrets', () => {
  it('are in no answer of config.values', async () => {
    const values = await ask(bob, 'reactor.wheel.config.values', [])
    expect(values).toMatchObject({ profiles: { smtp: { ops: { host: '127.0.0.1' } } }, namespace: 'reactor' })
    const text = JSON.stringify([values, await system.run('wheel', 'config.values')])
    for (const secret of SECRETS) expect(text).not.toContain(secret)
    expect(text).not.toMatch(/scrypt\$|S[UA][A-Z2-7]{56}/)
  })

  it('are in no answer of discovery, which everybody may ask', async () => {
    const answers = await bob.requestMany('$SRV.INFO', '', { strategy: 'stall', stall: 500, maxWait: 5000 })
    let text = ''
    for await (const message of answers) text += message.string()
    expect(text).toContain('reactor-wheel')
    for (const secret of [...SECRETS, 'scrypt$', 'a-secret']) expect(text).not.toContain(secret)
    // Whoever finds a function there may not call it for that.
    expect(await ask(bob, 'reactor.wheel.user.list', [])).toMatchObject({ error: { code: 'forbidden' } })
  })

  it('are in no event: passwords and their hashes, join tokens', async () => {
    const { token } = (await ask(system.admin, 'reactor.wheel.token.create', [])) as { token?: string }
    expect(token).toMatch(/./)
    await works(system, system.admin, { tgt: 'web1', fun: 'test.arg', kwarg: { password: SECRETS[2]! } })
    const all = (await ask(system.admin, 'reactor.history.events', { since: 0 })) as {
      events: { tag: string; data: { fun?: string } }[]
    }
    const text = JSON.stringify([all, system.events.items, system.lines.items])
    expect(text).toContain('user.add')
    expect(text).not.toContain('scrypt$')
    expect(text).not.toContain(PASSWORD)
    expect(text).not.toContain(token!)
  })
})

describe('a word that is not theirs to say', () => {
  it.each([
    'reactor.event._user-admin.deploy.x',
    'reactor.event._user-Bob.deploy.x',
    'reactor.event._user-bob=2E.deploy.x',
    'reactor.event._master.deploy.x',
    'reactor.event._jobs.salt.job.20260101000000000000.new',
    'reactor.event._gateway.deploy.x',
    'reactor.event.web1.deploy.x',
    'reactor.event.bob.deploy.x',
    'reactor.event._user-bob.other',
    'reactor.event._user-bob.salt.key',
    'reactor.event._user-bob.salt.auth',
    'reactor.event._user-bob.salt.audit.publish',
    'reactor.event._user-bob.salt.presence.change',
    'reactor.event._user-bob.salt.run.20260101000000000000.ret',
    'reactor.event._user-bob.deployx',
    'reactor.event._user-bob',
    'reactor.event._user-bob.*',
    'reactor.event.*.deploy.x',
    'reactor.live._user-bob.deploy.x',
    'reactor.decision.done.x',
    'reactor.job.web1',
    'reactor.jobs.20260101000000000000',
    'reactor.reaction.fast.x',
    'reactor.done.x',
    'reactor.parked.x.y',
    'reactor.grains.web1',
    'reactor.beat.web1',
    'reactor.missed.web1',
    'reactor.peer.web1',
    'reactor.mine.web1',
    'reactor.payload.web1',
    '_INBOX__user-admin.x.y',
    '_INBOX__jobs.x.y',
    '_R_.x.y',
    '$JS.API.INFO',
    '$JS.API.STREAM.INFO.reactor_EVENTS',
    '$JS.API.STREAM.PURGE.reactor_EVENTS',
    '$JS.API.CONSUMER.CREATE.reactor_EVENTS',
    '$JS.ACK.reactor_EVENTS.reactor_reactor.1.1.1.1.1',
    '$KV.reactor_users.bob',
    '$KV.reactor_keys.evil',
    '$O.reactor_bundles.C.x',
    '$SYS.REQ.USER.AUTH',
    '$SYS.REQ.SERVER.PING.CONNZ',
    '$SYS._INBOX.x',
  ])('is refused on %s and stored nowhere', async subject => {
    const from = system.events.items.length
    expect(await attacker.refusedPublish('reactor.event._user-bob.deploy.in', '{"data":{"inside":1}}')).toBe(false)
    expect(await attacker.refusedPublish(subject, '{"data":{"forged":1}}')).toBe(true)
    // Stored behind whatever the first may have led to.
    await fire(bob, 'bob', 'deploy.after', { after: from })
    await system.events.find(({ tag, data }) => tag === 'deploy/after' && data.after === from, 'the event after it')
    expect(system.events.items.filter(({ data }) => data.forged === 1)).toEqual([])
    expect(await logged(`Publish Violation - Subject "${subject}"`)).toBe(true)
  })

  it('is not said by the answer to a request, whatever it names as its inbox', async () => {
    const from = system.events.items.length
    const targets = [
      'reactor.event._user-admin.deploy.forged',
      'reactor.event._user-bob.salt.key',
      'reactor.event._master.salt.key',
      'reactor.event.web1.salt.beacon.web1.x',
      'reactor.wheel.user.change',
      'reactor.publish',
      'reactor.job.web1',
      'reactor.live._master.salt.key',
      '_INBOX__user-admin.x',
      '$JS.API.STREAM.PURGE.reactor_EVENTS',
    ]
    const { file } = createMark(system, 'reply')
    const bodies = [
      { args: [], data: { forged: 2 } },
      { name: 'bob', roles: ['admin'] },
      { tgt: '*', fun: 'cmd.run', arg: [['touch', file]] },
    ]
    for (const reply of targets)
      for (const body of bodies) {
        // What the runner answers is what it was given.
        bob.publish('reactor.runner.test.arg', JSON.stringify([body, { __kwarg__: true, ...body }]), { reply })
        bob.publish('reactor.publish', JSON.stringify({ tgt: 'web1', fun: 'test.ping', resolve: true }), { reply })
        bob.publish('reactor.history.jobs', '{}', { reply })
      }
    await bob.flush()
    await works(system, bob, { tgt: 'web1', fun: 'test.ping' })
    await fire(bob, 'bob', 'deploy.after', { after: 'replies' })
    await system.events.find(({ data }) => data.after === 'replies', 'the event after them')
    const since = system.events.items.slice(from)
    expect(since.filter(({ tag }) => ['deploy/forged', 'salt/key', 'salt/beacon/web1/x'].includes(tag))).toEqual([])
    expect(since.filter(({ tag, data }) => tag === 'salt/audit/user' && data.result === 'ok')).toEqual([])
    expect(startedBy(since, 'bob')).toEqual(['test.ping'])
    expect(startedBy(since, 'admin')).toEqual([])
    expect(await touched(system)).toEqual([])
  })
})

/** A line to the server, as bob, on which any bytes can be sent. */
async function openLine() {
  const { hostname, port } = new URL(system.server.url)
  const socket = connectTcp({ host: hostname, port: Number(port) })
  const lines = createSeen<string>()
  let rest = ''
  socket.setEncoding('latin1').on('data', (text: string) => {
    const parts = (rest + text).split('\r\n')
    rest = parts.pop()!
    for (const line of parts) lines.push(line)
  })
  socket.on('error', () => undefined)
  const say = (text: string) => socket.write(Buffer.from(text, 'latin1'))
  const login = {
    user: 'bob',
    pass: PASSWORD,
    headers: true,
    verbose: false,
    pedantic: false,
    protocol: 1,
    no_responders: true,
  }
  await lines.reach(1)
  say(`CONNECT ${JSON.stringify({ ...login, lang: 'line', version: '1' })}\r\nPING\r\n`)
  await lines.find(line => line === 'PONG', 'the login')
  return {
    lines,
    say,
    publish(subject: string, head: string, body: string) {
      const heads = Buffer.byteLength(head, 'latin1')
      say(`HPUB ${subject} ${heads} ${heads + Buffer.byteLength(body)}\r\n${head}${body}\r\n`)
    },
    end: () => socket.destroy(),
  }
}

describe('headers of bytes that no library writes', () => {
  const info = '{"acc":"CORE","user":"admin"}'
  it.each<[string, string]>([
    ['one that is forged', `NATS/1.0\r\nNats-Request-Info: ${info}\r\n\r\n`],
    ['two that are forged', `NATS/1.0\r\nNats-Request-Info: ${info}\r\nNats-Request-Info: ${info}\r\n\r\n`],
    ['without a blank', `NATS/1.0\r\nNats-Request-Info:${info}\r\n\r\n`],
    ['with a blank before the colon', `NATS/1.0\r\nNats-Request-Info : ${info}\r\n\r\n`],
    ['with a blank before its name', `NATS/1.0\r\n Nats-Request-Info: ${info}\r\n\r\n`],
    ['in small letters', `NATS/1.0\r\nnats-request-info: ${info}\r\n\r\n`],
    ['in the value of another', `NATS/1.0\r\nX: Nats-Request-Info: ${info}\r\n\r\n`],
    ['as the end of another name', `NATS/1.0\r\nX-Nats-Request-Info: ${info}\r\n\r\n`],
    ['behind a line of its own kind', `NATS/1.0\r\nX: a\nNats-Request-Info: ${info}\r\n\r\n`],
    ['behind the end of the block', `NATS/1.0\r\n\r\nNats-Request-Info: ${info}\r\n\r\n`],
    ['in a block that does not end', `NATS/1.0\r\nReactor-User: admin`],
    ['in a block that ends too soon', `NATS/1.0\r\nReactor-User: admin\r\n`],
    ['in a block of another protocol', `HTTP/1.1\r\nReactor-User: admin\r\n\r\n`],
    ['in a block without a first line', `Reactor-User: admin\r\n\r\n`],
    ['in a block of nothing', `\r\n\r\n`],
    ['with a status', `NATS/1.0 503\r\nReactor-User: admin\r\n\r\n`],
    ['with a NUL', `NATS/1.0\r\nNats-Request-Info\0: ${info}\r\nReactor-User: admin\r\n\r\n`],
    ['with bytes that are no text', `NATS/1.0\r\n\xff\xfe: \xff\r\nReactor-User: admin\r\n\r\n`],
    ['with a name of nothing', `NATS/1.0\r\n: x\r\nReactor-User: admin\r\n\r\n`],
    ['with 60 KB', `NATS/1.0\r\nX: ${'x'.repeat(60_000)}\r\nReactor-User: admin\r\n\r\n`],
  ])('%s: nothing is done for another', async (_what, head) => {
    const from = system.events.items.length
    const { file } = createMark(system, 'bytes')
    const line = await openLine()
    const outside = JSON.stringify({ tgt: 'web*', fun: 'cmd.run', arg: [['touch', file]] })
    line.publish('reactor.publish', head, outside)
    line.publish('reactor.wheel.user.change', head, JSON.stringify(['bob', 'admin']))
    line.publish('reactor.wheel.key.delete', head, JSON.stringify(['*']))
    line.say('PING\r\n')
    await line.lines.find(() => line.lines.items.filter(text => text === 'PONG').length > 1, 'the second pong')
    line.end()
    // The services have read it by the time they answer what came after; they have not died of it either.
    await works(system, bob, { tgt: 'web1', fun: 'test.ping' })
    expect(await system.run('wheel', 'user.list')).toMatchObject([
      { name: 'blind', roles: ['blind'] },
      { name: 'bob', roles: ['deploy'] },
    ])
    expect(await system.run('wheel', 'key.list', ['accepted'])).toEqual({ minions: ['evil', 'web1', 'web2'] })
    const since = system.events.items.slice(from)
    expect(since.filter(({ tag, data }) => tag.endsWith('/new') && data.fun === 'cmd.run')).toEqual([])
    expect(await touched(system)).toEqual([])
    // What reached a service at all is on record, and under no other name than bob's or nobody's.
    const records = since.filter(({ tag, data }) => tag.startsWith('salt/audit/') && data.result === 'refused')
    for (const { data } of records) expect(['bob', 'unknown']).toContain(data.user)
  })
})

describe('the answer to a request, aimed at what others follow', () => {
  it('is no return of a job: whoever waits for one takes it from the minion', async () => {
    const jid = createJidSource()()
    const returns = createSeen<JobReturn>()
    const heard = createSeen<string>()
    const ears = hearJob({ nc: system.admin, subjects: system.subjects }, jid, {
      onNew: () => heard.push('new'),
      onSent: () => heard.push('sent'),
      onStarted: () => heard.push('started'),
      onReturn: (_id, returned) => returns.push(returned),
    })
    const raw = createSeen<string>()
    const subject = `reactor.live.web1.salt.job.${jid}.ret.web1`
    system.admin.subscribe(subject, { callback: (error, message) => void (error ?? raw.push(message.string())) })
    await system.admin.flush()
    const forged = { data: { id: 'web1', jid, return: 'forged', retcode: 0, success: true } }
    bob.publish('reactor.runner.test.arg', JSON.stringify([{ __kwarg__: true, ...forged }]), { reply: subject })
    bob.publish('reactor.runner.test.arg', '[]', { reply: `reactor.live._jobs.salt.job.${jid}.new` })
    // Words of the request in the answer's headers do not help.
    bob.publish('reactor.publish', '{"Nats-Stream: reactor_EVENTS\\r\\nNats-Sequence: 1": 1}', { reply: subject })
    // The server hands it over: it is for the reader to see that it comes from no stream.
    await raw.reach(2)
    await works(system, system.admin, { tgt: 'web1', fun: 'test.ping', jid })
    await returns.reach(1)
    expect(returns.items).toMatchObject([{ return: true }])
    expect(heard.items.filter(what => what === 'new')).toEqual(['new'])
    ears.unsubscribe()
  })
})

describe('answers to others', () => {
  it('come to nobody else: an inbox is its own operator only', async () => {
    const inbox = createInbox(operatorInbox('admin'))
    expect(await attacker.refusedSubscribe(inbox)).toBe(true)
    const headers = createHeaders()
    headers.set('Reply-To', inbox)
    const answer = bob.request('reactor.runner.test.arg', '["x"]', {
      timeout: 5000,
      noMux: true,
      reply: inbox,
      headers,
    })
    await expect(within(answer, 'an answer', 6000)).rejects.toThrow()
    expect(await publish(bob, { tgt: 'web1', fun: 'test.ping' })).toMatchObject({ minions: ['web1'] })
  })
})
