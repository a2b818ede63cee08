// A minion that is in sends bodies that no honest one would, as events that rules look at and as returns, and many of them.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createJobCache } from '../../src/cache/client.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import { digest } from '../../src/tail/digest.ts'
import { createSeen } from '../helpers/wait.ts'
import { type Attacker, attackWith, expectWell, publishJob, wire } from './attacker.ts'
import { serverLogFrom } from './harm.ts'
import { type System, startSystem } from './system.ts'

const RULES = `
rule: looks
on: "look/**"
when: { any: [{ fact: data, path: $.go, operator: equal, value: 1 }, { fact: data, path: $.a.b.c, operator: contains, value: x }] }
do:
  - runner.event.send: { tag: "reacted/to", data: { to: "{{ tag }}", name: "{{ data.name | default('none') }}" } }
---
rule: polluted
on: "look/**"
when: { any: [{ fact: data, path: $.polluted, operator: equal, value: "yes" }, { fact: minion, path: $.polluted, operator: equal, value: "yes" }] }
do:
  - runner.event.send: { tag: "polluted/was", data: {} }
`
let system: System
let evil: Attacker
beforeAll(async () => {
  system = await startSystem({ rules: { 'rules.yaml': RULES } })
  evil = attackWith(await system.attacker())
})
afterAll(() => system?.stop())

const newJid = createJidSource()
const fire = async (tag: string, body: string | Uint8Array) =>
  JSON.parse(await evil.ask(`reactor.event.evil.${tag.replaceAll('/', '.')}`, body)) as { seq: number }
const reaction = (tag: string) =>
  system.events.find(event => event.tag === 'reacted/to' && event.data.to === tag, `the reaction to ${tag}`)
const goesOn = async () => {
  const tag = `look/after/${newJid()}`
  await fire(tag, '{"data":{"go":1}}')
  await reaction(tag)
}
afterEach(async () => {
  await goesOn()
  await expectWell(system)
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  expect(system.events.items.filter(({ tag }) => tag === 'polluted/was')).toEqual([])
})

const nested = (depth: number) => `{"data":{"go":1,"x":${'['.repeat(depth)}${']'.repeat(depth)}}}`

describe('an event that is no event is passed over, and said so', () => {
  it.each([
    ['text', 'hello'],
    ['cut short', '{"data":{"go":1'],
    ['a list', '[1,2]'],
    ['a number', '1'],
    ['null', 'null'],
    ['NaN', '{"data":{"go":NaN}}'],
    ['data that is a list', '{"data":[1]}'],
    ['data that is text', '{"data":"x"}'],
    ['lists as deep as a message', nested(500_000)],
    ['lists a little too deep', nested(501)],
    ['maps as deep as a message', `{"data":${'{"a":'.repeat(150_000)}1${'}'.repeat(150_000)}}`],
    ['half of such lists', `{"data":${'['.repeat(1_000_000)}`],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x7b])],
  ])('%s', async (_what, body) => {
    const { seq } = await fire(`look/${newJid()}`, body)
    await system.lines.find(line => line.seq === seq && line.msg === 'a malformed event is passed over', 'the line')
  })
})

describe('an event with odd data is one like any other', () => {
  it.each([
    ['the key of all objects', '{"data":{"go":1,"__proto__":{"polluted":"yes"}},"__proto__":{"polluted":"yes"}}'],
    [
      'a constructor',
      '{"data":{"go":1,"constructor":{"prototype":{"polluted":"yes"}},"toString":1,"hasOwnProperty":1}}',
    ],
    ['keys twice', '{"data":{"go":2,"go":1}}'],
    ['infinity', '{"data":{"go":1,"n":1e999,"m":-1e999}}'],
    ['bytes that are no text in it', Buffer.from('{"data":{"go":1,"x":"\xff\xfe\x80"}}', 'latin1')],
    ['half a character', '{"data":{"go":1,"name":"\\ud800"}}'],
    ['control characters', '{"data":{"go":1,"name":"\\u0000\\u001b[2J\\r\\n"}}'],
    ['a string of a megabyte', JSON.stringify({ data: { go: 1, x: 'x'.repeat(1_000_000) } })],
    [
      '50,000 keys',
      JSON.stringify({
        data: { go: 1, ...Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`k${n}`, n])) },
      }),
    ],
    ['lists that are deep enough', nested(400)],
    ['paths for keys', '{"data":{"go":1,"../../etc/passwd":{"a":1},"":{"":1},"$.a[0]":1}}'],
    ['another’s tag, stamp and id', '{"tag":"salt/key","_stamp":"9999-99-99T99:99:99","data":{"go":1,"id":"web1"}}'],
  ])('%s', async (_what, body) => {
    const tag = `look/${newJid()}`
    await fire(tag, body)
    await reaction(tag)
    const event = await system.events.find(one => one.tag === tag, 'the event')
    expect(event).toMatchObject({ origin: { kind: 'minion', id: 'evil' }, data: { id: 'evil' } })
    const started = performance.now()
    expect(digest(event.tag, event.data, 120)).not.toMatch(/\p{Cc}/u)
    expect(performance.now() - started).toBeLessThan(5000)
  })

  it('a value larger than a reaction may be parks the rule, and the next event is reacted to', async () => {
    const tag = `look/${newJid()}`
    const parked = createSeen<string>()
    const subscription = system.admin.subscribe('reactor.decision.parked.>', {
      callback: (_, message) => void parked.push(message.string()),
    })
    await system.admin.flush()
    await fire(tag, JSON.stringify({ data: { go: 1, name: 'x'.repeat(1_048_480) } }))
    await parked.find(text => text.includes(tag), 'the parked reaction')
    subscription.unsubscribe()
    await goesOn()
    expect(system.events.items.filter(event => event.data.to === tag)).toEqual([])
  })
})

describe('a return with odd data', () => {
  const cache = () => createJobCache(system.admin, system.subjects)
  const of = (jid: string, over: object) => ({
    jid,
    id: 'evil',
    fun: 'x.y',
    fun_args: [],
    return: 1,
    retcode: 0,
    success: true,
    ...over,
  })
  const returned = async (jid: string, body: string) => {
    await fire(`salt/job/${jid}/ret/evil`, body)
    await expect.poll(() => cache().job(jid)).not.toBeNull()
    const looked = await system.run<Record<string, unknown>>('runner', 'jobs.lookup_jid', [jid])
    expect(Object.keys(looked)).toEqual(['evil'])
    return { job: (await cache().job(jid))!, looked: looked.evil }
  }

  it('that is none of it is read as it is', async () => {
    const jid = newJid()
    expect((await returned(jid, JSON.stringify({ data: of(jid, { return: 'fine' }) }))).looked).toBe('fine')
  })

  it.each([
    ['is no JSON', () => 'hello'],
    ['is a list', () => '[]'],
    [
      'is deep without end',
      (jid: string) => `{"data":{"jid":"${jid}","return":${'['.repeat(400_000)}${']'.repeat(400_000)}}}`,
    ],
    ['has no return', (jid: string) => JSON.stringify({ data: { jid } })],
    ['is of another job', () => JSON.stringify({ data: of('20261121000000000000', {}) })],
    [
      'has a retcode that is none',
      (jid: string) => JSON.stringify({ data: of(jid, { retcode: '0; drop table jobs' }) }),
    ],
    ['has a success that is none', (jid: string) => JSON.stringify({ data: of(jid, { success: 'yes' }) })],
    ['has an outcome that is none', (jid: string) => JSON.stringify({ data: of(jid, { outcome: '__proto__' }) })],
    ['has a payload that is none', (jid: string) => JSON.stringify({ data: of(jid, { payload: [] }) })],
  ])('that %s is a failed one that says so', async (_what, body) => {
    const jid = newJid()
    const { job, looked } = await returned(jid, body(jid))
    expect(String(looked)).toMatch(/^The return of evil cannot be read: /)
    expect(job.returns.evil).toMatchObject({ success: false, retcode: 1 })
  })

  it.each([
    [
      'keys of objects',
      (jid: string) =>
        `{"data":${JSON.stringify(of(jid, {})).replace('"return":1', '"return":{"__proto__":{"polluted":"yes"},"constructor":1}')}}`,
    ],
    ['a function of a megabyte', (jid: string) => JSON.stringify({ data: of(jid, { fun: 'x'.repeat(1_000_000) }) })],
    [
      'arguments of half a megabyte',
      (jid: string) => JSON.stringify({ data: of(jid, { fun_args: Array(100_000).fill('a') }) }),
    ],
    ['a function that is none', (jid: string) => JSON.stringify({ data: of(jid, { fun: { a: 1 }, fun_args: 'x' }) })],
    ['NULs', (jid: string) => JSON.stringify({ data: of(jid, { fun: 'a\0b', return: 'a\0b' }) })],
    [
      '50,000 keys',
      (jid: string) =>
        JSON.stringify({
          data: of(jid, { return: Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`k${n}`, n])) }),
        }),
    ],
  ])('with %s is stored, found and listed', async (_what, body) => {
    const jid = newJid()
    const { job } = await returned(jid, body(jid))
    expect(job.user).toBe('minion:evil')
    const { jobs } = await cache().jobs({ limit: 50 })
    expect(jobs.some(one => one.jid === jid)).toBe(true)
    expect(await system.run('runner', 'jobs.list_jobs')).toHaveProperty([jid])
  })
})

describe('a flood', () => {
  it('of events of one minion leaves room for those of others, and is stored or refused, never lost in silence', async () => {
    const FLOOD = 20_000
    const { subject, seen } = evil.inbox()
    for (let n = 0; n < FLOOD; n++) evil.nc.publish(`reactor.event.evil.flood.n${n}`, '{"data":{}}', { reply: subject })
    const { jid } = await publishJob(system, { tgt: 'web1', fun: 'event.send', arg: ['of/web1/meanwhile'] })
    const meanwhile = await system.events.find(({ tag }) => tag === 'of/web1/meanwhile', 'the event of web1')
    expect(meanwhile.origin.id).toBe('web1')
    await system.events.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'its return')
    await seen.reach(FLOOD)
    const refused = seen.items.filter(text => text.includes('"error"'))
    for (const text of refused) expect(text).toMatch(/too many requests/)
  })

  it('of bytes ends the connection of the attacker at the size that a message may have', async () => {
    const logged = await serverLogFrom(system)
    const second = await system.attacker()
    const most = second.info!.max_payload
    expect(() => second.publish('reactor.event.evil.large', 'x'.repeat(most + 1))).toThrow(/max_payload/i)
    const line = await wire(system)
    line.send(`PUB reactor.event.evil.large ${most + 1}\r\n${'x'.repeat(most + 1)}\r\n`)
    await line.closed
    await logged(/maximum payload/i)
    await second.close()
  })
})
