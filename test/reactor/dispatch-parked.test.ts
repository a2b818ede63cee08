// What the reactor itself parks: rules that fail on an event. They hold up nobody, fill nobody's store, and nothing is lost.
import { describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { minionOrigin } from '../../src/protocol/origin.ts'
import { MOST_STORED } from '../../src/reactor/parks.ts'
import { deliver, type Sent, start, turn } from './dispatching.ts'

const BAD = 'rule: bad\non: my/*\ndo:\n  - runner.test.arg: ["{{ data.missing }}"]\n'
const TOLD = `${BAD}on_failure:\n  - runner.test.arg: ["{{ failure.reason }}"]\n`
const event = (n: number) => deliver({ origin: minionOrigin('web1'), data: { n }, headers: { 'Nats-Msg-Id': `e${n}` } })

/** The next that is sent. */
const sentAt = async (sent: ReturnType<typeof start>['sent'], at: number): Promise<Sent> =>
  (await sent.reach(at + 1))[at]!

describe('a reaction that cannot be rendered', () => {
  it('is recorded where the store of parked ones is full, with all that it takes to decide it anew, and acked', async () => {
    const { dispatcher, sent, alarms } = start(BAD)
    const { delivery, settled } = event(1)
    dispatcher.handle(delivery)
    const parking = await sentAt(sent, 0)
    expect(parking.subject).toBe('reactor.parked.e1.bad')
    parking.refuse()
    const record = await sentAt(sent, 1)
    expect(record.subject).toBe('reactor.done.r1')
    expect(record.body.decisions).toEqual([
      expect.objectContaining({
        ...{ key: 'e1/bad', rule: 'bad', event: 'e1', tag: 'my/tag', state: 'parked', seq: 7 },
        reason: expect.stringMatching(/data\.missing.*nothing but this record is kept of it.*the store is full/s),
      }),
    ])
    expect(settled.items).toEqual([])
    record.store()
    expect(await settled.reach(1)).toEqual(['ack'])
    expect(alarms.items.map(({ kind, about }) => [kind, about])).toEqual([['parked', '']])
  })

  it('comes again where the server is away: it may be parked then', async () => {
    const { dispatcher, sent, alarms } = start(BAD)
    const { delivery, settled } = event(1)
    dispatcher.handle(delivery)
    const parking = await sentAt(sent, 0)
    expect(parking.deadlineMs).toBeLessThan(10_000)
    parking.refuse(new ReactorError('unreachable', 'away'))
    expect(await settled.reach(1)).toEqual(['retry'])
    expect([alarms.items, sent.items.length]).toEqual([[], 1])
  })

  it('raises the alarm about its rule after some in a row, and takes no more than its part of the store', async () => {
    const { dispatcher, sent, alarms } = start(BAD)
    let answered = 0
    const through = async ({ delivery, settled }: ReturnType<typeof event>) => {
      dispatcher.handle(delivery)
      while (settled.items.length === 0) {
        for (; answered < sent.items.length; answered++) sent.items[answered]!.store()
        await turn()
      }
    }
    const events = Array.from({ length: MOST_STORED + 5 }, (_, n) => event(n))
    for (const one of events.slice(0, 4)) await through(one)
    expect(alarms.items).toEqual([])
    for (const one of events.slice(4)) await through(one)
    expect(alarms.items[0]).toMatchObject({ kind: 'rule', about: 'bad', data: { rule: 'bad', key: 'e4/bad' } })
    const stored = sent.items.filter(({ subject }) => subject.startsWith('reactor.parked.'))
    expect(stored).toHaveLength(MOST_STORED)
    const recorded = sent.items.flatMap(({ body }) => body.decisions ?? [])
    expect(recorded).toHaveLength(events.length)
    expect(recorded.filter(({ seq }) => seq === 7)).toHaveLength(5)
    expect(events.every(({ settled }) => settled.items.join() === 'ack')).toBe(true)
  })

  it('is told to the on_failure of its rule, with what the rule saw', async () => {
    const { dispatcher, sent } = start(TOLD)
    const { delivery, settled } = event(1)
    dispatcher.handle(delivery)
    ;(await sentAt(sent, 0)).store()
    const failure = await sentAt(sent, 1)
    expect(failure.subject).toBe('reactor.event._reactor.salt.reactor.failed.bad')
    const { data } = failure.body as unknown as { data: Record<string, unknown> }
    expect(data).toMatchObject({
      ...{ rule: 'bad', attempts: 1, jids: [], reason: expect.stringContaining('data.missing') },
      event: { id: 'e1', tag: 'my/tag', origin: 'web1', data: { n: 1, id: 'web1' } },
    })
    failure.store()
    ;(await sentAt(sent, 2)).store()
    expect(await settled.reach(1)).toEqual(['ack'])
    // And that event has it called.
    dispatcher.handle(
      deliver({
        tag: 'salt/reactor/failed/bad',
        origin: { kind: 'service', id: '_reactor' },
        data,
        headers: { 'Nats-Msg-Id': failure.id },
      }).delivery,
    )
    const called = await sentAt(sent, 3)
    expect(called.subject).toBe('reactor.reaction.fast.bad=3Aon_failure')
    expect(called.body.reactions[0]!.actions[0]!.arg).toEqual([expect.stringContaining('data.missing')])
  })
})

describe('a defect', () => {
  it('while facts are looked up has the event delivered again, and no one waits for ever', async () => {
    const { dispatcher, lines } = start(
      'rule: any\non: my/*\nwhen: { all: [{ fact: load, operator: equal, value: 1 }] }\ndo: runner.test.arg\n',
      { facts: ['load'] },
    )
    const { delivery, settled } = deliver()
    dispatcher.handle({
      ...delivery,
      header: () => {
        throw new TypeError('a defect')
      },
      get storedMs(): number {
        throw new TypeError('a defect')
      },
    })
    expect(await settled.reach(1)).toEqual(['retry'])
    await lines.find(({ msg }) => String(msg).includes('by a defect'), 'the word of it')
  })
})
