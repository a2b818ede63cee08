// A minion that is in asks the master for the pillar of others, and for files of the master that no pillar of its own names.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { JobReturn } from '../../src/protocol/job.ts'
import { type Attacker, attackWith, expectWell, isReturn, publishJob } from './attacker.ts'
import { type System, startSystem } from './system.ts'

const SECRET = 'correct horse battery'
let dir: string
let system: System
let evil: Attacker
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reactor-test-'))
  const files = {
    secret: `${SECRET}\n`,
    'pillar/top.sls': "base: {'*': [common], 'web*': [web], 'G@role:db': [db]}\n",
    'pillar/common.sls': `host: {{ grains.host }}\nmotd: "{{ grains.motd | default(pillar.motd | default('')) }}"\nmine: !file DIR/mine\n`,
    mine: 'for everybody',
    'pillar/web.sls': 'password: !file DIR/secret\n',
    'pillar/db.sls': 'a: 1\n',
  }
  await mkdir(join(dir, 'pillar'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text.replaceAll('DIR', dir))
  system = await startSystem({ config: { pillar_roots: { base: [join(dir, 'pillar')] } } })
  evil = attackWith(await system.attacker())
})
afterAll(async () => {
  await system?.stop()
  await rm(dir, { recursive: true, force: true })
})

const ask = (body: Record<string, unknown> | string) =>
  evil.ask('reactor.pillar.evil', typeof body === 'string' ? body : JSON.stringify(body))
const callOn = async (id: string, fun: string, arg: unknown[] = []) => {
  const { jid } = await publishJob(system, { tgt: id, fun, arg })
  const { data } = await system.events.find(isReturn(jid, id), `the return of ${fun}`)
  return data as unknown as JobReturn
}
afterEach(async () => {
  const { return: value } = await callOn('web1', 'pillar.items')
  expect(value).toMatchObject({ mine: '[redacted]', password: '[redacted]' })
  await expectWell(system)
})

it('the attacker has its own pillar, as an honest minion has', async () => {
  expect(JSON.parse(await ask({ grains: { host: 'x', motd: 'y' } }))).toEqual({
    value: { host: 'x', motd: 'y', mine: 'for everybody' },
    errors: [],
    secrets: ['for everybody'],
  })
})

describe('the pillar of others', () => {
  it.each(['web1', '_jobs', '=5Fjobs', '*', '>'])('cannot be asked for on the subject of %s', async who => {
    expect(await evil.refusedPublish(`reactor.pillar.${who}`, '{"minion":"web1"}')).toBe(true)
  })

  it.each<[string, Record<string, unknown>]>([
    ['its id as a grain', { grains: { id: 'web1', host: 'web1' } }],
    ['a target of its own', { grains: {}, minion: 'web1' }],
    ['an id of its own', { grains: {}, id: 'web1' }],
    ['what job workers may ask', { grains: {}, minion: 'web1', show: 'pillar' }],
    [
      'a prototype',
      { grains: JSON.parse('{"__proto__": {"id": "web1"}, "constructor": {"prototype": {"id": "web1"}}}') },
    ],
    ['pillar of its own', { grains: {}, override: JSON.parse('{"__proto__": {"password": 1}, "include": ["web"]}') }],
    ['an environment', { grains: {}, pillarenv: '../pillar', saltenv: '..' }],
  ])('does not come by %s', async (_how, request) => {
    expect(await ask(request)).not.toContain(SECRET)
    expect(({} as Record<string, unknown>).password).toBeUndefined()
  })
})

describe('a file of the master', () => {
  const named = () => `!file ${join(dir, 'secret')}`
  const values: [string, () => string][] = [
    ['by its tag', named],
    ['by its tag in a line of its own', () => `x\npassword: ${named()}`],
    ['by its tag in full', () => `!<!file> ${join(dir, 'secret')}`],
    ['by a template', () => `{% import_text '${join(dir, 'secret')}' as x %}{{ x }}`],
    ['by an SLS of others', () => "x\ninclude: ['../secret', '..secret', web, 'we*']"],
    ['behind the quotes it stands in', () => `x"\npassword: ${named()}\ny: "`],
  ]
  it.each(values)('is not named %s, in a grain', async (_how, value) => {
    for (const grains of [{ host: value() }, { host: 'x', motd: value() }])
      expect(await ask({ grains })).not.toContain(SECRET)
  })

  it.each(values)('is not named %s, in pillar laid over it', async (_how, value) => {
    expect(await ask({ grains: { host: 'x' }, override: { motd: value() } })).not.toContain(SECRET)
  })
})

it('asks for its pillar a thousand times at once: it is answered or refused, and nobody waits for that', async () => {
  const grains = { host: 'x'.repeat(10_000) }
  const flood = Array.from({ length: 1000 }, () => ask({ grains }))
  expect((await callOn('web2', 'pillar.items')).return).toMatchObject({ password: '[redacted]' })
  for (const answer of await Promise.all(flood)) expect(answer).toMatch(/^\{"(value|error)"/)
})

it('what it sends as its own is kept as its own alone', async () => {
  const before = await system.run('runner', 'pillar.show_pillar', ['web1'])
  await ask({ grains: { host: 'taken', role: 'db' }, keep: true })
  expect(await system.run('runner', 'pillar.show_pillar', ['web1'])).toEqual(before)
})
