import { describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import type { Publisher } from '../../src/bus/publish.ts'
import type { DecisionBatch } from '../../src/protocol/reaction.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { createSuppressions } from '../../src/reactor/suppressions.ts'

function start(refusal?: ReactorError) {
  const sent: { subject: string; body: DecisionBatch }[] = []
  const publisher: Publisher = {
    async publish(subject, body) {
      if (refusal) throw refusal
      sent.push({ subject, body: JSON.parse(String(body)) })
      return { seq: 1, duplicate: false }
    },
    pending: () => 0,
    stop: () => undefined,
  }
  return { suppressions: createSuppressions(publisher, createSubjects('reactor'), 'r1'), sent }
}
const event = (id: string) => ({ id, tag: 'my/tag' })

describe('suppressions of one turn', () => {
  it('are one message, with one entry for each rule, reason and cycle', async () => {
    const { suppressions, sent } = start()
    await Promise.all([
      suppressions.add('a', 'throttle', 'b1', event('1')),
      suppressions.add('a', 'loop', 'b1', event('2'), 'a,b,a'),
      suppressions.add('a', 'throttle', 'b1', event('3')),
      suppressions.add('a', 'loop', 'b1', event('4'), 'a,c,a'),
      suppressions.add('b', 'shadow', 'b1', event('5'), 'one'),
      suppressions.add('b', 'shadow', 'b1', event('6'), 'two'),
    ])
    expect(sent).toHaveLength(1)
    expect(sent[0]).toEqual({
      subject: 'reactor.done.r1',
      body: {
        worker: 'r1',
        decisions: [],
        suppressed: [
          { rule: 'a', reason: 'throttle', bundle: 'b1', events: [event('1'), event('3')] },
          { rule: 'a', reason: 'loop', bundle: 'b1', events: [event('2')], details: ['a', 'b', 'a'] },
          { rule: 'a', reason: 'loop', bundle: 'b1', events: [event('4')], details: ['a', 'c', 'a'] },
          { rule: 'b', reason: 'shadow', bundle: 'b1', events: [event('5'), event('6')], details: ['one', 'two'] },
        ],
      },
    })
    expect(suppressions.stats().suppressed.get('a')).toEqual(
      new Map([
        ['throttle', 2],
        ['loop', 2],
      ]),
    )
  })

  it('keep a long text short, and the names of a cycle whole', async () => {
    const { suppressions, sent } = start()
    const cycle = Array.from({ length: 16 }, (_, n) => `${'r'.repeat(90)}${n}`).join(',')
    await Promise.all([
      suppressions.add('a', 'shadow', 'b1', event('1'), 'x'.repeat(10_000)),
      suppressions.add('a', 'loop', 'b1', event('1'), cycle),
    ])
    const [shadow, loop] = sent[0]!.body.suppressed!
    expect(shadow!.details![0]).toHaveLength(500)
    expect(loop!.details!.join(',')).toBe(cycle)
  })

  it('go out in several messages where they are many', async () => {
    const { suppressions, sent } = start()
    await Promise.all(Array.from({ length: 1200 }, (_, n) => suppressions.add('a', 'off', 'b1', event(String(n)))))
    expect(sent.map(({ body }) => body.suppressed![0]!.events.length)).toEqual([500, 500, 200])
  })
})

it('an entry that cannot be stored rejects, and is not counted', async () => {
  const { suppressions } = start(new ReactorError('store_refused', 'the store is full'))
  await expect(suppressions.add('a', 'off', 'b1', event('1'))).rejects.toMatchObject({ code: 'store_refused' })
  expect(suppressions.stats()).toEqual({ suppressed: new Map(), inFlight: 0 })
})
