// A minion that is in asks the services for what is its own, with what it should not hold: grains, payloads, the mine, jobs on
// others, missed jobs. What it stores is its own, bounded, and read by nobody as another's.
import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { requestJson } from '../../src/bus/request.ts'
import { createJobCache } from '../../src/cache/client.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import type { JobReturn, PayloadRef } from '../../src/protocol/job.ts'
import { type Attacker, attackWith, block, expectWell, isReturn, publishJob, targeted } from './attacker.ts'
import { type System, startSystem } from './system.ts'

let system: System
let evil: Attacker
beforeAll(async () => {
  system = await startSystem({ config: { jobs: { peer: { 'web.*': ['test.ping'] } } } })
  evil = attackWith(await system.attacker())
})
afterAll(() => system?.stop())
afterEach(() => expectWell(system))

const newJid = createJidSource()
/** What an honest minion answers to a function. */
const callOn = async (id: string, fun: string, arg: unknown[] = [], kwarg: Record<string, unknown> = {}) => {
  const { jid } = await publishJob(system, { tgt: id, fun, arg, kwarg })
  const { data } = await system.events.find(isReturn(jid, id), `the return of ${fun}`)
  return data as unknown as JobReturn
}

describe('a job on others', () => {
  const ask = (body: unknown) => evil.ask('reactor.peer.evil', JSON.stringify(body))
  const PING = { tgt: '*', fun: 'test.ping', timeoutMs: 5000 }

  it('is run for whom the config allows it', async () => {
    expect((await callOn('web1', 'saltutil.cmd', ['web2', 'test.ping'])).return).toMatchObject({ web2: { ret: true } })
    expect((await callOn('web1', 'saltutil.cmd', ['web2', 'test.version'])).success).toBe(false)
  })

  it.each([
    ['which the config allows to others', PING],
    ['by another name of the function', { ...PING, fun: 'test.ping\n' }],
    ['of a function that runs commands', { ...PING, fun: 'cmd.run', arg: ['id'] }],
    ['on itself', { ...PING, tgt: 'evil' }],
    ['in the name of another', { ...PING, id: 'web1', user: 'peer:web1', minion: 'web1' }],
    ['with the keys of objects', { ...PING, __proto__: null, constructor: { user: 'admin' } }],
  ])('%s is refused, and recorded', async (_what, body) => {
    const from = system.events.items.length
    expect(JSON.parse(await ask(body))).toMatchObject({
      error: { code: 'forbidden', message: expect.stringContaining("'evil'") },
    })
    const record = await system.events.find(
      event =>
        system.events.items.indexOf(event) >= from &&
        event.tag === 'salt/audit/publish' &&
        event.data.user === 'peer:evil' &&
        event.data.result === 'refused',
      'the record of the refusal',
    )
    expect(record.origin).toEqual({ kind: 'service', id: '_jobs' })
    expect(
      system.events.items.slice(from).filter(({ tag, data }) => tag.endsWith('/new') && data.user === 'peer:evil'),
    ).toEqual([])
  })

  it.each([
    ['no map', []],
    ['no function', { tgt: '*', timeoutMs: 1 }],
    ['a function that is none', { ...PING, fun: { toString: 'x' } }],
    ['no time', { ...PING, timeoutMs: 'x' }],
    ['a time below zero', { ...PING, timeoutMs: -1 }],
    ['paths that are none', { ...PING, untrusted: [['arg', { a: 1 }]] }],
  ])('that is %s is refused', async (_what, body) => {
    expect(JSON.parse(await ask(body)).error.code).toMatch(/^(bad_argument|forbidden)$/)
  })
})

describe('grains', () => {
  const send = async (body: string | Uint8Array) => JSON.parse(await evil.ask('reactor.grains.evil', body))

  it('of its own are stored, under its own id whatever they say', async () => {
    expect(await send('{"id":"web1","role":"honest"}')).toEqual({ ok: true })
    await expect.poll(() => targeted(system, 'role:honest', 'grain')).toEqual(['evil'])
    expect(await targeted(system, 'id:web1', 'grain')).toEqual(['web1'])
    expect(await targeted(system, 'web1', 'glob')).toEqual(['web1'])
  })

  const deep = (depth: number, open: string, close: string) => open.repeat(depth) + close.repeat(depth)
  it.each([
    ['no JSON', 'hello'],
    ['no map', '[1]'],
    ['nothing', ''],
    ['NaN', '{"a":NaN}'],
    ['cut short', '{"a":1'],
    ['a list as deep as a message', deep(500_000, '[', ']')],
    ['maps as deep as a message', `${'{"a":'.repeat(150_000)}1${'}'.repeat(150_000)}`],
    ['too many', `{${Array.from({ length: 50_000 }, (_, n) => `"key${n}":${n}`).join(',')}}`],
    ['one of a megabyte', JSON.stringify({ a: 'x'.repeat(1_000_000) })],
  ])('that are %s are refused, with the reason', async (_what, body) => {
    expect(await send(body)).toMatchObject({ ok: false, reason: expect.any(String) })
    await system.lines.find(
      ({ msg, subject }) => msg === 'grains were refused' && subject === 'reactor.grains.evil',
      'the line',
    )
  })

  it.each([
    [
      'keys of objects',
      '{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}},"role":"p1"}',
      'p1',
    ],
    ['keys twice', '{"role":"no","role":"p2"}', 'p2'],
    ['infinity', '{"n":1e999,"role":"p3"}', 'p3'],
    ['bytes that are no text', Buffer.from('{"x":"\xff\xfe","role":"p4"}', 'latin1'), 'p4'],
    ['a regular expression that never ends', JSON.stringify({ x: 'a'.repeat(50_000), role: 'p5' }), 'p5'],
    ['keys with dots, colons and paths', '{"a.b":{"c:d":1},"../../etc":1,"":2,"role":"p6"}', 'p6'],
  ])('with %s are those of the attacker, and of nobody else', async (_what, body, role) => {
    expect(await send(body)).toEqual({ ok: true })
    await expect.poll(() => targeted(system, `role:${role}`, 'grain')).toEqual(['evil'])
    expect(await targeted(system, 'polluted:yes', 'grain')).toEqual([])
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    expect((await callOn('web1', 'grains.get', ['polluted'])).return).not.toBe('yes')
  })
})

describe('large returns', () => {
  const cache = () => createJobCache(system.admin, system.subjects)
  const upload = async (name: string, body: string) =>
    JSON.parse(await evil.ask('reactor.payload.evil', body, block(`NATS/1.0\r\nReactor-Payload: ${name}\r\n\r\n`)))
  const part = (name: string, at: number) =>
    requestJson(
      system.admin,
      system.subjects.historyPayload,
      { name, part: at },
      { timeoutMs: 20_000, what: 'payload' },
    )
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  /** A return of the attacker that points to what it says, as the runner `jobs.lookup_jid` reads it whole. */
  const lookUp = async (payload: unknown, jid: string) => {
    const data = { jid, id: 'evil', fun: 'x.y', fun_args: [], return: null, retcode: 0, success: true, payload }
    await evil.ask(`reactor.event.evil.salt.job.${jid}.ret.evil`, JSON.stringify({ data }))
    await expect.poll(() => cache().job(jid)).not.toBeNull()
    return (await system.run<Record<string, unknown>>('runner', 'jobs.lookup_jid', [jid])).evil
  }
  const VALUE = '"a value"'
  const ref = (jid: string, over: Partial<Record<keyof PayloadRef, unknown>> = {}) => ({
    ...{ name: jid, parts: 1, size: VALUE.length, sha256: sha256(VALUE) },
    ...over,
  })

  it('of its own are taken, and read whole', async () => {
    const jid = newJid()
    expect(await upload(`${jid}/0`, VALUE)).toEqual({ ok: true })
    expect(await lookUp(ref(jid), jid)).toBe('a value')
  })

  it.each([
    '',
    '/0',
    '../web1/0',
    'web1.x/0',
    '_answers.x/0',
    'a/b/0',
    'x/-1',
    'x/1e3',
    'x/10000',
    'x/99999999',
    '*/0',
    '>/0',
    `${'x'.repeat(65)}/0`,
    'é/0',
    'x/0/0',
  ])('under the name %j are refused', async name => {
    expect(await upload(name, VALUE)).toMatchObject({ ok: false, reason: expect.stringContaining('<name>/<part>') })
    await system.lines.find(({ msg }) => msg === 'a part of a return was refused', 'the line')
  })

  it('lie under the id of the minion that sent them, whatever it calls them', async () => {
    expect(await upload('web1/0', VALUE)).toEqual({ ok: true })
    expect(await part('evil.web1', 0)).toBe('a value')
    await expect(part('web1.web1', 0)).rejects.toThrow(/is not stored/)
  })

  it.each([
    ['another hash', { sha256: sha256('other') }, /not the bytes whose hash/],
    ['fewer bytes than there are', { size: 3 }, /more than the 3 bytes/],
    ['more bytes than there are', { size: 300 }, /has 9 bytes/],
    ['parts that are missing', { parts: 3 }, /is not stored/],
  ])('that are told with %s are a failed return that says so', async (_what, over, reason) => {
    const jid = newJid()
    await upload(`${jid}/0`, VALUE)
    expect(String(await lookUp(ref(jid, over), jid))).toMatch(reason)
  })

  it.each([
    ['a size below zero', { size: -1 }],
    ['a size that is none', { size: '9' }],
    ['a size beyond all memory', { size: 1e15 }],
    ['no parts', { parts: 0 }],
    ['parts below zero', { parts: -5 }],
    ['parts without end', { parts: 1e9 }],
    ['a hash that is none', { sha256: 'x' }],
    ['the name of another’s', { name: 'web1.20261121000000000000' }],
    ['the name of a service’s', { name: '_answers.0123' }],
    ['a path for a name', { name: '../../x' }],
    ['a map for a name', { name: { a: 1 } }],
  ])('that are told with %s are a return that cannot be read', async (_what, over) => {
    const jid = newJid()
    expect(String(await lookUp(ref(jid, over), jid))).toMatch(/The return of evil cannot be read: the payload's/)
  })

  it('of web1 are not to be had through a return of the attacker that names them', async () => {
    const large = await callOn('web1', 'cmd.run', [['node', '-e', 'process.stdout.write("s".repeat(1500000))']])
    expect(large.payload?.size).toBeGreaterThan(1_000_000)
    const jid = newJid()
    const stolen = await lookUp({ ...large.payload }, jid)
    expect(String(stolen)).toMatch(/could not be fetched|is not stored/)
    await expect(
      evil.ask('reactor.history.payload', JSON.stringify({ name: `web1.${large.jid}`, part: 0 }), undefined, 5000),
    ).rejects.toThrow(/Permissions Violation/i)
  })

  it.each(['not json', '{"a":', '[[[['.repeat(10_000), '{"__proto__":{"polluted":"yes"}}'])(
    'that are %.20s harm no reader',
    async text => {
      const jid = newJid()
      await upload(`${jid}/0`, text)
      const value = await lookUp(ref(jid, { size: Buffer.byteLength(text), sha256: sha256(text) }), jid)
      if (text.startsWith('{"__proto__"')) expect(({} as Record<string, unknown>).polluted).toBeUndefined()
      else expect(String(value)).toMatch(/is no JSON/)
    },
  )

  it('are taken a few at a time: a flood is refused, with the reason', async () => {
    const body = 'x'.repeat(100_000)
    const answers = await Promise.all(Array.from({ length: 60 }, (_, at) => upload(`flood/${at}`, body)))
    expect(answers.some(({ ok }) => ok)).toBe(true)
    expect(answers.filter(({ reason }) => /send them one after another/.test(String(reason))).length).toBeGreaterThan(0)
  })
})

describe('the mine', () => {
  const mine = async (body: unknown) =>
    JSON.parse(await evil.ask('reactor.mine.evil', typeof body === 'string' ? body : JSON.stringify(body)))
  const get = (names: string[]) => mine({ op: 'get', tgt: '*', tgt_type: 'glob', names })

  it('gives back what a minion has put there, as its own', async () => {
    expect(await mine({ op: 'send', name: 'x', data: 1, minion: 'web1' })).toMatchObject({
      error: { code: 'bad_argument' },
    })
    expect(await mine({ op: 'send', name: 'x', data: { id: 'web1' } })).toBe(true)
    expect(await get(['x'])).toEqual({ entries: [{ minion: 'evil', name: 'x', data: { id: 'web1' } }] })
  })

  it('keeps from it what is for others, and shows that it is refused by giving nothing', async () => {
    const sent = await callOn('web1', 'mine.send', ['secret'], { mine_function: 'test.ping', allow_tgt: 'web2' })
    expect(sent).toMatchObject({ success: true })
    expect((await callOn('web2', 'mine.get', ['web1', 'secret'])).return).toEqual({ web1: true })
    expect(await get(['secret'])).toEqual({ entries: [] })
    expect(await mine({ op: 'delete', name: 'secret' })).toBe(true)
    expect(await mine({ op: 'flush' })).toBe(true)
    expect((await callOn('web2', 'mine.get', ['web1', 'secret'])).return).toEqual({ web1: true })
  })

  it.each([
    ['no JSON', 'x'],
    ['nothing', ''],
    ['a list without end', '['.repeat(500_000)],
    ['another deed', { op: 'drop' }],
    ['keys of objects', '{"op":"send","name":"x","data":1,"constructor":1}'],
    ['a name with a control character', { op: 'send', name: 'a\u0000b', data: 1 }],
    ['a name of 10 KB', { op: 'send', name: 'x'.repeat(10_240), data: 1 }],
    ['no name', { op: 'send', name: '', data: 1 }],
    ['more than an entry holds', { op: 'send', name: 'x', data: 'x'.repeat(900_000) }],
    ['a rule that is no target', { op: 'send', name: 'x', data: 1, allow: { tgt: '(', tgt_type: 'pcre' } }],
    ['a rule of 10 KB', { op: 'send', name: 'x', data: 1, allow: { tgt: 'x'.repeat(10_240), tgt_type: 'glob' } }],
    ['a target that is none', { op: 'get', tgt: '((', tgt_type: 'compound', names: ['x'] }],
    ['a thousand names', { op: 'get', tgt: '*', tgt_type: 'glob', names: Array.from({ length: 1000 }, String) }],
  ])('refuses %s, with the reason', async (_what, body) => {
    expect(await mine(body)).toMatchObject({ error: { code: 'bad_argument', message: expect.any(String) } })
  })

  it('holds the name of an object’s key like any other', async () => {
    for (const name of ['__proto__', 'constructor', '../x', "'; drop table mine; --"]) {
      const body = `{"op":"send","name":${JSON.stringify(name)},"data":{"__proto__":{"polluted":"yes"}}}`
      expect(await mine(body)).toBe(true)
      expect((await get([name])).entries.map((entry: { name: string }) => entry.name)).toEqual([name])
    }
    const read = await callOn('web1', 'mine.get', ['evil', '__proto__'])
    expect(read.success).toBe(true)
    expect((await callOn('web1', 'grains.get', ['polluted'])).return).not.toBe('yes')
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it('is bounded: a minion fills its own part, and that of nobody else', async () => {
    const answers: unknown[] = []
    for (let n = 0; n < 25; n++) answers.push(await mine({ op: 'send', name: `big${n}`, data: 'x'.repeat(200_000) }))
    expect(answers.filter(answer => answer === true).length).toBeGreaterThan(10)
    expect(answers.at(-1)).toMatchObject({
      error: { code: 'bad_argument', message: expect.stringMatching(/is refused/) },
    })
    expect(await callOn('web1', 'mine.send', ['after'], { mine_function: 'test.ping' })).toMatchObject({
      success: true,
    })
  })

  it('does not hang on a pattern that never ends', async () => {
    await evil.ask('reactor.grains.evil', JSON.stringify({ x: `${'a'.repeat(5000)}!` }))
    const answer = await mine({ op: 'get', tgt: 'x:(a+)+$', tgt_type: 'grain_pcre', names: ['x'] })
    expect(answer.entries ?? answer.error).toBeDefined()
  })
})

describe('missed jobs', () => {
  it.each([
    ['no JSON', 'x'],
    ['no list', '{"took":1}'],
    ['jids that are none', '{"took":["*",">","../x"]}'],
    ['more than a page', JSON.stringify({ took: Array.from({ length: 1000 }, () => newJid()) })],
    ['a list without end', `{"took":${'['.repeat(500_000)}`],
  ])('asked for with %s are refused, with the reason', async (_what, body) => {
    expect(JSON.parse(await evil.ask('reactor.missed.evil', body))).toMatchObject({ error: { code: 'bad_argument' } })
  })

  it('of web1 stay there when the attacker says that it took them', async () => {
    const { jid } = await publishJob(system, { tgt: 'web1', fun: 'test.ping' })
    expect(JSON.parse(await evil.ask('reactor.missed.evil', JSON.stringify({ took: [jid] })))).toEqual({ jobs: [] })
    await system.events.find(isReturn(jid, 'web1'), 'the return of web1')
  })
})
