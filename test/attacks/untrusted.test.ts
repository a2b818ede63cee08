// What a minion that is in says, in the hands of rules: it fills a value, and never decides what is run, or where.
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { createUser } from '@nats-io/nkeys'
import type { Msg } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Event } from '../../src/protocol/event.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import { loadRuleText } from '../../src/reactor/rules/load.ts'
import { readDecisions, type SeenDecision } from '../../src/tail/decision.ts'
import { createSeen } from '../helpers/wait.ts'
import { type Attacker, attackWith, block, expectWell, insider, targeted } from './attacker.ts'
import { type System, startSystem } from './system.ts'

/** A rule `<name>` on `app/<name>/**`. */
const rule = (name: string, action: string) => `rule: ${name}\non: "app/${name}/**"\ndo:\n  - ${action}\n`
const RULES = [
  rule('text', 'local.cmd.run: { tgt: web1, args: ["echo {{ data.name }}"] }'),
  rule('shell', 'local.cmd.run: { tgt: web1, args: ["echo {{ data.name }}"], kwargs: { python_shell: true } }'),
  rule('shelled', 'local.cmd.run: { tgt: web1, args: [[sh, -c, "echo {{ data.name }}"]] }'),
  rule('python-shell', 'local.cmd.run: { tgt: web1, args: [echo hello], kwargs: { python_shell: "{{ data.name }}" } }'),
  rule('runas', 'local.cmd.run: { tgt: web1, args: [[echo, hello]], kwargs: { cwd: "{{ data.name }}" } }'),
  rule('program', 'local.cmd.run: { tgt: web1, args: [["{{ data.name }}", hello]] }'),
  rule('word', 'local.cmd.run: { tgt: web1, args: [[echo, "{{ data.name }}"]] }'),
  rule('behind', 'local.cmd.run: { tgt: web1, args: [[echo, --, "{{ data.name }}"]] }'),
  rule('tag-text', 'local.cmd.run: { tgt: web1, args: ["echo {{ tag }}"] }'),
  rule('tag-word', 'local.cmd.run: { tgt: web1, args: [[echo, --, "{{ tag }}"]] }'),
  rule('grain-text', 'local.cmd.run: { tgt: web1, args: ["echo {{ minion.role }}"] }'),
  rule('grain-target', 'local.test.ping: { tgt: "G@role:{{ minion.role }}", tgt_type: compound }'),
  rule('allowed', 'local.cmd.run: { tgt: web1, args: ["echo {{ data.name | allow_untrusted }}"] }'),
  rule('joined', 'local.cmd.run: { tgt: web1, args: ["echo {{ data.name | allow_untrusted }} {{ data.other }}"] }'),
  rule('glob', 'local.test.ping: { tgt: "{{ data.name }}" }'),
  rule('part', 'local.test.ping: { tgt: "{{ data.name }}*" }'),
  rule('list', 'local.test.ping: { tgt: [web1, "{{ data.name }}"], tgt_type: list }'),
  rule('compound', 'local.test.ping: { tgt: "G@role:web and {{ data.name }}", tgt_type: compound }'),
  rule('pcre', 'local.test.ping: { tgt: "web{{ data.name }}", tgt_type: pcre }'),
  rule('own', 'local.event.send: { tgt: "{{ data.id }}", args: [on/own] }'),
  rule('origin', 'local.event.send: { tgt: "{{ origin }}", args: [on/own] }'),
  rule('function', 'local.saltutil.cmd: { tgt: web1, args: [web2, "{{ data.name }}"] }'),
  rule('mine', 'local.mine.send: { tgt: web1, args: [x], kwargs: { mine_function: "{{ data.name }}" } }'),
  rule('key', 'wheel.key.accept: { match: "{{ data.name }}" }'),
  rule('key-own', 'wheel.key.reject: { match: "{{ data.id }}" }'),
  rule('operator', 'wheel.user.add: { name: "{{ data.name }}", roles: [admin], password_hash: x }'),
  rule('as-service', 'runner.event.send: { tag: "salt/{{ data.name }}", data: { id: ghost } }'),
  rule('url', 'runner.http.query: { url: "http://{{ data.name }}/" }'),
  rule('mail', 'runner.smtp.send_msg: { recipient: "{{ data.name }}", subject: x, server: 127.0.0.1 }'),
  rule('detour', 'runner.event.send: { tag: second/step, data: { name: "{{ data.name }}" } }'),
  'rule: second\non: second/step\ndo:\n  - local.cmd.run: { tgt: web1, args: ["echo {{ data.name }}"] }\n',
  rule('plain', 'runner.event.send: { tag: plain/told, data: { name: "{{ data.name }}", fixed: here } }'),
].join('---\n')

const core = insider('CORE')
let system: System
let evil: Attacker
const decided = createSeen<SeenDecision>()
const jobsOfEvil = createSeen<{ fun: string; arg: unknown[] }>()
beforeAll(async () => {
  system = await startSystem({ rules: { 'rules.yaml': RULES }, alter: core.alter })
  const prefix = 'reactor.decision.'
  system.admin.subscribe(`${prefix}>`, {
    callback: (_, message) => {
      for (const decision of readDecisions(prefix, message.subject, message.string())) decided.push(decision)
    },
  })
  await system.admin.flush()
  evil = attackWith(await system.attacker())
  evil.nc.subscribe('reactor.job.evil', {
    callback: (_: unknown, message: Msg) => {
      jobsOfEvil.push(message.json())
      message.respond('{"accepted":true}')
    },
  })
  await evil.ask('reactor.grains.evil', JSON.stringify({ role: 'x or *; touch owned' }))
  for (let n = 0; n < 200 && (await targeted(system, 'evil', 'glob')).length === 0; n++) await setImmediate()
  await evil.nc.flush()
})
afterAll(() => system?.stop())
/** What a command of the attacker would leave behind. */
const owned = () => join(system.dir, 'owned')
afterEach(async () => {
  await expect(access(owned())).rejects.toThrow(/ENOENT/)
  await expectWell(system)
})

const newJid = createJidSource()
/** What became of the event under the rule: done, with the return of web1 where it was a job; or parked, with the reason. */
const outcome = async (name: string, data: unknown, subject = `app.${name}.x`, by = 'evil') => {
  const id = newJid()
  const nc = by === 'evil' ? evil.nc : system.admin
  const origin = by === 'evil' ? 'evil' : '_user-admin'
  await nc.request(`reactor.event.${origin}.${subject}`, JSON.stringify({ data }), {
    headers: block(`NATS/1.0\r\nNats-Msg-Id: ${id}\r\n\r\n`),
    timeout: 20_000,
  })
  return ended(id)
}
const ended = async (eventId: string) => {
  const seen = await decided.find(one => one.event.id === eventId && one.state !== 'stored', `the end of ${eventId}`)
  if (seen.state === 'parked') return { state: 'parked', text: seen.reason }
  if (seen.state !== 'ended') throw new Error('it is stored')
  const { state, reason = '', jids } = seen.decision
  if (state === 'parked') return { state, text: reason }
  const isWeb1 = ({ tag }: Event) => jids.some(jid => tag === `salt/job/${jid}/ret/web1`)
  const announced = jids.map(jid => system.events.items.find(({ tag }) => tag === `salt/job/${jid}/new`))
  const onWeb1 = announced.some(event => (event?.data.minions as string[] | undefined)?.includes('web1'))
  if (!onWeb1) return { state, text: '' }
  const { data } = await system.events.find(isWeb1, 'the return of web1')
  return { state: data.success === true ? 'ran' : 'failed', text: String(data.return) }
}
const SHELL = () => `x; touch ${owned()} $(touch ${owned()}) \`touch ${owned()}\` | touch ${owned()}`

describe('a command', () => {
  it('takes a value as the word that it is', async () => {
    expect(await outcome('behind', { name: SHELL() })).toEqual({ state: 'ran', text: expect.stringContaining(SHELL()) })
    expect(await outcome('word', { name: 'hello' })).toEqual({ state: 'ran', text: 'hello' })
  })

  it.each(['text', 'shell', 'shelled', 'joined'])(
    'given as text (%s) takes none, not even a harmless one',
    async name => {
      for (const value of ['hello', SHELL()]) {
        const { state, text } = await outcome(name, { name: value, other: value })
        expect(state).toBe('failed')
        expect(text).toMatch(/untrusted|from the event/)
      }
    },
  )

  it.each([
    ['program', 'touch'],
    ['python-shell', 'true'],
    ['runas', '/tmp'],
    ['word', '--help'],
  ])('does not take it as %s', async (name, value) => {
    const { state, text } = await outcome(name, { name: value })
    expect(state).toBe('failed')
    expect(text).toMatch(/untrusted|from the event/)
  })

  it('takes it as it came where the rule marks that value', async () => {
    expect(await outcome('allowed', { name: 'hello there' })).toEqual({ state: 'ran', text: 'hello there' })
  })

  it('takes what an operator says: the right to fire is theirs by a role', async () => {
    expect(await outcome('text', { name: 'hello' }, 'app.text.x', 'admin')).toEqual({ state: 'ran', text: 'hello' })
  })

  it('does not take a tag that carries a command, but as a word', async () => {
    const escaped = `$(touch ${owned()});\`id\``.replace(
      /[^A-Za-z0-9_-]/g,
      c => `=${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    )
    expect((await outcome('tag-text', {}, `app.tag-text.${escaped}`)).state).toBe('failed')
    expect(await outcome('tag-word', {}, `app.tag-word.${escaped}`)).toEqual({
      state: 'ran',
      text: `-- app/tag-word/$(touch ${owned()});\`id\``,
    })
  })

  it('does not take a grain that carries one', async () => {
    expect((await outcome('grain-text', {})).state).toBe('failed')
  })
})

describe('a target', () => {
  it('may be a minion’s id', async () => {
    expect((await outcome('glob', { name: 'web1' })).state).toBe('ran')
    expect((await outcome('list', { name: 'web2' })).state).toBe('ran')
  })

  it.each([
    ['glob', '*'],
    ['glob', 'web?'],
    ['glob', 'web[12]'],
    ['glob', 'web1,web2'],
    ['glob', ''],
    ['glob', ['web1', '*']],
    ['glob', { a: 1 }],
    ['part', 'web'],
    ['list', '*'],
    ['list', 'web1,web2'],
    ['list', ['web1', '*']],
    ['compound', 'web1 or *'],
    ['compound', 'web1'],
    ['pcre', '.*'],
    ['grain-target', ''],
  ])('of the rule %s filled with %j is refused, and parked with the reason', async (name, value) => {
    const before = system.events.items.length
    const { state, text } = await outcome(name, { name: value })
    expect(state).toBe('parked')
    expect(text).toMatch(/the target holds a value from the event|target/)
    const sent = system.events.items
      .slice(before)
      .filter(({ tag, data }) => /^salt\/job\/\d+\/new$/.test(tag) && data.fun === 'test.ping')
    expect(sent).toEqual([])
  })

  it.each([
    ['its type', 'local.test.ping: { tgt: web1, tgt_type: "{{ data.name }}" }'],
    ['the function', '"local.{{ data.name }}": { tgt: web1 }'],
    ['the kind of the function', '"{{ data.name }}": { tgt: web1 }'],
  ])('does not take %s from an event: such a rule does not load', (_what, action) => {
    expect(loadRuleText('r.yaml', rule('one', action)).problems).toHaveLength(1)
    expect(loadRuleText('r.yaml', rule('one', 'local.test.ping: { tgt: web1 }')).problems).toEqual([])
  })

  it('that is data.id or the origin is the attacker, whoever the body says that it is', async () => {
    for (const name of ['own', 'origin']) {
      const before = jobsOfEvil.items.length
      await outcome(name, { id: 'web1', origin: 'web1' })
      await jobsOfEvil.find(
        job => jobsOfEvil.items.indexOf(job) >= before && job.fun === 'event.send',
        'the job for evil',
      )
    }
    expect(system.events.items.filter(({ tag }) => tag === 'on/own')).toEqual([])
  })
})

describe('what is more than a value is refused', () => {
  it.each([
    ['the name of a function', 'function', 'test.ping', 'failed'],
    ['the name of a function for the mine', 'mine', 'cmd.run', 'failed'],
    ['an address of the web', 'url', '169.254.169.254', 'parked'],
    ['an address of mail', 'mail', 'evil@example.com', 'parked'],
    ['a tag of a service', 'as-service', 'key', 'parked'],
    ['an operator', 'operator', 'mallory', 'parked'],
  ])('%s', async (_what, name, value, state) => {
    expect((await outcome(name, { name: value })).state).toBe(state)
    expect(system.events.items.filter(({ data }) => data.id === 'ghost')).toEqual([])
    expect(JSON.stringify(await system.run('wheel', 'user.list'))).not.toContain('mallory')
  })

  it('the keys of minions by more than one id: they wait on', async () => {
    await expect(system.asMinion('mallory', createUser())).rejects.toThrow(/Authorization/)
    for (const name of ['*', 'mallor?', 'mallory,web1', ['mallory'], { minions_pre: ['mallory'] }])
      expect((await outcome('key', { name })).state).toBe('parked')
    expect(await system.run('wheel', 'key.list', ['pending'])).toEqual({ minions_pre: ['mallory'] })
  })

  it('on a detour over an event of a service, too', async () => {
    await outcome('detour', { name: SHELL() })
    const second = await system.events.find(({ tag }) => tag === 'second/step', 'the second event')
    expect(second.origin).toEqual({ kind: 'service', id: '_jobs' })
    expect((await ended(second.id)).state).toBe('failed')
  })

  it.each([
    '{{ 7 * 7 }}',
    '{% raw %}{{ 1 }}{% endraw %}',
    "{{ data.constructor.constructor('return process')() }}",
    'x", fixed: "gone',
    'x\nfixed: gone\n- local.cmd.run: { tgt: "*" }',
    '!!js/function "x"',
    '*anchor',
    '\u0000\u001b[2J',
  ])('a template, a key, an action: %j stays the text that it is', async name => {
    const from = system.events.items.length
    await outcome('plain', { name })
    const told = await system.events.find(
      event => event.tag === 'plain/told' && system.events.items.indexOf(event) >= from,
      'the event of the rule',
    )
    expect(told.data).toMatchObject({ name, fixed: 'here' })
  })
})
