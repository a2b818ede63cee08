import { describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import type { Publisher } from '../../src/bus/publish.ts'
import type { ReactionBatch } from '../../src/protocol/reaction.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { createHandOver } from '../../src/reactor/hand-over.ts'
import { createSeen } from '../helpers/wait.ts'

const event = (id: string) => ({ id, tag: 'my/tag', origin: 'web1', seq: 1, storedMs: 2, hops: 0 })
const reaction = (id: string, text = '') => ({
  event: event(id),
  actions: [{ kind: 'runner' as const, fun: 'test.arg', arg: [text], kwarg: {} }],
})
const RULE = { rule: 'r' }

/** A publisher that takes messages of at most so many bytes. */
function start(limit = Number.POSITIVE_INFINITY) {
  const sent = createSeen<{ subject: string; body: ReactionBatch; id: string }>()
  const publisher: Publisher = {
    async publish(subject, body, options) {
      if (String(body).length > limit) throw new ReactorError('bad_event', 'more than a message may have')
      sent.push({ subject, body: JSON.parse(String(body)), id: options?.id ?? '' })
      return { seq: 1, duplicate: false }
    },
    pending: () => 0,
    stop: () => undefined,
  }
  return { handOver: createHandOver(publisher, createSubjects('reactor')), sent }
}
const ids = ({ body }: { body: ReactionBatch }) => body.reactions.map(({ event }) => event.id)

describe('reactions of one turn', () => {
  it('share a message, rule by rule, and are stored with it', async () => {
    const { handOver, sent } = start()
    const other = { rule: 'other', lane: 'slow' as const, policy: { attempts: 3 } }
    await Promise.all([
      handOver.store(RULE, 'b1', reaction('a')),
      handOver.store(other, 'b1', reaction('a')),
      handOver.store(RULE, 'b1', reaction('b')),
    ])
    expect(sent.items.map(({ subject }) => subject)).toEqual(['reactor.reaction.fast.r', 'reactor.reaction.slow.other'])
    expect(sent.items[0]!.body).toEqual({ rule: 'r', bundle: 'b1', reactions: [reaction('a'), reaction('b')] })
    expect(sent.items[1]!.body).toEqual({
      rule: 'other',
      bundle: 'b1',
      policy: { attempts: 3 },
      reactions: [reaction('a')],
    })
    expect(handOver.stats()).toEqual({
      reactions: new Map([
        ['r', 2],
        ['other', 1],
      ]),
      inFlight: 0,
    })
  })

  it('of many rules share one message, and of few have one each', async () => {
    const { handOver, sent } = start()
    const rules = Array.from({ length: 9 }, (_, n) => ({ rule: `r${n}` }))
    await Promise.all([...rules, rules[0]!].map((rule, n) => handOver.store(rule, 'b1', reaction(`e${n}`))))
    expect(sent.items.map(({ subject }) => subject)).toEqual(['reactor.reaction.fast._'])
    expect(sent.items[0]!.body).toEqual([
      { rule: 'r0', bundle: 'b1', reactions: [reaction('e0'), reaction('e9')] },
      ...rules.slice(1).map(({ rule }, n) => ({ rule, bundle: 'b1', reactions: [reaction(`e${n + 1}`)] })),
    ])
    expect(handOver.stats().reactions.get('r0')).toBe(2)
    await Promise.all(rules.slice(1).map((rule, n) => handOver.store(rule, 'b1', reaction(`f${n}`))))
    expect(sent.items.slice(1).map(({ subject }) => subject)).toEqual(
      rules.slice(1).map(({ rule }) => `reactor.reaction.fast.${rule}`),
    )
  })

  it('have an id of the work where one is alone, and another where there are more', async () => {
    const { handOver, sent } = start()
    await handOver.store(RULE, 'b1', reaction('a'))
    await handOver.store(RULE, 'b1', { ...reaction('a'), attempt: 2 })
    await Promise.all([handOver.store(RULE, 'b1', reaction('a')), handOver.store(RULE, 'b1', reaction('b'))])
    expect(sent.items.map(({ id }) => id)).toEqual(['a/r', 'a/r#2', expect.stringMatching(/^[\w-]{22}$/)])
    expect(sent.items[1]!.body.reactions[0]!.attempt).toBe(2)
  })

  it('go out in several messages where they are many or large, each in one of them', async () => {
    const { handOver, sent } = start()
    const all = Array.from({ length: 450 }, (_, n) => String(n))
    await Promise.all(all.map(id => handOver.store(RULE, 'b1', reaction(id))))
    expect(sent.items.map(one => ids(one).length)).toEqual([200, 200, 50])
    expect(sent.items.flatMap(ids)).toEqual(all)
    await Promise.all([0, 1, 2].map(n => handOver.store(RULE, 'b1', reaction(`large-${n}`, 'x'.repeat(100_000)))))
    expect(sent.items.slice(3).map(one => ids(one).length)).toEqual([2, 1])
  })

  it('of another bundle do not join those of the one before', async () => {
    const { handOver, sent } = start()
    await Promise.all([handOver.store(RULE, 'b1', reaction('a')), handOver.store(RULE, 'b2', reaction('b'))])
    expect(sent.items.map(({ body }) => body.bundle)).toEqual(['b1', 'b2'])
  })
})

describe('a message that is too large', () => {
  it('is split until only the reaction that no message can hold is refused', async () => {
    const { handOver, sent } = start(600)
    const stored = await Promise.allSettled(
      ['a', 'b', 'c', 'd'].map(id => handOver.store(RULE, 'b1', reaction(id, id === 'c' ? 'x'.repeat(1000) : ''))),
    )
    expect(stored.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
    expect((stored[2] as PromiseRejectedResult).reason).toMatchObject({ code: 'bad_event' })
    expect(sent.items.flatMap(ids).sort()).toEqual(['a', 'b', 'd'])
    expect(handOver.stats()).toEqual({ reactions: new Map([['r', 3]]), inFlight: 0 })
  })
})
