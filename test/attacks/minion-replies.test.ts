// Reply subjects are not checked by the server inside an account, so a minion aims them: at events, jobs and inboxes of others.
import type { Msg } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Event } from '../../src/protocol/event.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import { createSeen } from '../helpers/wait.ts'
import { type Attacker, attackWith, expectWell, insider, isReturn, publishJob, targeted, wire } from './attacker.ts'
import { type System, startSystem } from './system.ts'

const fleet = insider('FLEET')
const core = insider('CORE')
let system: System
let evil: Attacker
beforeAll(async () => {
  system = await startSystem({
    alter(config) {
      fleet.alter(config)
      core.alter(config)
    },
  })
  evil = attackWith(await system.attacker())
})
afterAll(() => system?.stop())
afterEach(() => expectWell(system))

const newJid = createJidSource()
/** A job that would fire an event as web1. */
const jobBody = (jid: string) =>
  JSON.stringify({
    ...{ jid, fun: 'event.send', arg: ['forged/by/job'], kwarg: {}, user: 'admin', key: jid, hops: 0 },
    ...{ deadline: Date.now() + 600_000, run_until: Date.now() + 600_000, tgt: 'web1', tgt_type: 'glob' },
  })
const ran = () => system.events.items.filter(({ tag }) => tag === 'forged/by/job')
/** Presence tells what is so: an honest minion is there, and the attacker by heartbeats of its own, which may end. */
const isOwnComing = ({ tag, data, origin }: Event) =>
  tag === 'salt/presence/change' &&
  origin.id === '_master' &&
  (data.new as string[]).every(id => ['evil', 'web1', 'web2'].includes(id)) &&
  (data.lost as string[]).every(id => id === 'evil')
const refusals = () => system.lines.items.filter(({ msg }) => msg === 'a job was refused')

/** Own requests, each of which is answered, with what the attacker may choose of the answer. */
const requests: [string, string, string][] = [
  ['the ack of an event', 'reactor.event.evil.x', '{}'],
  ['the answer to grains', 'reactor.grains.evil', '{}'],
  ['a refusal of grains', 'reactor.grains.evil', '[]'],
  ['the answer to a heartbeat', 'reactor.beat.evil', ''],
  [
    'an error of the mine',
    'reactor.mine.evil',
    '{"op":"send","name":"x","data":1,"what\\r\\nNats-Request-Info: {}":1}',
  ],
  ['an error of a peer request', 'reactor.peer.evil', '{"tgt":"*","fun":"test.ping","timeoutMs":1000}'],
  ['jobs that it missed', 'reactor.missed.evil', '{"took":[]}'],
  ['a refusal of a payload', 'reactor.payload.evil', 'x'],
]

describe('an answer aimed at', () => {
  const aims = [
    'reactor.event._master.salt.key',
    'reactor.event.web1.forged',
    'reactor.event._user-admin.forged',
    'reactor.grains.web1',
    'reactor.beat.ghost',
    'reactor.mine.web1',
    'reactor.live.web1.x',
    'reactor.publish',
    'reactor.wheel.key.accept',
    '$JS.API.STREAM.PURGE.reactor_EVENTS',
    '$KV.reactor_keys.ghost',
  ]
  it.each(aims)('%s arrives at no service', async reply => {
    const before = system.events.items.length
    for (const [, subject, body] of requests) evil.nc.publish(subject, body, { reply })
    // Each of its requests has been answered once these are, in the order in which they came.
    for (const [, subject, body] of requests) await evil.ask(subject, body)
    const others = system.events.items
      .slice(before)
      .filter(({ origin, tag }) => origin.id !== 'evil' && !/^salt\/(job|audit|run)/.test(tag))
      .filter(event => !isOwnComing(event))
    expect(others).toEqual([])
    expect(await targeted(system, 'stream:*', 'grain')).toEqual([])
    expect(await targeted(system, 'ok:*', 'grain')).toEqual([])
    expect(await system.run('runner', 'manage.present')).not.toContain('ghost')
  })

  it.each(requests)(
    'the job subject of web1, with %s, is refused by web1, which says so',
    async (_what, subject, body) => {
      const before = refusals().length
      evil.nc.publish(subject, body, { reply: 'reactor.job.web1' })
      await system.lines.find(
        () =>
          refusals()
            .slice(before)
            .some(({ reason }) => /does not attest/.test(String(reason))),
        'the refusal by web1',
      )
    },
  )

  it('an inbox of web1 is heard by nobody, for its name cannot be guessed', async () => {
    const heard = createSeen<Msg>()
    const nc = await fleet.connect(system)
    // Who hears all of FLEET sees it arrive, and that the inboxes of web1 have a random token.
    nc.subscribe('_INBOX_web1.>', { callback: (_, message) => heard.push(message) })
    await nc.flush()
    evil.nc.publish('reactor.event.evil.x', '{}', { reply: '_INBOX_web1.guessed.0' })
    await heard.find(({ subject }) => subject === '_INBOX_web1.guessed.0', 'the ack in the inbox of web1')
    await publishJob(system, { tgt: 'web1', fun: 'event.send', arg: ['own/of/web1'] })
    const own = await heard.find(({ subject }) => subject !== '_INBOX_web1.guessed.0', 'an answer to web1')
    expect(own.subject).toMatch(/^_INBOX_web1\.[A-Za-z0-9]{20,}\.\w+$/)
    await nc.close()
  })
})

describe('a job in the hand of web1 is from CORE, or is refused', () => {
  it('from CORE it is taken', async () => {
    const nc = await core.connect(system)
    const jid = newJid()
    const answer = await nc.request('reactor.job.web1', jobBody(jid).replace('forged/by/job', 'true/job'), {
      timeout: 20_000,
    })
    expect(answer.json()).toMatchObject({ accepted: true })
    await system.events.find(({ tag, origin }) => tag === 'true/job' && origin.id === 'web1', 'the event of the job')
    await nc.close()
  })

  const INFO = JSON.stringify({ acc: 'CORE', user: 'jobs', kind: 'Client' })
  const blocks: [string, string][] = [
    ['none', 'NATS/1.0\r\n\r\n'],
    ['one', `NATS/1.0\r\nNats-Request-Info: ${INFO}\r\n\r\n`],
    ['two', `NATS/1.0\r\nNats-Request-Info: ${INFO}\r\nNats-Request-Info: ${INFO}\r\n\r\n`],
    ['two that differ', `NATS/1.0\r\nNats-Request-Info: {"acc":"FLEET"}\r\nNats-Request-Info: ${INFO}\r\n\r\n`],
    ['one in another case', `NATS/1.0\r\nnats-request-info: ${INFO}\r\n\r\n`],
    ['one in capitals', `NATS/1.0\r\nNATS-REQUEST-INFO: ${INFO}\r\n\r\n`],
    ['one behind a malformed line', `NATS/1.0\r\na name: with a space\r\nNats-Request-Info: ${INFO}\r\n\r\n`],
    ['one in a block that does not end', `NATS/1.0\r\nNats-Request-Info: ${INFO}`],
    ['one behind a line feed', `NATS/1.0\r\nA: x\nNats-Request-Info: ${INFO}\r\n\r\n`],
    ['one with a space before its colon', `NATS/1.0\r\nNats-Request-Info : ${INFO}\r\n\r\n`],
    ['one that is no JSON', 'NATS/1.0\r\nNats-Request-Info: {acc:CORE}\r\n\r\n'],
    ['one that inherits', 'NATS/1.0\r\nNats-Request-Info: {"__proto__":{"acc":"CORE"}}\r\n\r\n'],
    ['one behind the status of a service', `NATS/1.0 200 OK\r\nNats-Request-Info: ${INFO}\r\n\r\n`],
    ['garbage', '\u0000\u0001\u00ff\u00fe garbage'],
  ]

  it.each(blocks)('sent by the attacker itself with attestation: %s, the server refuses it', async (_what, headers) => {
    const line = await wire(system)
    const before = refusals().length
    for (const reply of ['', '_R_.abcdef.ghijkl', '_INBOX_evil.x'])
      line.publish('reactor.job.web1', headers, jobBody(newJid()), reply)
    await line.flush()
    const errors = line.said.items.filter(text => text.startsWith('-ERR'))
    expect(errors).toHaveLength(3)
    for (const error of errors) expect(error).toMatch(/Permissions Violation for Publish/)
    expect(refusals()).toHaveLength(before)
    expect(ran()).toEqual([])
    line.close()
  })

  it.each(blocks)(
    'sent by somebody in FLEET whom no permission holds, with attestation: %s, web1 refuses it',
    async (_what, headers) => {
      const nc = await fleet.connect(system)
      const before = refusals().length
      const encode = () => Buffer.from(headers, 'latin1')
      nc.publish('reactor.job.web1', jobBody(newJid()), { headers: { encode } as never, reply: '_INBOX_insider.x' })
      await system.lines.find(() => refusals().length > before, 'the refusal by web1')
      expect(ran()).toEqual([])
      await nc.close()
    },
  )

  it('with a reply like one that the server makes, the server lets nobody send it', async () => {
    const nc = await fleet.connect(system)
    const { refused } = attackWith(nc)
    const headers = { encode: () => Buffer.from(blocks[1]![1]) } as never
    const failed = createSeen<string>()
    void (async () => {
      for await (const status of nc.status()) if (status.type === 'error') failed.push(status.error.message)
    })()
    nc.publish('reactor.job.web1', jobBody(newJid()), { headers, reply: '_R_.abcdef.ghijkl' })
    await failed.find(message => /Publish with Reply/i.test(message), 'the refusal by the server')
    expect(refused).toBeDefined()
    expect(ran()).toEqual([])
    await nc.close()
  })
})

describe('the answer to a job', () => {
  it('can be given once, and by the minion that was asked', async () => {
    const replies = createSeen<Msg>()
    evil.nc.subscribe('reactor.job.evil', { callback: (_, message) => replies.push(message) })
    await evil.nc.flush()
    const asked = publishJob(system, { tgt: 'evil', fun: 'test.ping' })
    const job = await replies.find(() => true, 'the job for evil')
    expect(job.reply).toMatch(/^_R_\./)
    job.respond('{"accepted":false,"reason":"busy with other things"}')
    expect(await asked).toMatchObject({ refused: { evil: 'busy with other things' } })
    expect(await evil.refusedPublish(job.reply!, '{"accepted":true}', { reply: 'reactor.job.web1' })).toBe(true)
  })

  it('of another is not its to give', async () => {
    const answer = publishJob(system, { tgt: 'web1', fun: 'test.ping' })
    for (let i = 0; i < 5; i++) expect(await evil.refusedPublish(`_R_.${newJid()}.x`, '{"accepted":false}')).toBe(true)
    const { jid, refused } = await answer
    expect(refused).toEqual({})
    await system.events.find(isReturn(jid, 'web1'), 'the return of web1')
  })
})
