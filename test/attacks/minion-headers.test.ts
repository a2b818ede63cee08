// A minion that is in writes the headers of its events: ids, options of JetStream, and what no library would write.
import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { requestJson } from '../../src/bus/request.ts'
import type { HistoryPage } from '../../src/cache/history.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import { createSeen, within } from '../helpers/wait.ts'
import { type Attacker, attackWith, block, expectWell, insider, publishJob, wire } from './attacker.ts'
import { serverLogFrom } from './harm.ts'
import { type System, startSystem } from './system.ts'

const RULES = `
rule: react
on: "own/**"
when: { all: [{ fact: origin, operator: equal, value: evil }] }
do:
  - runner.event.send: { tag: "reacted/to", data: { to: "{{ tag }}" } }
---
rule: fail
on: "fail/**"
do:
  - runner.event.send: { tag: "never", data: { what: "{{ data.what.is.not.there }}", who: "{{ origin }}" } }
`
const core = insider('CORE')
let system: System
let evil: Attacker
const parked = createSeen<{ subject: string; reaction: { event: { id: string; origin: string; tag: string } } }>()
beforeAll(async () => {
  system = await startSystem({ rules: { 'rules.yaml': RULES }, alter: core.alter })
  system.admin.subscribe('reactor.decision.parked.>', {
    callback: (_, message) => parked.push({ subject: message.subject, ...message.json<object>() } as never),
  })
  await system.admin.flush()
  evil = attackWith(await system.attacker())
})
afterAll(() => system?.stop())

const newJid = createJidSource()
const stored = async (subject: string, headers: string, body = '{}') =>
  JSON.parse(await evil.ask(subject, body, block(headers))) as {
    seq?: number
    duplicate?: boolean
    error?: { code: number; description: string }
  }
/** What is stored behind an attack is reacted to, found in the history and in the job cache. */
const goesOn = async () => {
  const tag = `own/${newJid()}`
  const { seq } = await stored(`reactor.event.evil.${tag.replace('/', '.')}`, 'NATS/1.0\r\n\r\n')
  await system.events.find(event => event.tag === 'reacted/to' && event.data.to === tag, `the reaction to ${tag}`)
  const page = await requestJson<HistoryPage>(
    system.admin,
    system.subjects.historyEvents,
    { after_seq: seq! - 1, limit: 1 },
    { timeoutMs: 20_000, what: 'the history' },
  )
  expect(page.events.map(event => event.tag)).toEqual([tag])
  const { jid } = await publishJob(system, { tgt: 'web1', fun: 'test.ping' })
  const answer = await requestJson<{ job: { returns: object } | null }>(
    system.admin,
    system.subjects.historyJob,
    { jid, wait: 20 },
    { timeoutMs: 30_000, what: 'the job cache' },
  )
  expect(answer.job).not.toBeNull()
}
afterEach(async () => {
  await goesOn()
  await expectWell(system)
})
const eventsState = async () => {
  const nc = await core.connect(system)
  const { config, state } = await (await jetstreamManager(nc)).streams.info('reactor_EVENTS', { subjects_filter: '>' })
  await nc.close()
  return { config, state }
}

describe('an option of JetStream in an event', () => {
  const soon = new Date(Date.now() + 1000).toISOString().replace(/\.\d+/, '')
  it.each([
    ['Nats-Rollup: all'],
    ['Nats-Rollup: sub'],
    ['Nats-TTL: 1s'],
    ['Nats-TTL: never'],
    [`Nats-Schedule: @at ${soon}\r\nNats-Schedule-Target: reactor.event._master.salt.key`],
    [`Nats-Schedule: @at ${soon}\r\nNats-Schedule-Target: reactor.event.evil.salt.key`],
    ['Nats-Schedule: @every 1s\r\nNats-Schedule-Target: reactor.job.web1'],
    ['Nats-Expected-Stream: reactor_JOBS'],
    ['Nats-Expected-Last-Sequence: 1'],
    ['Nats-Expected-Last-Subject-Sequence: 77'],
    ['Nats-Expected-Last-Msg-Id: guessed'],
    ['Nats-Incr: +1'],
    ['Nats-Batch-Id: b1\r\nNats-Batch-Sequence: 1\r\nNats-Batch-Commit: 1'],
    ['Nats-Batch-Id: b2\r\nNats-Batch-Sequence: 1'],
  ])('is refused: %s', async headers => {
    const { error, seq } = await stored('reactor.event.evil.option', `NATS/1.0\r\n${headers}\r\n\r\n`)
    expect(error?.description).toBeTruthy()
    expect(seq ?? 0).toBe(0)
  })

  it.each([
    ['KV-Operation: PURGE'],
    ['Nats-Marker-Reason: Purge'],
    ['Nats-Stream-Source: reactor_EVENTS 1 > > reactor.event._master.x'],
    ['Nats-Sequence: 1\r\nNats-Subject: reactor.event._master.salt.key\r\nNats-Stream: reactor_EVENTS'],
    ['Status: 503\r\nDescription: No Responders'],
    ['Nats-Service-Error: x\r\nNats-Service-Error-Code: 500'],
  ])('is a word like any other: %s', async headers => {
    const tag = newJid()
    const { seq } = await stored(`reactor.event.evil.word.${tag}`, `NATS/1.0\r\n${headers}\r\n\r\n`)
    expect(seq).toBeGreaterThan(0)
    const event = await system.events.find(event => event.tag === `word/${tag}`, 'the event')
    expect(event.origin).toEqual({ kind: 'minion', id: 'evil' })
  })

  it('has removed nothing, changed nothing, and let nobody else speak', async () => {
    const { config, state } = await eventsState()
    expect(config).toMatchObject({ allow_rollup_hdrs: false, subjects: ['reactor.event.>'] })
    const { allow_msg_ttl, allow_msg_schedules, allow_atomic, allow_msg_counter } = config as unknown as Record<
      string,
      unknown
    >
    expect([allow_msg_ttl, allow_msg_schedules, allow_atomic, allow_msg_counter].filter(Boolean)).toEqual([])
    expect(state).toMatchObject({ first_seq: 1, messages: state.last_seq })
    expect(Object.keys(state.subjects ?? {}).filter(subject => /_master\.salt\.key$/.test(subject))).toHaveLength(1)
  })
})

describe('an event id', () => {
  it('that was used is used up, for the event of whoever comes second', async () => {
    const headers = `NATS/1.0\r\nNats-Msg-Id: ${newJid()}\r\n\r\n`
    expect((await stored('reactor.event.evil.own.first', headers)).duplicate).toBeUndefined()
    expect((await stored('reactor.event.evil.own.second', headers)).duplicate).toBe(true)
  })

  it('of others cannot be known before it is used: each is random', async () => {
    for (let i = 0; i < 3; i++) {
      const { jid } = await publishJob(system, { tgt: 'web1', fun: 'event.send', arg: [`of/web1/${i}`] })
      await system.events.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'the return')
    }
    const ids = system.events.items.filter(({ origin }) => origin.id !== 'evil').map(({ id }) => id)
    expect(ids.length).toBeGreaterThan(10)
    expect(new Set(ids).size).toBe(ids.length)
    expect(new Set(ids.map(id => id.slice(0, 4))).size).toBeGreaterThan(ids.length * 0.9)
    // The events of one change of presence share a random id, each with its place behind it.
    for (const id of ids) expect(id).toMatch(/^[\w-]{22}(?:-\d+)?$/)
  })

  it('of a stored event of web1, sent again, drops the second and not the first', async () => {
    const { jid } = await publishJob(system, { tgt: 'web1', fun: 'event.send', arg: ['of/web1/stays'] })
    const { id } = await system.events.find(({ tag }) => tag === 'of/web1/stays', 'the event of web1')
    expect((await stored('reactor.event.evil.own.copy', `NATS/1.0\r\nNats-Msg-Id: ${id}\r\n\r\n`)).duplicate).toBe(true)
    const { data } = await system.events.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'the return')
    expect(data).toMatchObject({ success: true })
  })

  it('of a reaction of web1 that is parked, got past the server by a space, leaves what is parked as it is', async () => {
    await publishJob(system, { tgt: 'web1', fun: 'event.send', arg: ['fail/web1'] })
    const { reaction } = await parked.find(({ reaction }) => reaction.event.tag === 'fail/web1', 'the parked reaction')
    const { id } = reaction.event
    const again = await stored('reactor.event.evil.fail.web1', `NATS/1.0\r\nNats-Msg-Id: ${id} \r\n\r\n`)
    expect(again.duplicate).toBeUndefined()
    await goesOn()
    const nc = await core.connect(system)
    const jsm = await jetstreamManager(nc)
    const kept = await jsm.streams.getMessage('reactor_PARKED', { last_by_subj: `reactor.parked.${id}.fail` })
    expect(kept?.json()).toMatchObject({ reaction: { event: { id, origin: 'web1' } } })
    await nc.close()
  })

  it.each([
    ['a wildcard', '*'],
    ['all of them', '>'],
    ['a wildcard between dots', 'a.*.b'],
    ['a path', '../../etc/passwd'],
    ['a space', 'a b'],
    ['another rule', 'x/fail'],
    ['10 KB', 'x'.repeat(10_240)],
    ['a letter that is none', '\u00ff\u00fe'],
    ['one like those given to events without one', 'seq-1-1700000000000'],
    ['a key of objects', '__proto__'],
  ])('that is %s names one parked reaction, of the attacker', async (_what, id) => {
    const tag = `fail/${newJid()}`
    const { error } = await stored(
      `reactor.event.evil.${tag.replace('/', '.')}`,
      `NATS/1.0\r\nNats-Msg-Id: ${id}\r\n\r\n`,
    )
    expect(error).toBeUndefined()
    const { subject, reaction } = await parked.find(({ reaction }) => reaction.event.tag === tag, 'the parked reaction')
    expect(subject.split('.')).toHaveLength(5)
    expect(subject).toMatch(/^reactor\.decision\.parked\.[\w=-]+\.fail$/)
    expect(subject.length).toBeLessThan(500)
    expect(reaction.event.origin).toBe('evil')
    if (id.startsWith('seq-') || id.length > 128) expect(reaction.event.id).toMatch(/^seq-\d+-\d+$/)
    if (id.startsWith('seq-')) expect(reaction.event.id).not.toBe(id)
  })
})

it('a header block that is larger than the store takes is refused, and said so', async () => {
  const { error } = await stored('reactor.event.evil.x', `NATS/1.0\r\nReactor-Cause: ${'x'.repeat(70_000)}\r\n\r\n`)
  expect(error?.description).toMatch(/header size exceeds/)
})

describe('headers that no library would write are stored, and everybody reads on', () => {
  it.each([
    ['a name with a space', 'NATS/1.0\r\na name: x\r\n\r\n'],
    ['no colon', 'NATS/1.0\r\nnothing\r\n\r\n'],
    ['no name', 'NATS/1.0\r\n: x\r\n\r\n'],
    ['no end', 'NATS/1.0\r\nA: b'],
    ['no first line', 'A: b\r\n\r\n'],
    ['nothing but ends of lines', '\r\n\r\n\r\n\r\n'],
    ['a status', 'NATS/1.0 503\r\n\r\n'],
    ['the status of an end', 'NATS/1.0 204 EOB\r\n\r\n'],
    ['a heartbeat', 'NATS/1.0 100 Idle Heartbeat\r\n\r\n'],
    ['a flow control', 'NATS/1.0 100 FlowControl Request\r\n\r\n'],
    ['a deleted consumer', 'NATS/1.0 409 Consumer Deleted\r\n\r\n'],
    ['a request that timed out', 'NATS/1.0 408 Request Timeout\r\n\r\n'],
    ['another version', 'HTTP/1.1 200 OK\r\nHost: x\r\n\r\n'],
    ['bytes that are no text', 'NATS/1.0\r\n\u00ff\u00fe\u0000: \u0000\u0001\r\n\r\n'],
    ['line feeds alone', 'NATS/1.0\nA: b\n\n'],
    ['a thousand lines', `NATS/1.0\r\n${'A: b\r\n'.repeat(1000)}\r\n`],
    ['a value of 60 KB', `NATS/1.0\r\nReactor-Cause: ${'x'.repeat(60_000)}\r\n\r\n`],
    ['hops that are none', 'NATS/1.0\r\nReactor-Hops: -1e999\r\n\r\n'],
    ['hops to be cut off', 'NATS/1.0\r\nReactor-Hops: 1000000\r\n\r\n'],
    ['who asks, as services say it', 'NATS/1.0\r\nReactor-User: admin\r\nReactor-Work: a/b\r\nReactor-Time: 0\r\n\r\n'],
    ['a key of objects', 'NATS/1.0\r\n__proto__: x\r\nconstructor: y\r\n\r\n'],
  ])('%s', async (_what, headers) => {
    const line = await wire(system)
    const tag = newJid()
    // A tag that rules look at, one of a job, and one that nobody wants.
    for (const subject of [`own.h.${tag}`, `fail.h.${tag}`, `salt.job.${tag}.ret.evil`, `nobody.${tag}`])
      line.publish(`reactor.event.evil.${subject}`, headers, '{"data":{}}')
    await line.flush()
    expect(line.said.items.filter(text => text.startsWith('-ERR'))).toEqual([])
    const seen = await system.events.find(event => event.tag === `nobody/${tag}`, 'the event, live')
    expect(seen).toMatchObject({ origin: { kind: 'minion', id: 'evil' }, believed: true })
    line.close()
  })

  it.each([
    ['longer than the message', 'HPUB reactor.event.evil.x 100 10\r\nNATS/1.0\r\n\r\n'],
    ['a number below zero', 'HPUB reactor.event.evil.x -1 10\r\n'],
    ['no number', 'HPUB reactor.event.evil.x NaN 10\r\n'],
    ['larger than any message', 'HPUB reactor.event.evil.x 12 99999999999\r\n'],
    ['missing', 'HPUB reactor.event.evil.x 12\r\n'],
  ])('a size of headers that is %s ends the connection of the attacker, and no other', async (_what, bytes) => {
    const line = await wire(system)
    const logged = await serverLogFrom(system)
    line.send(bytes)
    await within(line.closed, 'the end of the connection')
    await logged(/\[ERR\].*(?:Header|Parser|Size|payload|Protocol)/i)
  })

  it('a second command in a subject is one of the attacker, and held to what it may', async () => {
    const line = await wire(system)
    line.send('PUB reactor.event.evil.x 2\r\n{}\r\nPUB reactor.event.web1.injected 2\r\n{}\r\n')
    await line.said.find(text => text.startsWith('-ERR'), 'the refusal by the server')
    expect(system.events.items.filter(({ tag }) => tag === 'injected')).toEqual([])
    line.close()
  })
})
