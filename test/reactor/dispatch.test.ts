import { describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import type { Publisher } from '../../src/bus/publish.ts'
import type { Delivery } from '../../src/bus/raw.ts'
import { MAX_HOPS } from '../../src/protocol/event.ts'
import type { Parked, Reaction } from '../../src/protocol/reaction.ts'
import { minionOrigin, type Origin, userOrigin } from '../../src/protocol/origin.ts'
import { ACK_WAIT_MS } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { createDispatcher } from '../../src/reactor/dispatch.ts'
import { loadRuleText } from '../../src/reactor/rules/load.ts'
import { keptLog } from '../helpers/core.ts'
import { createSeen } from '../helpers/wait.ts'

const subjects = createSubjects('reactor')
const STORED = Date.UTC(2026, 10, 20, 9, 18, 20, 838)
const ANY = 'rule: any\non: my/*\ndo:\n  - runner.test.arg: ["{{ data.n }}"]\n'

interface Sent {
  subject: string
  body: Reaction & Parked
  id: string
  /** How long the publish waits for its answer, milliseconds. */
  deadlineMs: number | undefined
  /** The stream's answer. */
  store(): void
  refuse(error?: Error): void
}

/** A dispatcher on rules, with a publisher whose answers the test gives. */
function start(rules: string, grains: Record<string, Record<string, unknown>> = {}) {
  const sent = createSeen<Sent>()
  const { log, lines } = keptLog()
  const publisher: Publisher = {
    publish: (subject, body, options) =>
      new Promise((resolve, reject) =>
        sent.push({
          subject,
          body: JSON.parse(String(body)),
          id: options?.id ?? options?.headers?.get('Nats-Msg-Id') ?? '',
          deadlineMs: options?.deadlineMs,
          store: () => resolve({ seq: 1, duplicate: false }),
          refuse: (error = new ReactorError('store_refused', 'the store is full')) => reject(error),
        }),
      ),
    pending: () => 0,
    stop: () => undefined,
  }
  const dispatcher = createDispatcher({ subjects, publisher, grainsOf: id => grains[id], log })
  dispatcher.use(bundle('b1', rules))
  return { dispatcher, sent, lines }
}

function bundle(hash: string, text: string) {
  const { rules, problems } = loadRuleText('rules.yaml', text)
  expect(problems).toEqual([])
  return { hash, rules }
}

interface Given {
  tag?: string
  origin?: Origin
  data?: unknown
  text?: string
  headers?: Record<string, string>
}

/** One stored event, and what becomes of its delivery: `ack` or `retry`, each time. */
function deliver({ tag = 'my/tag', origin = userOrigin('root'), data = { n: 1 }, text, headers }: Given = {}) {
  const settled = createSeen<'ack' | 'retry'>()
  const all: Record<string, string> = headers ?? { 'Nats-Msg-Id': 'event-1' }
  const subject = subjects.event(origin, tag)
  const delivery: Delivery = {
    subject,
    text: () => text ?? JSON.stringify({ tag, data, _stamp: '2026-11-20T09:18:20.838387' }),
    header: name => all[name],
    storedMs: STORED,
    seq: 7,
    ack: () => settled.push('ack'),
    retry: () => settled.push('retry'),
  }
  return { delivery, settled }
}

describe('an event that no rule wants', () => {
  it('is acked and never read', () => {
    const { dispatcher, sent } = start(ANY)
    const { delivery, settled } = deliver({ tag: 'other/tag' })
    dispatcher.handle({
      ...delivery,
      text: () => {
        throw new Error('it was read')
      },
    })
    expect(settled.items).toEqual(['ack'])
    expect(sent.items).toEqual([])
  })

  it('is acked where its tag matches and the conditions do not hold', () => {
    const { dispatcher, sent } = start(
      'on: my/*\nwhen: { all: [{ fact: data, path: $.n, operator: equal, value: 2 }] }\ndo: runner.test.arg\n',
    )
    const { delivery, settled } = deliver({ data: { n: 1 } })
    dispatcher.handle(delivery)
    expect(settled.items).toEqual(['ack'])
    expect(sent.items).toEqual([])
  })
})

describe('a matching rule', () => {
  it('has its reaction stored under the id of the event and the rule, and the event is acked after that', async () => {
    const { dispatcher, sent } = start(ANY)
    const { delivery, settled } = deliver()
    dispatcher.handle(delivery)
    const [reaction] = sent.items
    expect(reaction).toMatchObject({
      subject: 'reactor.reaction.fast.any',
      id: 'event-1/any',
      body: {
        rule: 'any',
        bundle: 'b1',
        event: { id: 'event-1', tag: 'my/tag', origin: '_user-root', seq: 7, storedMs: STORED, hops: 0 },
        actions: [{ kind: 'runner', fun: 'test.arg', arg: [1], kwarg: {} }],
      },
    })
    await Promise.resolve()
    expect(settled.items).toEqual([])
    reaction!.store()
    expect(await settled.reach(1)).toEqual(['ack'])
  })

  it('waits for the other: one ack after both are stored', async () => {
    const { dispatcher, sent } = start(
      `rule: one\non: my/*\ndo: runner.test.arg\n---\nrule: two\non: "**"\ndo: runner.test.arg\n`,
    )
    const { delivery, settled } = deliver()
    dispatcher.handle(delivery)
    expect(sent.items.map(({ id }) => id).sort()).toEqual(['event-1/one', 'event-1/two'])
    sent.items[0]!.store()
    await new Promise(resolve => setImmediate(resolve))
    expect(settled.items).toEqual([])
    sent.items[1]!.store()
    expect(await settled.reach(1)).toEqual(['ack'])
  })

  it('sees the grains of the minion, and Salt’s stamp in the data', async () => {
    const { dispatcher, sent } = start(
      'rule: g\non: my/*\nwhen: { all: [{ fact: minion, path: $.os, operator: equal, value: Debian }] }\ndo:\n  - runner.test.arg: ["{{ minion.os }}", "{{ data._stamp }}", "{{ data.id }}"]\n',
      { web1: { os: 'Debian' } },
    )
    const { delivery } = deliver({ origin: minionOrigin('web1'), data: { id: 'web2' } })
    dispatcher.handle(delivery)
    expect(sent.items[0]!.body.actions[0]!.arg).toEqual(['Debian', '2026-11-20T09:18:20.838387', 'web1'])
    const unknown = deliver({ origin: minionOrigin('web9') })
    dispatcher.handle(unknown.delivery)
    expect(unknown.settled.items).toEqual(['ack'])
  })

  it('of an event without an id names it by its sequence and the time of its storing', () => {
    const { dispatcher, sent } = start(ANY)
    dispatcher.handle(deliver({ headers: {} }).delivery)
    expect(sent.items[0]!.id).toBe(`seq-7-${STORED}/any`)
  })

  it('has its event delivered again when its reaction cannot be stored', async () => {
    const { dispatcher, sent, lines } = start(ANY)
    const { delivery, settled } = deliver()
    dispatcher.handle(delivery)
    sent.items[0]!.refuse()
    expect(await settled.reach(1)).toEqual(['retry'])
    expect(lines.items.at(-1)).toMatchObject({ tag: 'my/tag', event: 'event-1', error: 'the store is full' })
    // Under the same id, so that a stored one is a duplicate.
    dispatcher.handle(delivery)
    expect(sent.items.map(({ id }) => id)).toEqual(['event-1/any', 'event-1/any'])
  })

  it('is parked when its reaction is larger than any message may be, and not tried for ever', async () => {
    const { dispatcher, sent } = start(ANY)
    const { delivery, settled } = deliver()
    dispatcher.handle(delivery)
    sent.items[0]!.refuse(new ReactorError('bad_event', '1100000 bytes are more than a message may have'))
    await sent.reach(2)
    sent.items[1]!.refuse(new ReactorError('bad_event', '1100000 bytes are more than a message may have'))
    await sent.reach(3)
    expect(sent.items[2]).toMatchObject({
      subject: 'reactor.parked.event-1.any',
      id: 'parked/event-1/any',
      body: { key: 'event-1/any', reason: expect.stringContaining('1100000 bytes are more') },
    })
    expect(settled.items).toEqual([])
    sent.items[2]!.store()
    expect(await settled.reach(1)).toEqual(['ack'])
  })
})

describe('a template that fails', () => {
  const TWO =
    'rule: bad\non: my/*\ndo:\n  - runner.test.arg: ["{{ data.missing.deep }}"]\n---\nrule: good\non: my/*\ndo: runner.test.arg\n'

  it('parks its reaction with the reason, and the other rule fires all the same', async () => {
    const { dispatcher, sent } = start(TWO)
    const { delivery, settled } = deliver()
    dispatcher.handle(delivery)
    const parked = sent.items.find(({ subject }) => subject === 'reactor.parked.event-1.bad')!
    expect(parked.body).toMatchObject({
      key: 'event-1/bad',
      reason: expect.stringMatching(/rule 'bad', do\[0\] runner\.test\.arg.*data\.missing/),
      reaction: { rule: 'bad', bundle: 'b1', event: { id: 'event-1', tag: 'my/tag' } },
    })
    expect(parked.body.reaction).not.toHaveProperty('actions')
    const fired = sent.items.find(({ id }) => id === 'event-1/good')!
    expect(fired.subject).toBe('reactor.reaction.fast.good')
    fired.store()
    await new Promise(resolve => setImmediate(resolve))
    expect(settled.items).toEqual([])
    parked.store()
    expect(await settled.reach(1)).toEqual(['ack'])
  })

  it('is parked under the same id when its event is delivered again, so that it is stored once', () => {
    const { dispatcher, sent } = start(TWO)
    const { delivery } = deliver()
    dispatcher.handle(delivery)
    dispatcher.handle(delivery)
    const ids = sent.items.filter(({ subject }) => subject.startsWith('reactor.parked.')).map(({ id }) => id)
    expect(ids).toEqual(['parked/event-1/bad', 'parked/event-1/bad'])
  })
})

describe('an event that is not to be acted on', () => {
  it('because its minion speaks of what is not its own: nothing happens, and it is said', () => {
    const { dispatcher, sent, lines } = start('rule: r\non: salt/**\ndo: runner.test.arg\n')
    for (const tag of ['salt/key', 'salt/minion/web2/start', 'salt/job/20261120091820838387/ret/web2']) {
      const { delivery, settled } = deliver({ tag, origin: minionOrigin('web1'), data: { id: 'web2' } })
      dispatcher.handle(delivery)
      expect(settled.items, tag).toEqual(['ack'])
      expect(lines.items.at(-1), tag).toMatchObject({ tag, origin: 'web1' })
    }
    expect(sent.items).toEqual([])
    const own = deliver({ tag: 'salt/minion/web1/start', origin: minionOrigin('web1') })
    dispatcher.handle(own.delivery)
    expect(sent.items).toHaveLength(1)
  })

  it('because an operator speaks of the audit record', () => {
    const { dispatcher, sent, lines } = start('rule: r\non: salt/**\ndo: runner.test.arg\n')
    const { delivery, settled } = deliver({ tag: 'salt/audit/login', origin: userOrigin('ann') })
    dispatcher.handle(delivery)
    expect(settled.items).toEqual(['ack'])
    expect(lines.items.at(-1)).toMatchObject({ msg: expect.stringContaining('its operator speaks of what is not') })
    expect(sent.items).toEqual([])
    dispatcher.handle(deliver({ tag: 'salt/auth', origin: userOrigin('ann') }).delivery)
    expect(sent.items).toHaveLength(1)
  })

  it.each([
    ['no JSON', '{"tag": '],
    ['no map', '[1]'],
    ['no map in its data', '{"data": 5}'],
  ])('because it is %s: it is acked and logged', (_what, text) => {
    const { dispatcher, sent, lines } = start('rule: r\non: "**"\ndo: runner.test.arg\n')
    const { delivery, settled } = deliver({ text })
    dispatcher.handle(delivery)
    expect(settled.items).toEqual(['ack'])
    expect(lines.items.at(-1)).toMatchObject({ seq: 7, problem: expect.any(String) })
    expect(sent.items).toEqual([])
  })

  it('because rules trigger each other: the chain is cut', () => {
    const { dispatcher, sent, lines } = start(ANY)
    const hops = (n: number) => deliver({ headers: { 'Nats-Msg-Id': 'e', 'Reactor-Hops': String(n) } })
    dispatcher.handle(hops(MAX_HOPS - 1).delivery)
    expect(sent.items).toHaveLength(1)
    const last = hops(MAX_HOPS)
    dispatcher.handle(last.delivery)
    expect(last.settled.items).toEqual(['ack'])
    expect(sent.items).toHaveLength(1)
    expect(lines.items.at(-1)!.msg).toContain('rules seem to trigger each other')
  })
})

describe('the bundle in force', () => {
  it('is replaced by the next one, whose hash its reactions then carry', () => {
    const { dispatcher, sent } = start(ANY)
    dispatcher.use(bundle('b2', 'rule: next\non: my/*\ndo: runner.test.arg\n'))
    dispatcher.handle(deliver().delivery)
    expect(sent.items.map(({ body }) => [body.rule, body.bundle])).toEqual([['next', 'b2']])
  })

  it('stays when the next one does not compile here', () => {
    const { dispatcher, sent, lines } = start(ANY)
    const broken = bundle('b2', ANY)
    broken.rules[0] = { ...broken.rules[0]!, when: { all: [{ fact: 'data', operator: 'younger', value: 1 }] } }
    dispatcher.use(broken)
    expect(lines.items.at(-1)).toMatchObject({ bundle: 'b2', error: expect.stringContaining('rules.yaml:1') })
    dispatcher.handle(deliver().delivery)
    expect(sent.items[0]!.body.bundle).toBe('b1')
  })
})

it('a reaction is given up before its event comes again by itself: publishes that wait do not pile up', () => {
  const { dispatcher, sent } = start(ANY)
  dispatcher.handle(deliver().delivery)
  expect(sent.items[0]!.deadlineMs).toBeLessThan(ACK_WAIT_MS)
})
