import { describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { minionOrigin, userOrigin } from '../../src/protocol/origin.ts'
import { ACK_WAIT_MS } from '../../src/protocol/streams.ts'
import { createBundleCompiler } from '../../src/reactor/compiled-bundle.ts'
import { keptLog } from '../helpers/core.ts'
import { ANY, bundle, deliver, STORED, start, turn } from './dispatching.ts'

describe('an event that no rule wants', () => {
  it('is acked and never read', async () => {
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

  it('is acked where its tag matches and the conditions do not hold', async () => {
    const { dispatcher, sent } = start(
      'on: my/*\nwhen: { all: [{ fact: data, path: $.n, operator: equal, value: 2 }] }\ndo: runner.test.arg\n',
    )
    const { delivery, settled } = deliver({ data: { n: 1 } })
    dispatcher.handle(delivery)
    await turn()
    expect(settled.items).toEqual(['ack'])
    expect(sent.items).toEqual([])
  })
})

describe('a matching rule', () => {
  it('has its reaction stored under the id of the event and the rule, and the event is acked after that', async () => {
    const { dispatcher, sent } = start(ANY)
    const { delivery, settled } = deliver()
    dispatcher.handle(delivery)
    await turn()
    const [reaction] = sent.items
    expect(reaction).toMatchObject({
      subject: 'reactor.reaction.fast.any',
      id: 'event-1/any',
      body: {
        rule: 'any',
        bundle: 'b1',
        reactions: [
          {
            event: { id: 'event-1', tag: 'my/tag', origin: '_user-root', seq: 7, storedMs: STORED, hops: 0 },
            actions: [{ kind: 'runner', fun: 'test.arg', arg: [1], kwarg: {} }],
          },
        ],
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
    await turn()
    expect(sent.items.map(({ id }) => id).sort()).toEqual(['event-1/one', 'event-1/two'])
    sent.items[0]!.store()
    await turn()
    expect(settled.items).toEqual([])
    sent.items[1]!.store()
    expect(await settled.reach(1)).toEqual(['ack'])
  })

  it('sees the grains of the minion, and Salt’s stamp in the data', async () => {
    const { dispatcher, sent } = start(
      'rule: g\non: my/*\nwhen: { all: [{ fact: minion, path: $.os, operator: equal, value: Debian }] }\ndo:\n  - runner.test.arg: ["{{ minion.os }}", "{{ data._stamp }}", "{{ data.id }}"]\n',
      { grains: { web1: { os: 'Debian' } } },
    )
    const { delivery } = deliver({ origin: minionOrigin('web1'), data: { id: 'web2' } })
    dispatcher.handle(delivery)
    await turn()
    expect(sent.items[0]!.body.reactions[0]!.actions[0]!.arg).toEqual(['Debian', '2026-11-20T09:18:20.838387', 'web1'])
    const unknown = deliver({ origin: minionOrigin('web9') })
    dispatcher.handle(unknown.delivery)
    await turn()
    expect(unknown.settled.items).toEqual(['ack'])
  })

  it('of an event without an id names it by its sequence and the time of its storing', async () => {
    const { dispatcher, sent } = start(ANY)
    dispatcher.handle(deliver({ headers: {} }).delivery)
    await turn()
    expect(sent.items[0]!.id).toBe(`seq-7-${STORED}/any`)
  })

  it('has its event delivered again when its reaction cannot be stored', async () => {
    const { dispatcher, sent, lines } = start(ANY)
    const { delivery, settled } = deliver()
    dispatcher.handle(delivery)
    await turn()
    sent.items[0]!.refuse()
    expect(await settled.reach(1)).toEqual(['retry'])
    expect(lines.items.at(-1)).toMatchObject({ tag: 'my/tag', event: 'event-1', error: 'the store is full' })
    // Under the same id, so that a stored one is a duplicate.
    dispatcher.handle(delivery)
    await turn()
    expect(sent.items.map(({ id }) => id)).toEqual(['event-1/any', 'event-1/any'])
  })

  it('is told of once with all that come again meanwhile, and once when reactions are stored again', async () => {
    const { dispatcher, sent, lines } = start(ANY)
    const outcome = async (settle: 'refuse' | 'store') => {
      const { delivery, settled } = deliver()
      dispatcher.handle(delivery)
      await turn()
      sent.items.at(-1)![settle]()
      await settled.reach(1)
    }
    for (const settle of ['store', 'refuse', 'refuse', 'refuse', 'store', 'store', 'refuse'] as const)
      await outcome(settle)
    expect(lines.items.map(({ msg, times }) => (times ? `${times} ${msg}` : msg))).toEqual([
      expect.stringContaining('could not be stored'),
      '3 reactions are stored again',
      expect.stringContaining('could not be stored'),
    ])
  })

  it('is parked when its reaction is larger than any message may be, and not tried for ever', async () => {
    const { dispatcher, sent } = start(ANY)
    const { delivery, settled } = deliver()
    dispatcher.handle(delivery)
    await sent.reach(1)
    sent.items[0]!.refuse(new ReactorError('bad_event', '1100000 bytes are more than a message may have'))
    await sent.reach(2)
    expect(sent.items[1]).toMatchObject({
      subject: 'reactor.parked.event-1.any',
      id: 'parked/event-1/any',
      body: { key: 'event-1/any', reason: expect.stringContaining('1100000 bytes are more') },
    })
    sent.items[1]!.store()
    await sent.reach(3)
    expect(sent.items[2]).toMatchObject({
      subject: 'reactor.done.r1',
      body: { decisions: [{ key: 'event-1/any', rule: 'any', event: 'event-1', tag: 'my/tag', state: 'parked' }] },
    })
    expect(settled.items).toEqual([])
    sent.items[2]!.store()
    expect(await settled.reach(1)).toEqual(['ack'])
    expect(dispatcher.stats()).toMatchObject({ parked: new Map([['any', 1]]), inFlight: 0 })
  })
})

describe('a template that fails', () => {
  const TWO =
    'rule: bad\non: my/*\ndo:\n  - runner.test.arg: ["{{ data.missing.deep }}"]\n---\nrule: good\non: my/*\ndo: runner.test.arg\n'

  it('parks its reaction with the reason, and the other rule fires all the same', async () => {
    const { dispatcher, sent } = start(TWO)
    const { delivery, settled } = deliver()
    dispatcher.handle(delivery)
    await turn()
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
    await turn()
    expect(settled.items).toEqual([])
    parked.store()
    const entry = await sent.find(({ subject }) => subject === 'reactor.done.r1', 'the entry in the ledger')
    expect(entry.body.decisions).toEqual([expect.objectContaining({ key: 'event-1/bad', state: 'parked', jids: [] })])
    expect(settled.items).toEqual([])
    entry.store()
    expect(await settled.reach(1)).toEqual(['ack'])
  })

  it('is parked under the same id when its event is delivered again, so that it is stored once', async () => {
    const { dispatcher, sent } = start(TWO)
    const { delivery } = deliver()
    dispatcher.handle(delivery)
    await turn()
    dispatcher.handle(delivery)
    await turn()
    const ids = sent.items.filter(({ subject }) => subject.startsWith('reactor.parked.')).map(({ id }) => id)
    expect(ids).toEqual(['parked/event-1/bad', 'parked/event-1/bad'])
  })
})

describe('an event that is not to be acted on', () => {
  it('because its minion speaks of what is not its own: nothing happens, and it is said', async () => {
    const { dispatcher, sent, lines } = start('rule: r\non: salt/**\ndo: runner.test.arg\n')
    for (const tag of ['salt/key', 'salt/minion/web2/start', 'salt/job/20261120091820838387/ret/web2']) {
      const { delivery, settled } = deliver({ tag, origin: minionOrigin('web1'), data: { id: 'web2' } })
      dispatcher.handle(delivery)
      await turn()
      expect(settled.items, tag).toEqual(['ack'])
      expect(lines.items.at(-1), tag).toMatchObject({ tag, origin: 'web1' })
    }
    expect(sent.items).toEqual([])
    const own = deliver({ tag: 'salt/minion/web1/start', origin: minionOrigin('web1') })
    dispatcher.handle(own.delivery)
    await turn()
    expect(sent.items).toHaveLength(1)
  })

  it('because an operator speaks of the audit record', async () => {
    const { dispatcher, sent, lines } = start('rule: r\non: salt/**\ndo: runner.test.arg\n')
    const { delivery, settled } = deliver({ tag: 'salt/audit/login', origin: userOrigin('ann') })
    dispatcher.handle(delivery)
    await turn()
    expect(settled.items).toEqual(['ack'])
    expect(lines.items.at(-1)).toMatchObject({ msg: expect.stringContaining('its operator speaks of what is not') })
    expect(sent.items).toEqual([])
    dispatcher.handle(deliver({ tag: 'salt/auth', origin: userOrigin('ann') }).delivery)
    await turn()
    expect(sent.items).toHaveLength(1)
  })

  it.each([
    ['no JSON', '{"tag": '],
    ['no map', '[1]'],
    ['no map in its data', '{"data": 5}'],
  ])('because it is %s: it is acked and logged', async (_what, text) => {
    const { dispatcher, sent, lines } = start('rule: r\non: "**"\ndo: runner.test.arg\n')
    const { delivery, settled } = deliver({ text })
    dispatcher.handle(delivery)
    await turn()
    expect(settled.items).toEqual(['ack'])
    expect(lines.items.at(-1)).toMatchObject({ seq: 7, problem: expect.any(String) })
    expect(sent.items).toEqual([])
  })
})

describe('the bundle in force', () => {
  it('is replaced by the next one, whose hash its reactions then carry', async () => {
    const { dispatcher, use, sent } = start(ANY)
    use('b2', 'rule: next\non: my/*\ndo: runner.test.arg\n')
    dispatcher.handle(deliver().delivery)
    await turn()
    expect(sent.items.map(({ body }) => [body.rule, body.bundle])).toEqual([['next', 'b2']])
  })

  it('stays when the next one does not compile here', () => {
    const { log, lines } = keptLog()
    const broken = bundle('b2', ANY)
    broken.rules[0] = { ...broken.rules[0]!, when: { all: [{ fact: 'data', operator: 'younger', value: 1 }] } }
    const compile = createBundleCompiler(log)
    expect(compile(broken)).toBeUndefined()
    expect(lines.items.at(-1)).toMatchObject({ bundle: 'b2', error: expect.stringContaining('rules.yaml:1') })
    expect(compile(bundle('b3', ANY))?.entries.map(({ rule }) => rule.rule)).toEqual(['any'])
  })
})

it('a reaction is given up before its event comes again by itself: publishes that wait do not pile up', async () => {
  const { dispatcher, sent } = start(ANY)
  dispatcher.handle(deliver().delivery)
  await turn()
  expect(sent.items[0]!.deadlineMs).toBeLessThan(ACK_WAIT_MS)
})
