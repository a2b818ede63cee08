// Workers that execute reactions on a namespace of one's own, with actions that do what a test says.
import { jetstreamManager } from '@nats-io/jetstream'
import type { Alarms } from '../../src/alarms/alarms.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import type { Code } from '../../src/base/errors.ts'
import type { Publisher } from '../../src/bus/publish.ts'
import { type Ledger, openLedger } from '../../src/jobs/ledger.ts'
import type { Asked, PublishJob } from '../../src/jobs/publish.ts'
import type { ShareLimits } from '../../src/jobs/reactions/shares.ts'
import { startReactions } from '../../src/jobs/reactions/start.ts'
import type { FunctionCall } from '../../src/jobs/run-function.ts'
import type { Published, PublishMessage, ReactionAction } from '../../src/protocol/job.ts'
import { attemptKey, type Decision, type Parked, type Reaction, workKey } from '../../src/protocol/reaction.ts'
import { type Returning, returningOf } from '../../src/protocol/returning.ts'
import type { LaneClass } from '../../src/protocol/subject.ts'
import { keptLog, openCore, storedIn } from '../helpers/core.ts'
import { createSeen, within } from '../helpers/wait.ts'

export interface Ran {
  what: string
  asked: Asked
  /** Of a job on minions. */
  tgt?: string | string[]
  returning?: Returning
}

export type Behaviour = (call: Ran) => Promise<{
  /** Default: web1. */
  minions?: string[]
  refused?: Record<string, string>
  offline?: string[]
  deadline?: number
  failure?: string
  code?: Code
  begun?: true
  stopped?: boolean
}>

export const action = (kind: ReactionAction['kind'], fun: string): ReactionAction => ({
  kind,
  fun,
  arg: [],
  kwarg: {},
  ...(kind === 'local' ? { tgt: 'web1', tgt_type: 'glob' } : {}),
})

export const reaction = (
  event: string,
  actions: ReactionAction[],
  rule = 'r',
  more: Partial<Reaction> = {},
): Reaction => ({
  rule,
  bundle: 'b1',
  event: { id: event, tag: 'my/tag', origin: '_user-root', seq: 1, storedMs: Date.now(), hops: 2 },
  actions,
  ...more,
})

/** A message of reactions of one rule. */
export function batchOf(reactions: Reaction[]): string {
  const { rule, bundle, policy } = reactions[0]!
  const inner = reactions.map(({ rule: _rule, bundle: _bundle, policy: _policy, ...rest }) => rest)
  return JSON.stringify({ rule, bundle, ...(policy ? { policy } : {}), reactions: inner })
}

export interface WorkerOptions {
  concurrency?: number
  append?: Ledger['append']
  /** What others enter in the ledger is known when it is asked for, and not before. */
  behind?: boolean
  stopFunctions?(): void
  /** Stands before the real one: what it throws is what the worker meets. */
  publish?: (subject: string, next: () => ReturnType<Publisher['publish']>) => ReturnType<Publisher['publish']>
  limits?: ShareLimits
  overdueEveryMs?: number
  stopWithinMs?: number
  clock?: Clock
  /** Default: what the behaviour says. */
  publishJob?: PublishJob
  known?: number
}

/** Alarms as they are raised and cleared: `raise rule r`. */
const keptAlarms = (): { alarms: Alarms; seen: ReturnType<typeof createSeen<string>> } => {
  const seen = createSeen<string>()
  return {
    seen,
    alarms: {
      raise: (kind, about) => seen.push(`raise ${kind} ${about}`),
      clear: (kind, about) => seen.push(`clear ${kind} ${about}`),
    },
  }
}

/** As of a process that stood still: it reads on later than it goes on. */
function readWhenAsked(ledger: Ledger): Ledger {
  const known = new Map<string, boolean>()
  return {
    ...ledger,
    has(attempt) {
      if (!known.has(attempt)) known.set(attempt, ledger.has(attempt))
      return known.get(attempt) === true
    },
    async sync(signal) {
      await ledger.sync(signal)
      known.clear()
    },
  }
}

/** Sleeps last a hundredth of what they say, so that what is tried again is tried soon. */
export const hurriedClock: Clock = {
  now: Date.now,
  sleep: (ms, signal) => systemClock.sleep(ms / 100, signal),
}

export async function openReactions(server: { url: string }) {
  const core = await openCore(server)
  const { nc, ns, subjects, publisher, fire } = core
  const ran = createSeen<Ran>()
  const { log, lines } = keptLog()
  const { alarms, seen: alarmed } = keptAlarms()
  const jsm = await jetstreamManager(nc)
  const decided = createSeen<Decision>()
  nc.subscribe(`${ns}.decision.done.>`, {
    callback: (_error, message) => {
      for (const decision of message.json<{ decisions: Decision[] }>().decisions ?? []) decided.push(decision)
    },
  })
  await nc.flush()
  const start = async (behave: Behaviour = async () => ({}), more: WorkerOptions = {}) => {
    const worker = `w${Math.random().toString(36).slice(2)}`
    const own: Publisher = {
      ...publisher,
      publish: (subject, body, options) => {
        const next = () => publisher.publish(subject, body, options)
        return more.publish ? more.publish(subject, next) : next()
      },
    }
    const opened = await openLedger(nc, subjects, own, worker, log)
    const read = more.behind ? readWhenAsked(opened) : opened
    const ledger = { ...read, append: more.append ?? opened.append }
    const act = (what: string, asked: Asked, more: Partial<Ran> = {}) => {
      const call: Ran = { what, asked, ...more }
      ran.push(call)
      return behave(call)
    }
    const run = async ({ fun, arg: _arg, kwarg: _kwarg, ...asked }: FunctionCall, kind: string) => {
      const { failure, stopped, code = 'function_failed', begun } = await act(`${kind}.${fun}`, asked as Asked)
      const jid = `jid of ${fun}`
      if (stopped) return { jid, outcome: { ok: false, code: 'stopped', message: 'stopped' } as const }
      if (failure === undefined) return { jid, outcome: { ok: true, value: 1 } as const }
      return { jid, outcome: { ok: false, code, message: failure } as const, ...(begun ? { begun } : {}) }
    }
    const reactions = await startReactions({
      nc,
      subjects,
      publisher: own,
      fire,
      ledger,
      alarms,
      publishJob:
        more.publishJob ??
        (async ({ fun, tgt, ...request }: PublishMessage, asked): Promise<Published> => {
          const returning = returningOf(request)
          const call = await act(`local.${fun}`, asked, { tgt, ...(returning.ret ? { returning } : {}) })
          const { refused = {}, offline = [], deadline = 0, minions = ['web1'] } = call
          const published = { minions, missing: [], waiting: [], deadline, run_until: 0 }
          return { ...published, jid: `jid of ${fun}`, offline, refused }
        }),
      resolveJob: ({ tgt }) => ({ minions: [tgt].flat().flatMap(each => each.split(',')), missing: [] }),
      knownMinions: () => more.known ?? 10,
      runFunction: call => run(call, 'runner'),
      callWheel: call => run(call, 'wheel'),
      marks: { release: () => undefined },
      ...(more.stopFunctions ? { stopFunctions: more.stopFunctions } : {}),
      ...(more.limits ? { limits: more.limits } : {}),
      ...(more.overdueEveryMs ? { overdueEveryMs: more.overdueEveryMs } : {}),
      ...(more.stopWithinMs ? { stopWithinMs: more.stopWithinMs } : {}),
      concurrency: more.concurrency ?? 4,
      clock: more.clock ?? systemClock,
      log,
    })
    return {
      ledger,
      stats: reactions.stats,
      async stop() {
        await reactions.stop()
        await ledger.stop()
      },
    }
  }
  const store = (one: Reaction, id?: string, lane: LaneClass = 'fast') => storeBatch([one], id, lane)
  const storeBatch = (
    all: Reaction[],
    id = attemptKey(workKey(all[0]!.event.id, all[0]!.rule), all[0]!.attempt),
    lane: LaneClass = 'fast',
  ) => publisher.publish(subjects.reaction(lane, all[0]!.rule), batchOf(all), { id })
  const until = (holds: () => Promise<boolean>, what: string) =>
    within(
      (async () => {
        while (!(await holds())) await new Promise(resolve => setImmediate(resolve))
      })(),
      what,
    )
  /** Resolves when every message has been acked; a work queue keeps none of those. */
  const drained = () =>
    until(async () => (await jsm.streams.info(`${ns}_REACTIONS`)).state.messages === 0, 'the last ack')
  /** Resolves when so many messages are with workers. */
  const handedOut = (count: number) =>
    until(
      async () => (await jsm.consumers.info(`${ns}_REACTIONS`, `${ns}_jobs_fast`)).num_ack_pending === count,
      `${count} messages handed out`,
    )
  const parked = () => storedIn<Parked>(nc, `${ns}_PARKED`)
  /** As another worker does that has it in hand too. */
  const parkElsewhere = async (one: Reaction, reason = 'lost') => {
    const { event, rule } = one
    const key = workKey(event.id, rule)
    await publisher.publish(subjects.parked(event.id, rule), JSON.stringify({ key, reason, reaction: one }))
    const entry = { key, rule, event: event.id, tag: event.tag, state: 'parked', ms: 1, jids: [] }
    await publisher.publish(subjects.done('another'), JSON.stringify({ worker: 'another', decisions: [entry] }))
  }
  return {
    ...core,
    ...{
      start,
      store,
      storeBatch,
      ran,
      lines,
      decided,
      drained,
      parked,
      parkElsewhere,
      handedOut,
      until,
      jsm,
      alarmed,
    },
  }
}
