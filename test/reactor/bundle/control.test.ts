// The control over the rules in force as a job worker has it, against a real store.
import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { jetstreamManager } from '@nats-io/jetstream'
import { Objm } from '@nats-io/obj'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ReactorError } from '../../../src/base/errors.ts'
import { silentLog } from '../../../src/base/log.ts'
import type { RuleCounts } from '../../../src/protocol/reaction-view.ts'
import type { PushResult } from '../../../src/protocol/rule-view.ts'
import { reactorConsumer, streamNames } from '../../../src/protocol/streams.ts'
import { openBacklog } from '../../../src/reactor/bundle/backlog.ts'
import { createRulesControl } from '../../../src/reactor/bundle/control.ts'
import { openBundleStore } from '../../../src/reactor/bundle.ts'
import { loadRuleText } from '../../../src/reactor/rules/load.ts'
import { openCore } from '../../helpers/core.ts'
import { startTestServer, type TestServer } from '../../helpers/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const rules = (...names: string[]) =>
  loadRuleText('r.yaml', names.map(name => `rule: ${name}\non: my/*\ndo: runner.test.arg\n`).join('---\n')).rules
const none = async (): Promise<RuleCounts[]> => []
const pushed = { name: 'deploy-42', dry_run: false }

async function open() {
  const core = await openCore(server)
  const store = await openBundleStore(core.nc, core.ns, 1, silentLog)
  const jsm = await jetstreamManager(core.nc)
  const { events } = streamNames(core.ns)
  const control = createRulesControl(store, await openBacklog(core.nc, core.subjects))
  const push = async (...names: string[]) =>
    (await control.push({ rules: rules(...names), ...pushed }, 'ada')) as PushResult
  return { ...core, store, jsm, events, control, push }
}

describe('what is told of the rules in force', () => {
  it('is that there were never any, and why counts and lag are missing', async () => {
    const { control } = await open()
    const away = async () => Promise.reject(new ReactorError('unreachable', 'nobody answers'))
    const view = await control.list(away)
    expect(view).toEqual({ rules: [], missing: ['counts: nobody answers', expect.stringMatching(/^lag: /)] })
    expect(await control.history()).toEqual([])
    await expect(control.show('a', none)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('is each rule with its mode, its counts and where it stands', async () => {
    const { control, store } = await open()
    const text = `rule: loud
on: [my/*, "!my/own"]
do:
  - local.service.restart: { tgt: "web*" }
  - local.test.ping: { tgt: [a, b] }
  - runner.test.arg: [1]
`
    const loaded = loadRuleText('sub/r.yaml', text).rules
    await store.activate([...loaded, { ...rules('shy')[0]!, mode: 'shadow' }, ...rules('gone')], {
      kind: 'folder',
      name: '/r',
    })
    await control.switch({ to: 'off', names: ['loud', 'gone'], by: 'ada', reason: 'too loud' })
    await store.activate([...loaded, { ...rules('shy')[0]!, mode: 'shadow' }], { kind: 'folder', name: '/r' })
    const counts: RuleCounts = { rule: 'loud', states: { done: 3 }, suppressed: { off: 1 }, last_fired: 5 }
    const failure: RuleCounts = { rule: 'loud:on_failure', states: { done: 1 }, suppressed: {} }
    const view = await control.list(async () => [counts, failure, { rule: 'another', states: {}, suppressed: {} }])
    const off = { by: 'ada', at: expect.any(Number), reason: 'too loud' }
    expect(view.from).toEqual({ kind: 'folder', name: '/r' })
    expect(view.rules).toEqual([
      {
        ...{ rule: 'loud', mode: 'off', off, counts, on_failure: failure, on: ['my/*', '!my/own'] },
        do: ['local.service.restart → web*', 'local.test.ping → ["a","b"]', 'runner.test.arg'],
        source: { file: 'sub/r.yaml', line: 1 },
      },
      { rule: 'shy', mode: 'shadow', on: ['my/*'], do: ['runner.test.arg'], source: { file: 'r.yaml', line: 1 } },
      { rule: 'gone', mode: 'off', off, gone: true, on: [], do: [] },
    ])
  })

  it('is how far the reactors are behind, and since when', async () => {
    const { control, fire, jsm, ns, events } = await open()
    await jsm.consumers.add(events, reactorConsumer(ns))
    expect((await control.list(none)).lag).toEqual({ pending: 0, in_hand: 0 })
    const before = Date.now()
    await fire('my/a', {})
    await fire('my/b', {})
    const { lag, missing } = await control.list(none)
    expect(missing).toBeUndefined()
    expect(lag).toMatchObject({ pending: 2, in_hand: 0 })
    expect(lag!.oldest!).toBeGreaterThan(before - 1000)
    expect(lag!.oldest!).toBeLessThan(Date.now() + 1000)
    await jsm.streams.purge(events)
  })

  it('is one rule as it may be written, without secrets, and what of it waits', async () => {
    const { control, store, nc, subjects } = await open()
    const text = 'rule: a.b\non: my/*\ndo:\n  - runner.http.query: { url: "http://x", password: sesame }\n'
    await store.activate(loadRuleText('r.yaml', text).rules)
    for (const subject of [
      subjects.reaction('fast', 'a.b'),
      subjects.reaction('slow', 'a.b'),
      subjects.reaction('fast', 'a'),
      subjects.parked('e1', 'a.b'),
      subjects.parked('e2', 'a.b'),
      subjects.parked('e1', 'b'),
    ])
      await nc.request(subject, '{}')
    const shown = await control.show('a.b', none)
    expect(shown.pending).toEqual({ waiting: 2, retrying: 0, parked: 2 })
    expect(shown.document).toEqual({
      rule: 'a.b',
      on: 'my/*',
      do: [{ 'runner.http.query': { url: 'http://x', password: '[redacted]' } }],
    })
    await expect(control.show('a.c', none)).rejects.toMatchObject({
      message: expect.stringContaining("did you mean 'a.b'"),
    })
  })
})

describe('a file of the folder that does not load', () => {
  const problems = [{ line: 4, column: 1, rule: 'fresh', message: "unknown key 'doo'. Did you mean 'do'?" }]

  it('is told in the list, and of the rules of its last good version', async () => {
    const { control, store } = await open()
    const { bundle } = await store.activate(rules('old'), { kind: 'folder', name: '/r' })
    expect(await control.list(none)).not.toHaveProperty('refused')
    const refused = { folder: '/r', files: [{ file: 'r.yaml', kept: true, problems }] }
    await store.refuse({ bundle: bundle.hash, ...refused })
    expect((await control.list(none)).refused).toEqual(refused)
    expect((await control.show('old', none)).refused).toEqual(refused.files[0])
    await expect(control.show('fresh', none)).rejects.toMatchObject({
      code: 'not_found',
      message:
        "the rule 'fresh' is not in force: r.yaml is refused, and its last good version goes on: 4:1 unknown key 'doo'. Did you mean 'do'?",
    })
    await store.refuse({ bundle: bundle.hash, folder: '/r', files: [] })
    expect(await control.list(none)).not.toHaveProperty('refused')
    expect(await control.show('old', none)).not.toHaveProperty('refused')
  })
})

describe('a push', () => {
  it('is in force with who did it, and tells what it changed', async () => {
    const { control, store, push } = await open()
    expect(await push('a', 'b')).toEqual({
      ...{ bundle: (await store.active())!.hash, changes: true, activated: true, rules: 2, off: [] },
      ...{ added: ['a', 'b'], changed: [], removed: [] },
    })
    expect((await store.inForce())!.activation.from).toEqual({ kind: 'push', name: 'deploy-42', by: 'ada' })
    expect(await push('a', 'b')).toMatchObject({ changes: false, activated: false, added: [], removed: [] })
    await control.switch({ to: 'off', names: ['b'], by: 'ada' })
    expect(await push('b', 'c')).toMatchObject({ added: ['c'], removed: ['a'], off: ['b'] })
    expect(await control.history()).toMatchObject([
      { from: { name: 'deploy-42' }, rules: 2, changes: { added: 1, changed: 0, removed: 1 }, off: 1 },
      { switched: { to: 'off', names: ['b'], by: 'ada' }, off: 1 },
      { rules: 2, changes: { added: 2, changed: 0, removed: 0 }, off: 0 },
    ])
  })

  it('that is tried tells the same and changes nothing', async () => {
    const { control, store, push } = await open()
    await push('a', 'b')
    await control.switch({ to: 'off', names: ['b'], by: 'ada' })
    const before = await store.inForce()
    const tried = await control.push({ rules: rules('b', 'c'), name: 'x', dry_run: true }, 'ada')
    expect(tried).toMatchObject({
      changes: true,
      activated: false,
      added: ['c'],
      changed: [],
      removed: ['a'],
      off: ['b'],
    })
    expect(await store.inForce()).toEqual(before)
    expect(await push('b', 'c')).toMatchObject({ bundle: (tried as PushResult).bundle, activated: true })
  })

  it('names the folder whose rules it takes the place of', async () => {
    const { store, push } = await open()
    expect(await push('a')).not.toHaveProperty('folder')
    await store.activate(rules('b'), { kind: 'folder', name: '/rules' })
    expect(await push('a')).toMatchObject({ folder: '/rules' })
  })

  it('that is bad leaves what is in force', async () => {
    const { control, store, push } = await open()
    await push('a')
    const before = await store.inForce()
    const bad = [...rules('b'), { ...rules('c')[0]!, on: [] }]
    await expect(control.push({ rules: bad, ...pushed }, 'ada')).rejects.toMatchObject({
      code: 'bad_rule',
      message: expect.stringContaining('1 of 2 rules is refused'),
    })
    expect(await store.inForce()).toEqual(before)
  })

  it('is either rules or packed', async () => {
    const { control } = await open()
    for (const request of [{}, { rules: [], packed: 'x' }, { rules: [], part: { upload: 'u', index: 0, of: 2 } }])
      await expect(control.push({ ...request, ...pushed }, 'ada')).rejects.toMatchObject({ code: 'bad_argument' })
  })

  it('of 10,000 rules comes in parts, at any worker, and leaves none of them', async () => {
    const { control, store, nc, ns, subjects } = await open()
    const one = rules('one')[0]!
    const many = Array.from({ length: 10_000 }, (_, index) => ({
      ...one,
      rule: `rule-${index}`,
      description: randomBytes(60).toString('hex'),
      on: [`my/${index}/*`],
    }))
    const packed = gzipSync(JSON.stringify(many)).toString('base64')
    const size = 512 * 1024
    const of = Math.ceil(packed.length / size)
    expect(of).toBeGreaterThan(1)
    const other = createRulesControl(await openBundleStore(nc, ns, 1, silentLog), await openBacklog(nc, subjects))
    for (let index = 0; index < of - 1; index++) {
      const part = { upload: 'u1', index, of }
      const share = packed.slice(index * size, (index + 1) * size)
      expect(await other.push({ packed: share, part, ...pushed }, 'ada')).toEqual({ stored: index, of })
    }
    expect(await store.active()).toBeUndefined()
    const last = { packed: packed.slice((of - 1) * size), part: { upload: 'u1', index: of - 1, of } }
    expect(await control.push({ ...last, ...pushed }, 'ada')).toMatchObject({ rules: 10_000, activated: true })
    expect((await store.active())!.rules).toHaveLength(10_000)
    const left = (await (await new Objm(nc).open(`${ns}_bundles`)).list()).filter(({ deleted }) => !deleted)
    expect(left.map(({ name }) => name)).toEqual([(await store.active())!.hash])
    // Its parts are gone: the last one alone is refused by name.
    await expect(control.push({ ...last, ...pushed }, 'ada')).rejects.toMatchObject({
      code: 'bad_argument',
      message: expect.stringContaining("part 0 of push 'u1'"),
    })
  })
})
