import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBucket } from '../../../src/bus/bucket.ts'
import { provisionStreams } from '../../../src/bus/provision.ts'
import { bucketNames, DEFAULT_LIMITS, streamNames } from '../../../src/protocol/streams.ts'
import { readWindowHead } from '../../../src/protocol/window-head.ts'
import { type Core, openCore } from '../../helpers/core.ts'
import { startTestServer, type TestServer } from '../../helpers/server.ts'
import { createSeen } from '../../helpers/wait.ts'
import { bundleOf, decideUpTo, follow, startReactor } from './reactors.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const openWindows = (core: Core) => openBucket(core.nc, bucketNames(core.ns).windows, { replicas: 1 })

/** The first head that fits, as it is saved. */
async function headThat(core: Core, fits: (seq: number, rules: string[]) => boolean) {
  const heads = createSeen<{ seq: number; rules: string[] }>()
  const watch = await (await openWindows(core)).watch({ key: '0' })
  void (async () => {
    for await (const entry of watch) {
      if (entry.operation !== 'PUT') continue
      const { seq, rules } = readWindowHead(entry.json())
      heads.push({ seq, rules: Object.keys(rules) })
    }
  })()
  const found = await heads.find(({ seq, rules }) => fits(seq, rules), 'the checkpoint')
  watch.stop()
  return found
}

const KINDS = `
rule: throttled
on: t/*
throttle: { once_within: 1h, by: "{{ data.k }}" }
do:
  - runner.test.arg: ["{{ data.n }}"]
---
rule: waited
on: w/*
throttle: { once_after: 300ms }
do:
  - runner.test.arg: ["{{ data.n }}"]
---
rule: counted
on: c/*
count: { at_least: 3, within: 1m, by: "{{ data.k }}" }
do:
  - runner.test.arg: ["{{ window.key }}", "{{ window.count }}", "{{ data.n }}"]
---
rule: all
all_of:
  within: 1m
  events:
    - { name: up, on: up/* }
    - { name: down, on: down/*, when: { all: [{ fact: data, path: $.n, operator: greaterThan, value: 1 }] } }
do:
  - runner.test.arg: ["{{ window.events | map(attribute='tag') | list }}"]
---
rule: missed
on: begin/*
absent: { for: 300ms, until: end/*, by: "{{ data.k }}" }
do:
  - runner.test.arg: ["{{ window.key }}"]
---
rule: grouped
on: g/*
group: { for: 300ms }
do:
  - runner.test.arg: ["{{ window.count }}", "{{ window.events | map(attribute='data.n') | list }}"]
`

describe('stateful rules', () => {
  it('of every kind fire as they say, and what they collect is recorded', async () => {
    const core = await openCore(server)
    const seen = await follow(core)
    const reactor = await startReactor(core, server.url)
    reactor.windows.use(bundleOf('b1', KINDS))
    await reactor.leads()
    // All in one go, so that nothing is over between them, however busy the machine is.
    const events: [tag: string, data: Record<string, unknown>][] = [
      ['t/1', { k: 'a', n: 1 }],
      ['t/2', { k: 'a', n: 2 }],
      ['t/3', { k: 'b', n: 3 }],
      ...[1, 2, 3].map((n): [string, { k: string; n: number }] => [`c/${n}`, { k: 'x', n }]),
      ['down/0', { n: 1 }],
      ['down/1', { n: 2 }],
      ['up/1', {}],
      ['begin/1', { k: 'p' }],
      ['begin/1', { k: 'q' }],
      ['end/1', { k: 'p' }],
      ...[1, 2, 3].map((n): [string, { n: number }] => [`g/${n}`, { n }]),
      ...[1, 2, 3].map((n): [string, { n: number }] => [`w/${n}`, { n }]),
      ['no/rule', {}],
    ]
    await Promise.all(events.map(([tag, data]) => core.fire(tag, data)))
    const reactions = await seen.reactions.reach(7)
    const of = (name: string) => reactions.filter(({ rule }) => rule === name).map(({ args }) => args)
    expect(of('throttled')).toEqual([[1], [3]])
    expect(of('counted')).toEqual([['x', 3, 3]])
    expect(of('all')).toEqual([[['up/1', 'down/1']]])
    expect(of('missed')).toEqual([['q']])
    expect(of('grouped')).toEqual([[3, [1, 2, 3]]])
    expect(of('waited')).toEqual([[3]])
    const suppressed = await seen.suppressed.reach(10)
    expect([...suppressed].sort()).toEqual(
      [
        'throttled throttle t/2',
        'counted window c/1',
        'counted window c/2',
        'all window down/1',
        'missed window begin/1',
        'missed window end/1',
        'grouped window g/2',
        'grouped window g/3',
        'waited throttle w/2',
        'waited throttle w/3',
      ].sort(),
    )
    expect(reactor.windows.stats().keys.get('throttled')).toBe(2)
  })

  it('go on in their modes: off is recorded, shadow says what would be', async () => {
    const core = await openCore(server)
    const seen = await follow(core)
    const reactor = await startReactor(core, server.url)
    const counting = (rule: string, mode: string) =>
      `rule: ${rule}\non: c/*\nmode: ${mode}\ncount: { at_least: 2, within: 1m }\ndo:\n  - runner.test.arg: [1]\n`
    const text = ['live', 'shadow', 'off'].map(mode => counting(mode, mode)).join('---\n')
    reactor.windows.use(bundleOf('b1', `${text}---\n${counting('switched', 'live')}`, ['switched']))
    await reactor.leads()
    for (let n = 1; n <= 2; n++) await core.fire(`c/${n}`, {})
    const suppressed = await seen.suppressed.reach(7)
    expect([...suppressed].sort()).toEqual(
      [
        'live window c/1',
        'shadow window c/1',
        'shadow shadow c/2',
        ...['off', 'switched'].flatMap(rule => [`${rule} window c/1`, `${rule} off c/2`]),
      ].sort(),
    )
    expect((await seen.reactions.reach(1)).map(({ rule }) => rule)).toEqual(['live'])
  })

  it('expect their events of each minion that is known', async () => {
    const core = await openCore(server)
    const seen = await follow(core)
    const minions = new Set(['web1'])
    const reactor = await startReactor(core, server.url, { minions: () => minions })
    const text = 'rule: silent\non: beacon/*\nabsent: { for: 300ms, of: minions, by: "{{ data.id }}" }\n'
    reactor.windows.use(bundleOf('b1', `${text}do:\n  - runner.test.arg: ["{{ data.id }}", "{{ origin }}"]\n`))
    await seen.reactions.reach(1)
    minions.add('web2')
    const reactions = await seen.reactions.reach(2)
    expect(reactions.map(({ args }) => args)).toEqual([
      ['web1', 'web1'],
      ['web2', 'web2'],
    ])
    expect(reactions[0]!.key).toMatch(/^seq-absent\.silent\.web1\.\d{13}\/silent$/)
  })

  it('whose key cannot be made of an event park it, and go on', async () => {
    const core = await openCore(server)
    const seen = await follow(core)
    const reactor = await startReactor(core, server.url)
    const text = 'rule: keyed\non: k/*\ncount: { at_least: 2, within: 1m, by: "{{ data.a.b }}" }\n'
    reactor.windows.use(bundleOf('b1', `${text}do:\n  - runner.test.arg: ["{{ window.key }}"]\n`))
    await reactor.leads()
    const parked = createSeen<string>()
    core.nc.subscribe(`${core.ns}.decision.parked.>`, {
      callback: (_error, message) => parked.push(message.json<{ reason: string }>().reason),
    })
    await core.fire('k/1', {})
    for (let n = 2; n <= 3; n++) await core.fire(`k/${n}`, { a: { b: 'x' } })
    expect((await parked.reach(1))[0]).toContain('data.a.b')
    expect((await seen.reactions.reach(1))[0]!.args).toEqual(['x'])
  })

  it('raise an alarm where there are more keys than are kept', async () => {
    const core = await openCore(server)
    const reactor = await startReactor(core, server.url, { maxKeys: 2 })
    const text = 'rule: many\non: k/*\ncount: { at_least: 2, within: 1m, by: "{{ data.n }}" }\ndo: runner.test.arg\n'
    reactor.windows.use(bundleOf('b1', text))
    for (let n = 1; n <= 3; n++) await core.fire('k/1', { n })
    expect((await reactor.alarmed.reach(1))[0]).toBe('window_keys many')
    expect(reactor.windows.stats()).toMatchObject({ keys: new Map([['many', 2]]), dropped: new Map([['many', 1]]) })
  })
})

const TENS = 'rule: tens\non: n/*\ncount: { at_least: 10, within: 1h }\ndo:\n  - runner.test.arg: ["{{ data.n }}"]\n'
const ABSENT = 'rule: gone\non: a/*\nabsent: { for: 3s }\ndo:\n  - runner.test.arg: ["{{ data.n }}"]\n'

describe('when the leader dies', () => {
  it('another goes on: nothing is lost, and nothing is named anew', async () => {
    const core = await openCore(server)
    const seen = await follow(core)
    const reactors = [await startReactor(core, server.url), await startReactor(core, server.url)]
    const bundle = bundleOf('b1', TENS)
    reactors[0]!.windows.use(bundle)
    await reactors[0]!.leads()
    reactors[1]!.windows.use(bundle)
    const fire = async (from: number, to: number) => {
      for (let n = from; n < to; n += 100)
        await Promise.all(Array.from({ length: 100 }, (_, k) => core.fire('n/1', { n: n + k })))
    }
    await fire(0, 1000)
    await headThat(core, seq => seq >= 500)
    await fire(1000, 2000)
    await reactors[0]!.cut()
    await fire(2000, 3100)
    await reactors[1]!.leads()
    await seen.keys.reach(310)
    // Every tenth in the order in which they were stored: whoever folds them comes to the same.
    const expected = core.events.items
      .filter(({ tag }) => tag === 'n/1')
      .filter((_, index) => index % 10 === 9)
      .map(({ id }) => `${id}/tens`)
    const named = seen.keys.items.map(key => key.replace(/@\d+\//, '/'))
    expect(named.sort()).toEqual(expected.sort())
  })

  it('an absence fires once, whoever died, and though it was over when nobody led', async () => {
    const core = await openCore(server)
    const seen = await follow(core)
    const first = await startReactor(core, server.url)
    const bundle = bundleOf('b1', ABSENT)
    first.windows.use(bundle)
    await first.leads()
    await core.fire('a/1', { n: 1 })
    await headThat(core, seq => seq === 1)
    await first.cut()
    const second = await startReactor(core, server.url)
    second.windows.use(bundle)
    const third = await startReactor(core, server.url)
    third.windows.use(bundle)
    await seen.reactions.reach(1)
    await core.fire('a/2', { n: 2 })
    await seen.reactions.reach(2)
    expect(seen.reactions.items.map(({ args }) => args)).toEqual([[1], [2]])
    expect(second.windows.stats().led + third.windows.stats().led).toBe(1)
  })

  it('what is large is taken up again as well', async () => {
    const core = await openCore(server)
    const seen = await follow(core)
    const bundle = bundleOf(
      'b1',
      'rule: big\non: n/*\ngroup: { for: 1h, most: 20 }\ndo:\n  - runner.test.arg: ["{{ window.events | length }}", "{{ window.count }}"]\n',
    )
    const first = await startReactor(core, server.url)
    first.windows.use(bundle)
    for (let n = 0; n < 10; n++) await core.fire('n/1', { n, text: 'é'.repeat(20_000) })
    await headThat(core, seq => seq === 10)
    const keys: string[] = []
    for await (const key of await (await openWindows(core)).keys('0.>')) keys.push(key)
    expect(keys.length).toBeGreaterThan(1)
    await first.windows.stop()
    const second = await startReactor(core, server.url)
    second.windows.use(bundle)
    await second.leads()
    for (let n = 10; n < 20; n++) await core.fire('n/1', { n, text: '' })
    expect((await seen.reactions.reach(1))[0]!.args).toEqual([20, 20])
    await headThat(core, seq => seq === 20)
  })
})

describe('the rules of the next bundle', () => {
  it('begin where the dispatchers are, go on where they are the same, and begin anew where they are others', async () => {
    const core = await openCore(server)
    const seen = await follow(core)
    const fire = async (count: number) => {
      for (let n = 0; n < count; n++) await core.fire('n/1', { n })
    }
    const counting = (rule: string, atLeast: number) =>
      `rule: ${rule}\non: n/*\ncount: { at_least: ${atLeast}, within: 1h }\ndo:\n  - runner.test.arg: ["{{ data.n }}"]\n`
    await fire(4)
    await decideUpTo(core, 4)
    const reactor = await startReactor(core, server.url)
    reactor.windows.use(bundleOf('b1', `${counting('same', 5)}---\n${counting('other', 5)}`))
    await fire(4)
    await headThat(core, seq => seq === 8)
    // The new one has what no dispatcher has decided on: the last four.
    reactor.windows.use(bundleOf('b2', [counting('same', 5), counting('other', 6), counting('new', 5)].join('---\n')))
    await headThat(core, (_seq, rules) => rules.includes('new'))
    await fire(1)
    const found = await seen.reactions.reach(2)
    expect(found.map(({ rule, bundle }) => `${rule} ${bundle}`).sort()).toEqual(['new b2', 'same b2'])
    await fire(1)
    expect((await seen.reactions.reach(3))[2]).toMatchObject({ rule: 'other', bundle: 'b2' })
  })

  it('leave nothing behind of those that are gone', async () => {
    const core = await openCore(server)
    const reactor = await startReactor(core, server.url)
    reactor.windows.use(bundleOf('b1', `${TENS}---\n${ABSENT}`))
    await core.fire('n/1', { n: 1 })
    await headThat(core, (seq, rules) => seq >= 1 && rules.length === 2)
    reactor.windows.use(bundleOf('b2', TENS))
    await headThat(core, (_seq, rules) => rules.length === 1)
    reactor.windows.use(bundleOf('b3', 'rule: plain\non: n/*\ndo: runner.test.arg\n'))
    await reactor.lines.find(({ msg }) => msg === 'no stateful rules are left', 'the end of its lead')
    expect((await (await openWindows(core)).get('0'))?.operation).not.toBe('PUT')
    expect(reactor.windows.stats().led).toBe(0)
  })

  it('clear what was left by reactors that do not run any more', async () => {
    const core = await openCore(server)
    const first = await startReactor(core, server.url)
    first.windows.use(bundleOf('b1', TENS))
    await core.fire('n/1', { n: 1 })
    await headThat(core, seq => seq === 1)
    await first.windows.stop()
    const bucket = await openWindows(core)
    const gone = createSeen<string>()
    const watch = await bucket.watch({ key: '0' })
    void (async () => {
      for await (const { operation } of watch) gone.push(operation)
    })()
    const second = await startReactor(core, server.url)
    second.windows.use(bundleOf('b2', 'rule: plain\non: n/*\ndo: runner.test.arg\n'))
    await gone.find(operation => operation !== 'PUT', 'the head to be gone')
    watch.stop()
  })
})

it('a stream that is made anew is read from its beginning, and what was counted counts on', async () => {
  const core = await openCore(server)
  const seen = await follow(core)
  const reactor = await startReactor(core, server.url)
  reactor.windows.use(bundleOf('b1', TENS))
  await reactor.leads()
  for (let n = 0; n < 15; n++) await core.fire('n/1', { n })
  await headThat(core, seq => seq === 15)
  const jsm = await jetstreamManager(core.nc)
  await jsm.streams.delete(streamNames(core.ns).events)
  await provisionStreams(core.nc, core.ns, DEFAULT_LIMITS)
  for (let n = 15; n < 20; n++) await core.fire('n/1', { n })
  const found = await seen.reactions.reach(2)
  expect(found.map(({ args }) => args)).toEqual([[9], [19]])
})
