// Starting a job on minions: resolve the target, store the record, announce it, send it to each minion and hear at once
// who took it, who refused it and who is offline.
import { type Audit, failureOf, shownTarget } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Fire } from '../bus/fire.ts'
import type { MinionEntry } from '../fleet/registry.ts'
import { maySeeJob } from '../operators/authority.ts'
import { FOLLOWING } from '../operators/may.ts'
import { jobNew, jobSent } from '../protocol/catalogue/jobs.ts'
import { isJid } from '../protocol/jid.ts'
import {
  JID_KNOWN_MS,
  type JobMessage,
  type JobRecord,
  type JobSent,
  type Published,
  type PublishMessage,
  type Sending,
} from '../protocol/job.ts'
import { returningOf, shownReturning } from '../protocol/returning.ts'
import type { Grants } from '../protocol/role.ts'
import { saltArgs } from '../protocol/salt-args.ts'
import type { TargetContext } from '../protocol/target.ts'
import { causedBy, keptTrace, type Trace } from '../protocol/trace.ts'
import { argumentPaths, type ValuePath } from '../protocol/trust.ts'
import { jobMessage, type Missed } from './missed.ts'
import { forgotten, type JobRecords, type Work } from './records.ts'
import { type CheckedRequest, checkRequest } from './request.ts'
import { createResolve } from './resolve.ts'
import type { JobSender, Sent } from './send.ts'
import { requireIds } from './untrusted-target.ts'

export interface Asked extends Trace {
  user: string
  /** Where from, for the audit record; default: CORE. */
  source?: string
  /** What the operator who asked may; without it the program itself asks: a rule, a schedule, a probe of its own. */
  grants?: () => Grants
  /** Work of a reaction: its jid is derived, and work that was started before is resumed instead of started again. */
  work?: Work
  /** Values that an event filled: looked at in the target, passed on with the arguments. */
  untrusted?: readonly ValuePath[] | undefined
}

export interface PublishParts {
  fire: Fire
  records: JobRecords
  sender: JobSender
  missed: Missed
  fleet: { values: ReadonlyMap<string, MinionEntry> }
  targets: TargetContext
  /** Milliseconds within which minions must start a job, unless the request says. */
  jobTimeoutMs: number
  /** Milliseconds within which it must have ended, unless the request says. */
  runTimeoutMs: number
  audit: Audit
  clock: Clock
  log: Log
}

/**
 * Throws `forbidden`, `no_minions`, `bad_argument`, `jid_taken`, `store_refused`, and `outcome_unknown` for work that was
 * started so long ago that its minions may not know it any more.
 */
export type PublishJob = (request: PublishMessage, asked: Asked) => Promise<Published>
/**
 * Only says which minions the target of a request means: of a call of `fun`, as if it were made; without `fun`, those on
 * which the asker may do anything. Throws `forbidden`, `bad_argument`.
 */
export type ResolveJob = (
  request: PublishMessage,
  asked: Pick<Asked, 'user' | 'source' | 'grants'>,
) => { minions: string[]; missing: string[] }

/** The clocks of minions differ, and a sending takes its time. */
const SURELY_KNOWN_MS = JID_KNOWN_MS - 60_000

const NOBODY: Sent = { offline: [], unanswered: [], refused: {}, waiting: [] }

export function createPublishJob(parts: PublishParts): { publish: PublishJob; resolve: ResolveJob } {
  const { records, fire, clock, log, sender, missed, audit } = parts
  const resolve = createResolve(parts.fleet, parts.targets)

  const publish: PublishJob = async (request, asked) => {
    const { user, source = 'CORE' } = asked
    const { tgt, tgt_type, fun } = request
    const record = {
      ...{ user, source, action: nameOf(fun), tgt: shownTarget(tgt) },
      ...(typeof tgt_type === 'string' ? { tgt_type: tgt_type.slice(0, 100) } : {}),
    }
    try {
      const published = await start(request, asked)
      audit('publish', { ...record, result: 'ok', jid: published.jid }, asked)
      return published
    } catch (error) {
      // Work is tried until the store is there, which could not take a record of each try either.
      if (!asked.work || !isAway(error)) audit('publish', { ...record, ...failureOf(error) }, asked)
      throw error
    }
  }

  const start: PublishJob = async (request, asked) => {
    const checked = checkRequest(request)
    requireIds(checked, asked)
    const { minions, missing } = resolve({ ...checked, following: await asksAfterOwn(checked, asked) }, asked)
    if (minions.length === 0) {
      throw new ReactorError(
        'no_minions',
        `no minions matched the target ${JSON.stringify(checked.tgt)} (${checked.tgt_type})`,
        { missing },
      )
    }
    const { record, resumed } = await records.open(recordOf(checked, minions, missing, asked), {
      work: asked.work,
      jid: checked.jid,
    })
    const { jid, deadline, run_until } = record
    if (resumed && asked.work && (await isForgotten(record, asked.work))) throw forgotten(jid)
    // Work that is taken over goes to those to whom it went before, whoever matches by now.
    const expected = record.minions ?? minions
    await fire(
      ...jobNew.of({ jid }, announcement({ tgt: checked.tgt, tgt_type: checked.tgt_type, ...record }, expected)),
      {
        id: record.announce,
        cause: asked.cause,
        hops: record.hops,
        chain: record.chain,
      },
    )
    const answers = await deliver(record, expected)
    void tell({ jid, ...answers }, record)
    log.debug({ jid, fun: record.fun, minions: expected.length, resumed, ...answers }, 'job published')
    return { jid, minions: expected, missing: record.missing ?? [], deadline, run_until, ...answers }
  }

  /** A minion that did it and forgot it would refuse it, as one that never had it does. */
  const isForgotten = async ({ jid, deadline }: JobRecord, work: Work): Promise<boolean> =>
    clock.now() > deadline + SURELY_KNOWN_MS && records.mayHaveGone(jid, { ...work, again: true })

  async function asksAfterOwn({ fun, arg, kwarg }: CheckedRequest, { user, grants }: Asked): Promise<boolean> {
    const jid = arg.length > 0 ? arg[0] : kwarg.jid
    if (!grants || fun !== FOLLOWING || !isJid(jid)) return false
    const followed = await records.find(jid)
    return followed !== undefined && maySeeJob(user, grants(), followed)
  }

  function recordOf(checked: CheckedRequest, minions: string[], missing: string[], asked: Asked) {
    const { tgt, tgt_type, fun, arg, kwarg, metadata } = checked
    const now = clock.now()
    const untrusted = argumentPaths(asked.untrusted)
    const deadline = now + (checked.timeoutMs ?? parts.jobTimeoutMs)
    return {
      kind: 'local' as const,
      ...{ tgt, tgt_type, fun, arg, kwarg, minions, missing, deadline },
      run_until: checked.runTimeoutMs === undefined ? deadline + parts.runTimeoutMs : now + checked.runTimeoutMs,
      user: asked.user,
      hops: (asked.hops ?? 0) + 1,
      ...keptTrace(asked),
      ...(metadata ? { metadata } : {}),
      ...(untrusted.length === 0 ? {} : { untrusted }),
      ...returningOf(checked),
    }
  }

  /** Those who are away are marked, and tried once more: see missed.ts. */
  async function deliver(record: JobRecord, minions: readonly string[]): Promise<Sending> {
    const message = jobMessage(record)
    const first = await sender.send(message, minions)
    const away = [...first.offline, ...first.unanswered]
    if (away.length > 0) await missed.mark(message, away)
    // Those who did not answer may have lost it with their link, and have asked for what they missed before the mark was
    // there. Nobody waits for them a second time: a minion that gets a job again says that it runs it.
    if (first.unanswered.length > 0) void sendAgain(message, first.unanswered)
    const again = first.offline.length > 0 ? await sender.send(message, first.offline) : NOBODY
    return {
      offline: again.offline,
      refused: { ...first.refused, ...again.refused },
      waiting: [...first.waiting, ...first.unanswered, ...again.waiting, ...again.unanswered].sort(),
    }
  }

  async function sendAgain(message: JobMessage, minions: readonly string[]): Promise<void> {
    try {
      await sender.send(message, minions)
    } catch (error) {
      log.warn({ jid: message.jid, error: errorMessage(error) }, 'a job could not be sent again')
    }
  }

  /** For the job cache. The caller does not wait for it: the minions have the job. */
  async function tell(sent: JobSent, record: JobRecord): Promise<void> {
    try {
      await fire(...jobSent.of(sent, sent), causedBy(sent.jid, record))
    } catch (error) {
      log.warn({ jid: sent.jid, error: errorMessage(error) }, 'how a job was sent could not be recorded')
    }
  }

  return {
    publish,
    resolve(request, asked) {
      const { user, source = 'CORE' } = asked
      try {
        return resolve(checkRequest(request), asked)
      } catch (error) {
        const failure = failureOf(error)
        if (failure.result === 'refused')
          audit('publish', { user, source, action: nameOf(request.fun), tgt: shownTarget(request.tgt), ...failure })
        throw error
      }
    },
  }
}

/** Nothing is wrong with what was asked: the store or a service is not there. */
export const isAway = (error: unknown): boolean =>
  error instanceof ReactorError && (error.code === 'store_refused' || error.code === 'unreachable')

/** Of what may be no function's name yet. */
const nameOf = (fun: unknown): string => (typeof fun === 'string' ? fun.slice(0, 200).toWellFormed() : 'publish')

/** What is said of a new job, with Salt's fields and the job's times. */
function announcement(record: JobRecord & Required<Pick<JobRecord, 'tgt' | 'tgt_type'>>, minions: string[]) {
  const { jid, tgt, tgt_type, fun, arg, kwarg, user, missing = [], deadline, run_until, metadata } = record
  return {
    ...{ jid, tgt_type, tgt, user, fun, arg: saltArgs(arg, kwarg), minions, missing, deadline, run_until },
    ...(metadata ? { metadata } : {}),
    ...shownReturning(record),
  }
}
