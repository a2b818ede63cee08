// Starting a job on minions: resolve the target, store the record, announce it, send it to each minion and hear at once
// who took it, who refused it and who is offline.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../base/clock.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Fire } from '../bus/fire.ts'
import { requestFailure } from '../bus/request.ts'
import type { MinionEntry } from '../fleet/registry.ts'
import { isJid } from '../protocol/jid.ts'
import type { JobAnswer, JobMessage, PublishMessage } from '../protocol/job.ts'
import { saltArgs } from '../protocol/salt-args.ts'
import type { Subjects } from '../protocol/subject.ts'
import { resolveTarget } from '../protocol/target.ts'
import type { JobRecords, Work } from './records.ts'

export interface Published {
  jid: string
  /** Minions that the job is for. */
  minions: string[]
  /** Those of them that nobody answered for. */
  offline: string[]
  /** Those of them that refused, with the reason. */
  refused: Record<string, string>
  /** Ids of a list target that nobody knows. */
  missing: string[]
}

export interface Asked {
  user: string
  cause?: string | undefined
  hops?: number
  /** Work of a reaction: its jid is derived, and work that was started before is resumed instead of started again. */
  work?: Work
}

export interface PublishParts {
  nc: NatsConnection
  subjects: Subjects
  fire: Fire
  records: JobRecords
  fleet: { values: ReadonlyMap<string, MinionEntry> }
  /** Milliseconds within which minions may start a job, unless the request says. */
  jobTimeoutMs: number
  clock: Clock
  log: Log
}

const ANSWER_WITHIN_MS = 3000

export type PublishJob = (request: PublishMessage, asked: Asked) => Promise<Published>

/** Throws `no_minions`, `bad_argument`, `jid_taken`, `store_refused`. */
export function createPublishJob(parts: PublishParts): PublishJob {
  const { subjects, records, fire, clock, log } = parts

  return async (request, asked) => {
    const message = checkRequest(request)
    const { minions, missing } = resolveTarget(message.tgt, message.tgt_type, ids(parts.fleet.values))
    if (minions.length === 0) {
      throw new ReactorError(
        'no_minions',
        `no minions matched the target ${JSON.stringify(message.tgt)} (${message.tgt_type})`,
        { missing },
      )
    }
    const { timeoutMs, jid: askedJid, ...job } = message
    const hops = (asked.hops ?? 0) + 1
    const deadline = clock.now() + (timeoutMs ?? parts.jobTimeoutMs)
    const { record, resumed } = await records.open(
      {
        ...job,
        kind: 'local',
        user: asked.user,
        minions,
        deadline,
        hops,
        ...(asked.cause ? { cause: asked.cause } : {}),
      },
      { work: asked.work, jid: askedJid },
    )
    const { jid } = record
    // Work that is taken over goes to those to whom it went before, whoever matches by now.
    const expected = record.minions ?? minions
    await fire(
      `salt/job/${jid}/new`,
      {
        jid,
        tgt: job.tgt,
        tgt_type: job.tgt_type,
        fun: job.fun,
        arg: saltArgs(job.arg, job.kwarg),
        minions: expected,
        missing,
        user: asked.user,
      },
      { id: record.announce, cause: asked.cause, hops },
    )
    const answers = await sendToAll(
      { ...job, jid, key: record.key, user: asked.user, deadline: record.deadline, hops },
      expected,
    )
    log.debug({ jid, fun: job.fun, minions: expected.length, resumed, ...answers }, 'job published')
    return { jid, minions: expected, missing, ...answers }
  }

  async function sendToAll(
    message: JobMessage,
    minions: readonly string[],
  ): Promise<Pick<Published, 'offline' | 'refused'>> {
    const body = JSON.stringify(message)
    const offline: string[] = []
    const refused = new Map<string, string>()
    await Promise.all(
      minions.map(async minion => {
        try {
          const reply = await parts.nc.request(subjects.job(minion), body, { timeout: ANSWER_WITHIN_MS })
          const answer = reply.json<JobAnswer>()
          if (!answer.accepted) refused.set(minion, answer.reason ?? 'no reason given')
        } catch (error) {
          const failure = requestFailure(error)
          if (failure === 'nobody') offline.push(minion)
          else
            refused.set(
              minion,
              failure === 'late' ? `no answer within ${ANSWER_WITHIN_MS / 1000} s` : errorMessage(error),
            )
        }
      }),
    )
    return { offline: offline.sort(), refused: Object.fromEntries(refused) }
  }
}

function* ids(fleet: ReadonlyMap<string, MinionEntry>): Iterable<string> {
  for (const entry of fleet.values()) yield entry.id
}

function checkRequest(request: PublishMessage) {
  const { tgt, fun, jid, timeout } = request
  const wrong = (what: string) => new ReactorError('bad_argument', `publish: ${what}`)
  const listed = Array.isArray(tgt) && tgt.every(id => typeof id === 'string')
  if (typeof tgt !== 'string' && !listed)
    throw wrong(`'tgt' must be a text or a list of ids, got ${JSON.stringify(tgt)}`)
  if (typeof fun !== 'string' || !/^\w+(\.\w+)+$/.test(fun))
    throw wrong(`'fun' must be module.function, got ${JSON.stringify(fun)}`)
  if (request.tgt_type !== undefined && typeof request.tgt_type !== 'string')
    throw wrong(`'tgt_type' must be a text, got ${JSON.stringify(request.tgt_type)}`)
  if (request.arg !== undefined && !Array.isArray(request.arg))
    throw wrong(`'arg' must be a list, got ${JSON.stringify(request.arg)}`)
  if (
    request.kwarg !== undefined &&
    (typeof request.kwarg !== 'object' || request.kwarg === null || Array.isArray(request.kwarg))
  ) {
    throw wrong(`'kwarg' must be a map, got ${JSON.stringify(request.kwarg)}`)
  }
  if (jid !== undefined && !isJid(jid)) throw wrong(`'jid' must be 20 digits, got ${JSON.stringify(jid)}`)
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout > 0))
    throw wrong(`'timeout' must be seconds, got ${JSON.stringify(timeout)}`)
  return {
    tgt,
    tgt_type: request.tgt_type ?? (listed ? 'list' : 'glob'),
    fun,
    arg: request.arg ?? [],
    kwarg: request.kwarg ?? {},
    jid,
    timeoutMs: timeout === undefined ? undefined : timeout * 1000,
  }
}
