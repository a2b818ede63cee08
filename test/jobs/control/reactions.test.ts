import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { ReactorError } from '../../../src/base/errors.ts'
import { silentLog } from '../../../src/base/log.ts'
import { parkReaction } from '../../../src/bus/park.ts'
import { serve } from '../../../src/bus/serve.ts'
import { startDecisionWorker } from '../../../src/cache/decisions/worker.ts'
import { sqliteFailure } from '../../../src/cache/sqlite-store.ts'
import type { Pending } from '../../../src/jobs/control/pending.ts'
import { openReactionControl } from '../../../src/jobs/control/reactions.ts'
import { findStanding } from '../../../src/jobs/control/standing.ts'
import { openLedger } from '../../../src/jobs/ledger.ts'
import type { ReactionAction } from '../../../src/protocol/job.ts'
import {
  attemptKey,
  type Decision,
  type DecisionBatch,
  MIXED,
  type Parked,
  type Reaction,
  type ReactionBatch,
  workKey,
} from '../../../src/protocol/reaction.ts'
import { streamNames } from '../../../src/protocol/streams.ts'
import { decided, openDecisions, watched } from '../../cache/decisions/made.ts'
import { openCore, storedIn } from '../../helpers/core.ts'
import { startTestServer, type TestServer } from '../../helpers/server.ts'
import { createSeen } from '../../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const ping: ReactionAction = { kind: 'local', fun: 'test.ping', tgt: '*', arg: [], kwarg: { password: 'hunter2' } }
const KEY = workKey('e1', 'r')

/** A job worker's control of reactions, with the cache that it asks. */
async function open() {
  const core = await openCore(server)
  const { nc, ns, subjects, publisher } = core
  const { watching, commits } = watched(await openDecisions())
  const follow = { nc, subjects, store: watching, readFailure: sqliteFailure, keepMs: 3_600_000, clock: systemClock }
  const worker = await startDecisionWorker({ ...follow, log: silentLog })
  const ledger = await openLedger(nc, subjects, publisher, 'w1', silentLog)
  onTestFinished(() => worker.stop())
  onTestFinished(() => ledger.stop())
  const history = { reactions: (request: object) => watching.reactions(request, 1e6) }
  const control = await openReactionControl({ nc, subjects, publisher, ledger, history, clock: systemClock })
  const names = streamNames(ns)

  const reactionOf = (id: string, more: Partial<Reaction> = {}): Reaction => ({
    ...{ rule: 'r', bundle: 'b', actions: [ping] },
    event: { id, tag: `tag/${id}`, origin: 'web1', seq: 0, storedMs: Date.now(), hops: 0 },
    ...more,
  })
  const batchOf = ({ rule, bundle, policy, ...one }: Reaction, ...others: Reaction[]): ReactionBatch => ({
    ...{ rule, bundle, ...(policy ? { policy } : {}) },
    reactions: [one, ...others.map(({ rule: _r, bundle: _b, policy: _p, ...rest }) => rest)],
  })
  /** Resolves once the cache has it. */
  const record = async (decision: Decision) => {
    await ledger.append(decision)
    await recorded(decision.state, decision.attempt)
  }
  const recorded = (state: string, attempt = 1) =>
    commits.find(
      ({ batch }) => batch?.decisions.some(one => one.state === state && (one.attempt ?? 1) === attempt) === true,
      `the cache's record of ${state} ${attempt}`,
    )
  /** As the job worker does it. */
  const park = async (parked: Partial<Parked> = {}) => {
    const { reaction = reactionOf('e1'), state = 'parked', reason = 'no disk', attempt } = parked
    const key = workKey(reaction.event.id, reaction.rule)
    await parkReaction(publisher, subjects, { key, state, reason, reaction, ...(attempt ? { attempt } : {}) })
    await record(decided(reaction.event.id, { state, reason, jids: [], ...(attempt ? { attempt } : {}) }))
  }
  const schedule = async (due: number, attempt = 2) => {
    const headers = {
      'Nats-Schedule': `@at ${new Date(due).toISOString()}`,
      'Nats-Schedule-Target': subjects.reaction('fast', 'r'),
    }
    const body = JSON.stringify(batchOf(reactionOf('e1', { attempt })))
    await publisher.publish(subjects.reactionRetry('e1', 'r'), body, { id: `retry/${attempt}`, headers })
  }
  const store = (reaction: Reaction, ...others: Reaction[]) =>
    publisher.publish(subjects.reaction('fast', reaction.rule), JSON.stringify(batchOf(reaction, ...others)))
  return {
    ...core,
    ...{ control, record, recorded, park, schedule, store, batchOf, reactionOf },
    act: async (operation: Parameters<typeof control.act>[0], key = KEY) =>
      (await control.act(operation, [key], { user: 'ada' }))[0]!,
    inReactions: () => storedIn<ReactionBatch>(nc, names.reactions),
    inParked: () => storedIn<Parked>(nc, names.parked),
    decisions: async () => (await storedIn<DecisionBatch>(nc, names.done)).flatMap(({ body }) => body.decisions),
  }
}

describe('a reaction that is recorded as parked and of which nothing is parked', () => {
  const gone = () => decided('e1', { state: 'parked', reason: 'no disk', jids: [] })

  it('is dropped, and cannot be run again', async () => {
    const { act, record, decisions, recorded } = await open()
    await record(gone())
    expect(await act('retry')).toMatchObject({
      ok: false,
      was: 'parked',
      comment: expect.stringMatching(/is gone.*drop it/),
    })
    expect(await act('drop')).toEqual({ key: KEY, ok: true, was: 'parked', comment: 'dropped' })
    expect((await decisions()).at(-1)).toMatchObject({ key: KEY, state: 'dropped', by: 'ada' })
    await recorded('dropped')
    expect(await act('drop')).toMatchObject({ ok: false, was: 'dropped' })
  })

  it('is left alone where its next attempt is under way, of which the record is a moment late', async () => {
    const { act, record, store, reactionOf } = await open()
    await record(gone())
    await store(reactionOf('e1', { attempt: 2 }))
    for (const operation of ['retry', 'drop'] as const)
      expect(await act(operation)).toMatchObject({ ok: false, comment: expect.stringMatching(/just dealt with it/) })
  })
})

describe('a parked reaction', () => {
  it('is run again as its next attempt, once, and who did it is in the ledger', async () => {
    const { act, park, inReactions, inParked, decisions, recorded } = await open()
    await park()
    expect(await act('retry')).toEqual({ key: KEY, ok: true, was: 'parked', comment: 'attempt 2 runs now' })
    const [stored, ...others] = await inReactions()
    expect(others).toEqual([])
    expect(stored).toMatchObject({
      id: attemptKey(KEY, 2),
      body: { rule: 'r', bundle: 'b', reactions: [{ attempt: 2, actions: [ping], event: { id: 'e1' } }] },
    })
    expect(await inParked()).toEqual([])
    expect((await decisions()).at(-1)).toMatchObject({ key: KEY, state: 'retrying', by: 'ada', reason: 'no disk' })
    await recorded('retrying')
    expect(await act('retry')).toMatchObject({
      ok: false,
      was: 'waiting',
      comment: expect.stringMatching(/it can be dropped/),
    })
  })

  it('that a crash left parked beside its next attempt is stored no second time', async () => {
    const { act, park, inReactions, inParked, subjects, publisher } = await open()
    await park()
    const [left] = await inParked()
    await act('retry')
    // As if the worker had died before it took it away, and before it told the ledger.
    await publisher.publish(subjects.parked('e1', 'r'), JSON.stringify(left!.body))
    await act('retry')
    expect((await inReactions()).map(({ id }) => id)).toEqual([attemptKey(KEY, 2)])
  })

  it('that failed again, and could not be parked under what a crash left, goes on with the attempt after that', async () => {
    const { act, park, record, inReactions } = await open()
    await park()
    await record(decided('e1', { state: 'parked', attempt: 2, reason: 'again', jids: [] }))
    expect(await act('retry')).toMatchObject({ ok: true, comment: 'attempt 3 runs now' })
    expect((await inReactions()).map(({ body }) => body.reactions[0]!.attempt)).toEqual([3])
  })

  it('is dropped, and then there is nothing to be done with it', async () => {
    const { act, park, inParked, decisions, recorded, inReactions } = await open()
    await park({ attempt: 3 })
    expect(await act('drop')).toMatchObject({ ok: true, was: 'parked', comment: 'dropped' })
    expect(await inParked()).toEqual([])
    expect((await decisions()).at(-1)).toMatchObject({ key: KEY, state: 'dropped', attempt: 3, by: 'ada' })
    await recorded('dropped', 3)
    for (const operation of ['drop', 'retry', 'approve', 'deny'] as const)
      expect(await act(operation)).toMatchObject({
        ok: false,
        was: 'dropped',
        comment: expect.stringMatching(/^it is dropped/),
      })
    expect(await inReactions()).toEqual([])
  })

  it('that was parked in words only is decided anew by a reactor; where that refuses, it stays', async () => {
    const { act, park, nc, ns, subjects, inParked, reactionOf } = await open()
    const asked = createSeen<unknown>()
    let refusal: ReactorError | undefined = new ReactorError('not_found', "rule 'r' is not in force")
    const endpoint = {
      name: 'decide',
      subject: subjects.decide,
      async handle(request: { json(): unknown }) {
        asked.push(request.json())
        if (refusal) throw refusal
        return { stored: true }
      },
    }
    const service = await serve(nc, {
      name: `${ns}-decide`,
      description: 'd',
      queue: 'q',
      log: silentLog,
      endpoints: [endpoint],
    })
    onTestFinished(() => service.stop())
    const { actions: _none, ...words } = reactionOf('e1')
    await park({ reaction: { ...words, event: { ...words.event, seq: 7 } } as Reaction })
    expect(await act('retry')).toMatchObject({
      ok: false,
      was: 'parked',
      comment: expect.stringMatching(/not in force/),
    })
    expect(await inParked()).toHaveLength(1)
    refusal = undefined
    expect(await act('retry')).toMatchObject({ ok: true })
    expect(asked.items).toEqual([
      { seq: 7, id: 'e1', rule: 'r', attempt: 2 },
      { seq: 7, id: 'e1', rule: 'r', attempt: 2 },
    ])
    expect(await inParked()).toEqual([])
  })

  it('is neither approved nor denied: the answer says what it is', async () => {
    const { act, park, inParked } = await open()
    await park()
    expect(await act('approve')).toEqual({
      ...{ key: KEY, ok: false, was: 'parked' },
      comment: 'it is parked (no disk), and only what is held can be approved: retry or drop it',
    })
    expect(await act('deny')).toMatchObject({ ok: false, was: 'parked' })
    expect(await inParked()).toHaveLength(1)
  })
})

describe('a reaction that was parked in the ledger alone', () => {
  const ALONE: Partial<Decision> = { state: 'parked', reason: 'no such field', seq: 7, jids: [] }

  it('is decided anew on its event, once a person retries it', async () => {
    const { act, record, recorded, control, nc, subjects } = await open()
    const asked: unknown[] = []
    const service = await serve(nc, {
      ...{ name: `${subjects.ns}-decide`, description: 'a reactor', queue: 'q', log: silentLog },
      endpoints: [
        {
          ...{ name: 'decide', subject: subjects.decide },
          async handle(request) {
            asked.push(request.json())
            return { stored: true }
          },
        },
      ],
    })
    onTestFinished(() => service.stop())
    await record(decided('e1', ALONE))
    expect(await control.show(KEY)).toMatchObject({ state: 'parked', reason: 'no such field', actions: null })
    expect(await act('retry')).toMatchObject({ ok: true, was: 'parked', comment: 'attempt 2 runs now' })
    expect(asked).toEqual([{ seq: 7, id: 'e1', rule: 'r', attempt: 2 }])
    await recorded('retrying')
    expect(await act('retry')).toMatchObject({ ok: false })
    expect(asked).toHaveLength(1)
  })

  it('is dropped like any other', async () => {
    const { act, record, recorded, decisions } = await open()
    await record(decided('e1', ALONE))
    expect(await act('drop')).toMatchObject({ ok: true, was: 'parked' })
    expect((await decisions()).at(-1)).toMatchObject({ key: KEY, state: 'dropped', by: 'ada' })
    await recorded('dropped')
    expect(await act('retry')).toMatchObject({ ok: false, was: 'dropped' })
  })
})

describe('a retry that a rule asks for', () => {
  const asker = { user: 'rule:r:on_failure', hops: 4, chain: 'r,r:on_failure' }

  it('has that rule among its causes, one step on', async () => {
    const { control, park, reactionOf, inReactions } = await open()
    const reaction = reactionOf('e1')
    reaction.event.chain = 'before'
    await park({ reaction })
    await control.act('retry', [KEY], asker)
    const [stored] = await inReactions()
    expect(stored!.body.reactions[0]!.event).toMatchObject({ id: 'e1', hops: 5, chain: 'before,r,r:on_failure' })
  })

  it('is so too where its time comes sooner', async () => {
    const { control, record, schedule, inReactions } = await open()
    await schedule(Date.now() + 3_600_000)
    await record(decided('e1', { state: 'retrying', reason: 'away', next: Date.now() + 3_600_000, jids: [] }))
    expect((await control.act('retry', [KEY], asker))[0]).toMatchObject({ ok: true, was: 'retrying' })
    const all = (await inReactions()).flatMap(({ body }) => body.reactions)
    expect(all.map(({ event }) => event.chain)).toContain('r,r:on_failure')
  })

  it('is as it was where a person asks for it', async () => {
    const { act, park, inReactions } = await open()
    await park()
    await act('retry')
    const [stored] = await inReactions()
    expect(stored!.body.reactions[0]!.event).toMatchObject({ hops: 0 })
    expect(stored!.body.reactions[0]!.event.chain).toBeUndefined()
  })
})

describe('a held reaction', () => {
  it('runs once it is approved, with the word of it', async () => {
    const { act, park, inReactions, inParked, decisions } = await open()
    await park({ state: 'held', reason: '60 minions' })
    expect(await act('retry')).toMatchObject({
      ok: false,
      was: 'held',
      comment: expect.stringMatching(/approve or deny it$/),
    })
    expect(await act('approve')).toMatchObject({ ok: true, was: 'held' })
    expect((await inReactions()).map(({ body }) => body.reactions[0])).toMatchObject([{ attempt: 2, approved: true }])
    expect(await inParked()).toEqual([])
    expect((await decisions()).at(-1)).toMatchObject({ state: 'retrying', by: 'ada', reason: 'approved' })
  })

  it('is dropped where it is denied', async () => {
    const { act, park, inReactions, inParked, decisions } = await open()
    await park({ state: 'held', reason: '60 minions' })
    expect(await act('deny')).toMatchObject({ ok: true, comment: 'denied' })
    expect([await inReactions(), await inParked()]).toEqual([[], []])
    expect((await decisions()).at(-1)).toMatchObject({ state: 'dropped', by: 'ada', reason: 'denied' })
  })
})

describe('a reaction that waits for another attempt', () => {
  const due = Date.now() + 3_600_000

  it('is run now instead of later: the same attempt, from the fast lane', async () => {
    const { act, schedule, record, inReactions, nc, subjects } = await open()
    await record(decided('e1', { state: 'retrying', next: due, jids: [] }))
    await schedule(due)
    const seen = createSeen<string>()
    nc.subscribe(`${subjects.decisionPrefix}>`, { callback: (_error, message) => seen.push(message.subject) })
    expect(await act('retry')).toMatchObject({ ok: true, was: 'retrying', comment: 'attempt 2 runs now' })
    await seen.find(subject => subject.endsWith('reaction.fast.r'), 'the attempt on the fast lane')
    const stored = await inReactions()
    expect(stored.map(({ subject, body }) => [subject, body.reactions[0]!.attempt])).toEqual([
      [subjects.reaction('fast', 'r'), 2],
    ])
  })

  it('is dropped: its time never comes, and the attempt to come is in the ledger', async () => {
    const { act, schedule, record, inReactions, decisions } = await open()
    await record(decided('e1', { state: 'retrying', next: due, jids: [] }))
    await schedule(due)
    expect(await act('drop')).toMatchObject({ ok: true, was: 'retrying' })
    expect(await inReactions()).toEqual([])
    expect((await decisions()).at(-1)).toMatchObject({ key: KEY, state: 'dropped', attempt: 2, by: 'ada' })
  })
})

describe('a reaction that is not executed yet', () => {
  it('is found beside others by one look, of whatever message it waits in', async () => {
    const { control, store, reactionOf, inReactions } = await open()
    const ids = Array.from({ length: 40 }, (_, i) => `w${i}`)
    for (const id of ids) await store(reactionOf(id), reactionOf(`${id}-too`))
    const keys = [...ids, 'w7-too'].map(id => workKey(id, 'r'))
    const results = await control.act('drop', [...keys, 'none/r'], { user: 'ada' })
    expect(results.map(({ ok }) => ok)).toEqual([...keys.map(() => true), false])
    expect(results.at(-1)!.comment).toMatch(/^there is no reaction 'none\/r'/)
    expect(await inReactions()).toHaveLength(40)
  })

  it('is not said to be none where not all that waits was looked at', async () => {
    const parts = {
      pending: { parked: async () => undefined, retry: async () => undefined } as unknown as Pending,
      history: { reactions: async () => ({ reactions: [] }) },
    }
    const look = (complete: boolean) => findStanding({ ...parts, waiting: async () => ({ complete }) }, KEY)
    await expect(look(false)).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringMatching(/the others were not looked at/),
    })
    expect(await look(true)).toBeUndefined()
  })

  it('is listed by its rule though that is no more, and dropped without its neighbours', async () => {
    const { act, store, control, reactionOf } = await open()
    await store(reactionOf('e1'), reactionOf('e2'))
    await store(reactionOf('e3', { rule: 'other' }))
    const waiting = async (request: object) =>
      (await control.list(request)).reactions.map(({ key, state }) => `${key} ${state}`).sort()
    expect(await waiting({ rule: 'r' })).toEqual(['e1/r waiting', 'e2/r waiting'])
    expect(await waiting({ state: 'waiting' })).toEqual(['e1/r waiting', 'e2/r waiting', 'e3/other waiting'])
    expect(await waiting({})).toEqual([])
    expect(await act('drop')).toMatchObject({ ok: true, was: 'waiting' })
    expect(await waiting({ state: 'waiting' })).toEqual(['e2/r waiting', 'e3/other waiting'])
  })
})

describe('a reaction in a message with those of other rules', () => {
  it('is listed by its rule, and dropped alone', async () => {
    const { act, control, batchOf, reactionOf, publisher, subjects } = await open()
    const mixed = [batchOf(reactionOf('e1')), batchOf(reactionOf('e1', { rule: 'other' }))]
    await publisher.publish(subjects.reaction('fast', MIXED), JSON.stringify(mixed))
    const waiting = async (request: object) =>
      (await control.list(request)).reactions.map(({ key, state }) => `${key} ${state}`).sort()
    expect(await waiting({ rule: 'r' })).toEqual(['e1/r waiting'])
    expect(await waiting({ state: 'waiting' })).toEqual(['e1/other waiting', 'e1/r waiting'])
    expect(await act('drop')).toMatchObject({ ok: true, was: 'waiting' })
    expect(await waiting({ state: 'waiting' })).toEqual(['e1/other waiting'])
  })
})

describe('a list', () => {
  it('has what was parked and never recorded, once, and what was recorded, once', async () => {
    const { control, park, reactionOf, publisher, subjects } = await open()
    await park()
    const lost = reactionOf('e9')
    await parkReaction(publisher, subjects, { key: 'e9/r', reason: 'full', reaction: lost })
    const { reactions } = await control.list({ state: ['parked', 'held'] })
    expect(reactions.map(({ key, reason }) => [key, reason])).toEqual([
      ['e9/r', 'full'],
      ['e1/r', 'no disk'],
    ])
    expect((await control.list({ state: 'held' })).reactions).toEqual([])
    expect((await control.list({ rule: 'none' })).reactions).toEqual([])
  })
})

describe('one reaction', () => {
  it('is shown with its actions without secrets, its attempts and its event', async () => {
    const { control, park, record, fire, reactionOf, events } = await open()
    await fire('tag/e1', { disk: '/var', token: 'x' }, { id: 'e1' })
    const { id } = await events.find(({ tag }) => tag === 'tag/e1', 'the event')
    expect(id).toBe('e1')
    await record(decided('e1', { state: 'retrying', reason: 'away', next: Date.now(), jids: ['7'] }))
    const reaction = reactionOf('e1', { policy: { attempts: 2 }, attempt: 2 })
    reaction.event.chain = 'a,b'
    await park({ reaction, attempt: 2 })
    const shown = await control.show(KEY)
    expect(shown).toMatchObject({
      ...{ key: KEY, rule: 'r', event: 'e1', tag: 'tag/e1', state: 'parked', attempt: 2, reason: 'no disk' },
      ...{ bundle: 'b', policy: { attempts: 2 }, chain: 'a,b' },
      actions: [{ fun: 'test.ping', kwarg: { password: '[redacted]' } }],
      history: [
        { state: 'parked', attempt: 2 },
        { state: 'retrying', jids: ['7'], reason: 'away' },
      ],
      cause: { tag: 'tag/e1', origin: '_jobs', data: { disk: '/var', token: '[redacted]' } },
    })
  })

  it('is shown after it is done, and one that there is not is none', async () => {
    const { control, record } = await open()
    await record(decided('e1', { jids: ['4', '5'], ms: 12 }))
    expect(await control.show(KEY)).toMatchObject({ state: 'done', jids: ['4', '5'], ms: 12 })
    expect((await control.show(KEY))!.actions).toBeUndefined()
    expect(await control.show('e2/r')).toBeNull()
    expect(await control.show('nonsense')).toBeNull()
    expect((await control.act('drop', ['e2/r', KEY], { user: 'ada' })).map(({ ok, was }) => [ok, was])).toEqual([
      [false, null],
      [false, 'done'],
    ])
  })
})
