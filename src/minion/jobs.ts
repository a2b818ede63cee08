// Jobs on the minion: taken or refused at once, each jid once, a bounded number at a time, and each with a return.
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { callFunction } from '../functions/call.ts'
import type { CallContext } from '../functions/context.ts'
import type { Registry } from '../functions/registry.ts'
import { isJid } from '../protocol/jid.ts'
import type { JobAnswer, JobMessage, JobReturn } from '../protocol/job.ts'
import { saltArgs } from '../protocol/salt-args.ts'
import type { Subjects } from '../protocol/subject.ts'
import { refusalOf } from './attest.ts'
import type { JidLedger } from './jid-ledger.ts'
import type { Spool } from './spool.ts'

export interface MinionJobParts {
  nc: NatsConnection
  subjects: Subjects
  id: string
  isolation: 'accounts' | 'none'
  registry: Registry<'execution'>
  ledger: JidLedger
  spool: Spool
  grains: Readonly<Record<string, unknown>>
  profiles: CallContext['profiles']
  moduleConfig: Readonly<Record<string, unknown>>
  concurrency: number
  now(): number
  log: Log
}

/** Retcode of a function that is not there, as Salt's scheduler returns it. */
const UNKNOWN_FUNCTION = 254
const NOT_STARTED = 'the minion was stopped before the job was started'
const STOPPING = 'the minion is being stopped'
const TOO_LATE = 'the deadline of the job passed while it waited for others to end'

export function startMinionJobs(parts: MinionJobParts): Running {
  const { nc, subjects, log } = parts
  const stopping = new AbortController()
  const waiting: JobMessage[] = []
  const running = new Set<Promise<void>>()
  const takes = new Set<Promise<void>>()

  const pump = () => {
    while (!stopping.signal.aborted && running.size < parts.concurrency && waiting.length > 0) {
      const job = waiting.shift()!
      const work: Promise<void> = execute(parts, job, stopping.signal)
        .catch(error => log.error({ jid: job.jid, error: errorMessage(error) }, 'a return could not be spooled'))
        .finally(() => {
          running.delete(work)
          pump()
        })
      running.add(work)
    }
  }

  const hold = async (message: Msg) => {
    const { answer, job } = await take(parts, message, stopping.signal)
    // Before the answer, which throws where the connection is closing: the jid is in the ledger, so the job has a return.
    if (job) waiting.push(job)
    if (!nc.isClosed()) message.respond(JSON.stringify(answer))
  }

  const subscription = nc.subscribe(subjects.job(parts.id), {
    callback: (error, message) => {
      if (error) {
        log.error({ error: errorMessage(error) }, 'the server refuses this minion its jobs')
        return
      }
      const taking: Promise<void> = hold(message)
        .catch(error => log.warn({ error: errorMessage(error) }, 'the answer to a job could not be sent'))
        .finally(() => {
          takes.delete(taking)
          pump()
        })
      takes.add(taking)
    },
  })

  return {
    async stop() {
      subscription.unsubscribe()
      stopping.abort()
      // What is on its way into the ledger is accepted by then, and has a return like what waits already.
      await Promise.all(takes)
      const returns = waiting
        .splice(0)
        .map(job => send(parts, returnOf(parts.id, job, false, NOT_STARTED, 1), job.hops))
      await Promise.allSettled([...running, ...returns])
    },
  }
}

async function take(
  parts: MinionJobParts,
  message: Msg,
  stopping: AbortSignal,
): Promise<{ answer: JobAnswer; job?: JobMessage }> {
  const refuse = (reason: string) => {
    parts.log.warn({ reason }, 'a job was refused')
    return { answer: { accepted: false, reason } }
  }
  const forged = refusalOf(message, parts.isolation)
  if (forged) return refuse(forged)
  try {
    const job = message.json<JobMessage>()
    if (!isJob(job)) return refuse('it is no job: expected {jid, fun, arg, kwarg, deadline}')
    // A jid that was taken before has run or is running: its return is on the way, whatever its deadline says by now.
    if (parts.ledger.has(job.jid)) return { answer: { accepted: true } }
    if (stopping.aborted) return refuse(STOPPING)
    if (job.deadline < parts.now()) return refuse('its deadline has passed')
    return (await parts.ledger.take(job.jid)) ? { answer: { accepted: true }, job } : { answer: { accepted: true } }
  } catch (error) {
    return refuse(errorMessage(error))
  }
}

const isJob = (job: unknown): job is JobMessage =>
  isObject(job) &&
  isJid(job.jid) &&
  typeof job.fun === 'string' &&
  Array.isArray(job.arg) &&
  isObject(job.kwarg) &&
  typeof job.deadline === 'number'

async function execute(parts: MinionJobParts, job: JobMessage, signal: AbortSignal): Promise<void> {
  const { id, registry, spool } = parts
  const { jid, fun, hops } = job
  if (job.deadline < parts.now()) return send(parts, returnOf(id, job, false, TOO_LATE, 1), hops)
  const log = parts.log.child({ jid, fun })
  let retcode = 0
  const outcome = await callFunction(registry, fun, job.arg, job.kwarg, {
    id,
    jid,
    user: job.user,
    key: job.key,
    log,
    signal,
    grains: parts.grains,
    profiles: parts.profiles,
    config: parts.moduleConfig,
    docs: () => registry.docs(),
    setRetcode: code => {
      retcode = code
    },
    fire: (tag, data) => spool.fire(tag, data, { cause: jid, hops: hops + 1 }),
  })
  if (!outcome.ok) {
    retcode = outcome.code === 'unknown_function' ? UNKNOWN_FUNCTION : retcode || 1
    if (outcome.stack) log.warn({ stack: outcome.stack }, 'a function failed on an exception of its own')
  }
  const returned = outcome.ok ? outcome.value : outcome.message
  await send(parts, returnOf(id, job, outcome.ok && retcode === 0, returned, retcode), hops)
}

function returnOf(
  id: string,
  { jid, fun, arg, kwarg }: JobMessage,
  success: boolean,
  value: unknown,
  retcode: number,
): JobReturn {
  return { id, jid, fun, fun_args: saltArgs(arg, kwarg), return: value, retcode, success, cmd: '_return' }
}

/** A return must arrive; one that no message can hold is answered by its size. */
async function send({ spool, nc, id }: MinionJobParts, returned: JobReturn, hops: number): Promise<void> {
  const limit = (nc.info?.max_payload ?? 1_048_576) - 4096
  const size = Buffer.byteLength(JSON.stringify(returned))
  const fits =
    size <= limit
      ? returned
      : {
          ...returned,
          return: `the return has ${size} bytes, more than a message may have (${limit})`,
          retcode: returned.retcode || 1,
          success: false,
        }
  await spool.fire(
    `salt/job/${returned.jid}/ret/${id}`,
    { ...fits },
    { cause: returned.jid, hops: hops + 1, keep: true },
  )
}
