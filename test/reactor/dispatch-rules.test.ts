import { describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { MAX_HOPS } from '../../src/protocol/event.ts'
import { minionOrigin, serviceOrigin } from '../../src/protocol/origin.ts'
import type { LookUp } from '../../src/reactor/facts/lookup.ts'
import { ANY, deliver, start, turn } from './dispatching.ts'

const rule = (name: string, more = '') => `rule: ${name}\non: my/*\n${more}do: runner.test.arg\n`
const rules = (...all: string[]) => all.join('---\n')

describe('rules of one event', () => {
  it('are decided by priority, and one with `stop` keeps it from those below it and not from its equals', async () => {
    const { dispatcher, sent } = start(
      rules(
        rule('low'),
        rule('high', 'priority: 9\n'),
        rule('mid', 'priority: 5\nstop: true\n'),
        rule('equal', 'priority: 5\n'),
      ),
    )
    dispatcher.handle(deliver().delivery)
    await turn()
    expect(sent.items.map(({ body }) => body.rule)).toEqual(['high', 'mid', 'equal'])
  })

  it('go on to those below where the one that stops does not want it, is off, or is in shadow mode', async () => {
    const stop = 'priority: 5\nstop: true\n'
    const never = 'when: { all: [{ fact: data, path: $.n, operator: equal, value: 2 }] }\n'
    for (const more of [`${stop}${never}`, `${stop}mode: off\n`, `${stop}mode: shadow\n`]) {
      const { dispatcher, sent } = start(rules(rule('stops', more), rule('low')))
      dispatcher.handle(deliver().delivery)
      await turn()
      expect(sent.items.map(({ body }) => body.rule).filter(Boolean), more).toEqual(['low'])
    }
  })

  it('leave the windowed ones to the leader, whose `stop` holds all the same', async () => {
    const counting = 'count: { at_least: 2, within: 1m }\n'
    const { dispatcher, sent } = start(rules(rule('counts', `priority: 5\nstop: true\n${counting}`), rule('low')))
    const { delivery, settled } = deliver()
    dispatcher.handle(delivery)
    await turn()
    expect(sent.items).toEqual([])
    expect(settled.items).toEqual(['ack'])
    const other = start(rules(rule('counts', counting), rule('low')))
    other.dispatcher.handle(deliver().delivery)
    await turn()
    expect(other.sent.items.map(({ body }) => body.rule)).toEqual(['low'])
  })
})

describe('a match that asks for nothing', () => {
  it('of a rule that is off, by its mode or by a person, is recorded before the event is acked', async () => {
    for (const [text, off] of [
      [rule('any', 'mode: off\n'), []],
      [ANY, ['any']],
    ] as const) {
      const { dispatcher, sent } = start(text, { off: [...off] })
      const { delivery, settled } = deliver()
      dispatcher.handle(delivery)
      await turn()
      expect(sent.items[0]).toMatchObject({
        subject: 'reactor.done.r1',
        body: {
          worker: 'r1',
          decisions: [],
          suppressed: [{ rule: 'any', reason: 'off', bundle: 'b1', events: [{ id: 'event-1', tag: 'my/tag' }] }],
        },
      })
      expect(sent.items).toHaveLength(1)
      expect(settled.items).toEqual([])
      sent.items[0]!.store()
      expect(await settled.reach(1)).toEqual(['ack'])
      expect(dispatcher.stats()).toMatchObject({ events: 1, wanted: 1, inFlight: 0 })
      expect(dispatcher.stats().suppressed.get('any')?.get('off')).toBe(1)
    }
  })

  it('in shadow mode says what would have been done, secrets left out, or why it would fail', async () => {
    const { dispatcher, sent } = start(
      'rule: one\non: my/*\nmode: shadow\ndo:\n  - local.test.arg: { tgt: "{{ data.id }}", args: ["{{ data.n }}", "a b"], kwargs: { password: x } }\n---\n' +
        'rule: two\non: my/*\nmode: shadow\ndo:\n  - runner.test.arg: ["{{ data.no.such }}"]\n',
    )
    dispatcher.handle(deliver({ data: { id: 'web1', n: 1 } }).delivery)
    await turn()
    const [one, two] = sent.items[0]!.body.suppressed!
    expect(one!.details).toEqual(['local.test.arg web1 1 "a b" password=[redacted]'])
    expect(two!.details![0]).toMatch(/^fails: rule 'two'.*data\.no/)
    expect(sent.items).toHaveLength(1)
  })

  it('because its rule is among the causes of the event: the cycle is recorded, and alarmed', async () => {
    const { dispatcher, sent, alarms } = start(ANY)
    const headers = { 'Nats-Msg-Id': 'e', 'Reactor-Hops': '4', 'Reactor-Chain': 'first,any,other' }
    dispatcher.handle(deliver({ headers }).delivery)
    await turn()
    expect(sent.items[0]!.body.suppressed).toEqual([
      {
        rule: 'any',
        reason: 'loop',
        bundle: 'b1',
        events: [{ id: 'e', tag: 'my/tag' }],
        details: ['any', 'other', 'any'],
      },
    ])
    expect(alarms.items).toEqual([
      {
        kind: 'loop',
        about: 'any',
        data: expect.objectContaining({ rule: 'any', cycle: ['any', 'other', 'any'] }),
      },
    ])
    expect(sent.items).toHaveLength(1)
  })

  it('in shadow mode says so where a fact cannot be looked up, and parks nothing', async () => {
    const lookUp = async () => Promise.reject(new ReactorError('template', 'the inventory is down'))
    const { dispatcher, sent } = start('rule: s\non: my/*\nmode: shadow\ndo:\n  - runner.test.arg: ["{{ load }}"]\n', {
      facts: ['load'],
      lookUp,
    })
    const { delivery, settled } = deliver()
    dispatcher.handle(delivery)
    await sent.reach(1)
    const { subject, body, store } = sent.items[0]!
    expect(subject).toBe('reactor.done.r1')
    expect(body.suppressed).toEqual([expect.objectContaining({ rule: 's', reason: 'shadow' })])
    expect(body.suppressed![0]!.details).toEqual(['fails: the inventory is down'])
    store()
    expect(await settled.reach(1)).toEqual(['ack'])
    expect(sent.items).toHaveLength(1)
  })

  it('because the chain of causes is too long', async () => {
    const { dispatcher, sent } = start(ANY)
    const hops = (n: number) => deliver({ headers: { 'Nats-Msg-Id': 'e', 'Reactor-Hops': String(n) } }).delivery
    dispatcher.handle(hops(MAX_HOPS - 1))
    dispatcher.handle(hops(MAX_HOPS))
    await turn()
    expect(sent.items.map(({ subject }) => subject).sort()).toEqual(['reactor.done.r1', 'reactor.reaction.fast.any'])
    expect(sent.items.find(({ body }) => body.suppressed)!.body.suppressed![0]).toMatchObject({ reason: 'loop' })
  })
})

describe('facts that have to be looked up', () => {
  const LOAD =
    'rule: any\non: my/*\nwhen: { all: [{ fact: load, operator: greaterThan, value: 5 }, { fact: data, path: $.n, operator: equal, value: 1 }] }\ndo:\n  - runner.test.arg: ["{{ load }}"]\n'
  const loads = (...values: (number | Error)[]): { lookUp: LookUp; asked: string[] } => {
    const asked: string[] = []
    return {
      asked,
      lookUp: async lookups => {
        asked.push(...lookups.map(({ fact }) => fact))
        const value = values[asked.length - 1]
        if (value instanceof Error) throw value
        return { own: { load: value } }
      },
    }
  }

  it('are looked up, and then decided and rendered on', async () => {
    const { lookUp } = loads(9, 2)
    const { dispatcher, sent } = start(LOAD, { facts: ['load'], lookUp })
    const [high, low] = [deliver(), deliver()]
    dispatcher.handle(high.delivery)
    await sent.reach(1)
    expect(sent.items[0]!.body.reactions[0]!.actions[0]!.arg).toEqual([9])
    expect(high.settled.items).toEqual([])
    sent.items[0]!.store()
    await high.settled.reach(1)
    dispatcher.handle(low.delivery)
    expect(await low.settled.reach(1)).toEqual(['ack'])
    expect(sent.items).toHaveLength(1)
  })

  it('are not looked up where the conditions fail without them, nor for a rule that is off', async () => {
    const { lookUp, asked } = loads(9)
    const { dispatcher } = start(LOAD, { facts: ['load'], lookUp })
    const { delivery, settled } = deliver({ data: { n: 2 } })
    dispatcher.handle(delivery)
    expect(settled.items).toEqual(['ack'])
    const off = start(LOAD, { facts: ['load'], lookUp, off: ['any'] })
    off.dispatcher.handle(deliver().delivery)
    await turn()
    expect(off.sent.items[0]!.body.suppressed![0]).toMatchObject({ reason: 'off' })
    expect(asked).toEqual([])
  })

  it('park the reaction with the reason where they cannot be', async () => {
    const { lookUp } = loads(new ReactorError('template', "fact 'load' took longer than 1s"))
    const { dispatcher, sent } = start(LOAD, { facts: ['load'], lookUp })
    dispatcher.handle(deliver().delivery)
    await sent.reach(1)
    expect(sent.items[0]).toMatchObject({
      subject: 'reactor.parked.event-1.any',
      body: { reason: "fact 'load' took longer than 1s" },
    })
  })

  it('are looked up for a bounded number of events at once', async () => {
    const open: (() => void)[] = []
    const lookUp: LookUp = () => new Promise(resolve => open.push(() => resolve({ own: { load: 1 } })))
    const { dispatcher } = start(LOAD, { facts: ['load'], lookUp })
    for (let n = 0; n < 100; n++) dispatcher.handle(deliver().delivery)
    await turn()
    expect(open).toHaveLength(64)
    expect(dispatcher.stats().inFlight).toBe(100)
    open[0]!()
    await turn()
    expect(open).toHaveLength(65)
  })
})

describe('a rule with stop', () => {
  const rules = (first: string) =>
    `${first}priority: 1\nstop: true\ndo:\n  - runner.test.arg: ["{{ load }}"]\n---\nrule: below\non: my/*\ndo: runner.test.arg\n`
  it('holds those below it back where its own facts cannot be looked up', async () => {
    const lookUp = async () => Promise.reject(new ReactorError('template', 'no facts'))
    const { dispatcher, sent } = start(rules('rule: first\non: my/*\n'), { facts: ['load'], lookUp })
    dispatcher.handle(deliver().delivery)
    await sent.reach(1)
    expect(sent.items.map(({ subject }) => subject)).toEqual(['reactor.parked.event-1.first'])
  })

  it('lets those below it have what none of its awaited events is', async () => {
    const { dispatcher, sent } = start(
      'rule: both\nall_of:\n  within: 1m\n  events:\n    - { on: my/a, when: { all: [{ fact: data, path: $.n, operator: equal, value: 1 }] } }\n    - { on: my/b }\nstop: true\npriority: 1\ndo: runner.test.arg\n---\nrule: below\non: my/**\ndo: runner.test.arg\n',
    )
    dispatcher.handle(deliver({ tag: 'my/a', data: { n: 2 }, headers: { 'Nats-Msg-Id': 'other' } }).delivery)
    dispatcher.handle(deliver({ tag: 'my/a', data: { n: 1 }, headers: { 'Nats-Msg-Id': 'awaited' } }).delivery)
    await turn()
    expect(sent.items.map(({ id }) => id)).toEqual(['other/below'])
  })
})

describe('on_failure', () => {
  const RULE =
    'rule: fix\non: my/*\ndo: runner.test.arg\non_failure:\n  - local.test.arg: { tgt: "{{ data.id }}", args: ["{{ failure.reason }}", "{{ tag }}"] }\n'
  const failed = {
    rule: 'fix',
    reason: 'it broke',
    attempts: 3,
    jids: ['20261120091820838387'],
    event: {
      id: 'first',
      tag: 'my/tag',
      origin: 'web1',
      stamp: '2026-11-20T09:18:20.838387',
      data: { id: 'web1', say: 'x' },
    },
  }
  const TAG = 'salt/reactor/failed/fix'

  it('is rendered on the event whose reaction failed, with the failure, and what was a claim stays one', async () => {
    const { dispatcher, sent } = start(RULE)
    dispatcher.handle(deliver({ tag: TAG, origin: serviceOrigin('_jobs'), data: failed }).delivery)
    await turn()
    const [reaction] = sent.items[0]!.body.reactions
    expect(sent.items[0]!.body.rule).toBe('fix:on_failure')
    expect(reaction).toMatchObject({
      event: { id: 'event-1', tag: TAG },
      actions: [{ fun: 'test.arg', tgt: 'web1', arg: ['it broke', 'my/tag'] }],
    })
    // A minion's tag, and the reason, which others wrote.
    expect(reaction!.actions[0]!.untrusted).toEqual(expect.arrayContaining([['arg', 1]]))
  })

  it('sees what a window had collected, as do saw it', async () => {
    const { dispatcher, sent } = start(
      'rule: fix\non: my/*\ngroup: { for: 1m }\ndo: runner.test.arg\non_failure:\n  - runner.test.arg: ["{{ window.count }}", "{{ data.say }}"]\n',
    )
    const window = { key: '', count: 2, first: 'f', last: 'l', events: [] }
    const data = { ...failed, event: { ...failed.event, window } }
    dispatcher.handle(deliver({ tag: TAG, origin: serviceOrigin('_reactor'), data }).delivery)
    await turn()
    expect(sent.items[0]!.body.reactions[0]!.actions[0]!.arg).toEqual([2, 'x'])
  })

  it('is done for nobody but job workers and reactors, and only on what says what failed', async () => {
    const { dispatcher, sent } = start(RULE)
    for (const given of [
      { tag: TAG, origin: minionOrigin('web1'), data: failed },
      { tag: TAG, origin: serviceOrigin('_gateway'), data: failed },
      { tag: TAG, origin: serviceOrigin('_jobs'), data: { ...failed, event: { ...failed.event, origin: '_nobody' } } },
      { tag: TAG, origin: serviceOrigin('_jobs'), data: { ...failed, event: null } },
    ]) {
      const { delivery, settled } = deliver(given)
      dispatcher.handle(delivery)
      expect(settled.items).toEqual(['ack'])
    }
    await turn()
    expect(sent.items).toEqual([])
  })
})
