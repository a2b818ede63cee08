// A function of this machine's minion, run by another process: as the minion would run it, under its id and its key.
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { asReactorError, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createStack } from '../base/service.ts'
import { connectBus } from '../bus/connect.ts'
import { createFire } from '../bus/fire.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { createPublisher } from '../bus/publish.ts'
import { requestJson } from '../bus/request.ts'
import { requireIsolation } from '../config/isolation.ts'
import type { Config } from '../config/schema.ts'
import type { ExecutionContext, Gathered } from '../functions/context.ts'
import { loadFunctions } from '../functions/load.ts'
import { collectGrains } from '../grains/collect.ts'
import { createMineClient } from '../mine/client.ts'
import { findFinished } from '../minion/finished.ts'
import { openOthersJobs } from '../minion/others.ts'
import { createOwnGrains } from '../minion/own-grains.ts'
import { runJob } from '../minion/run.ts'
import { asJson, createFit } from '../minion/sendable.ts'
import { createPayloadSender } from '../payload/upload.ts'
import { minionInbox } from '../protocol/access.ts'
import { createJidSource } from '../protocol/jid.ts'
import type { JobMessage, JobReturn } from '../protocol/job.ts'
import { minionOrigin } from '../protocol/origin.ts'
import { loadProfiles } from './profiles.ts'

export interface LocalCall {
  fun: string
  arg: unknown[]
  kwarg: Record<string, unknown>
  /** Who runs it, for the record. */
  user: string
}

export interface LocalEnd {
  returned: JobReturn
  /** Why nobody else will hear of the return. */
  unstored?: ReactorError
}

export interface LocalOptions {
  /** Runs it without a server: what needs one fails, and nobody hears of the return. */
  masterless: boolean
  signal: AbortSignal
  log: Log
}

const PEER_MARGIN_MS = 15_000
const STORED_WITHIN_MS = 5000
const SIGTERM = 15

/**
 * Runs it and has its return stored, unless it is masterless. Throws `unreachable` where there is no server before it runs;
 * once it has run, its return is given back whatever becomes of the server.
 */
export async function runLocally(config: Config, call: LocalCall, options: LocalOptions): Promise<LocalEnd> {
  const { id, dir } = config.minion
  const { log, masterless } = options
  const registry = await loadFunctions('execution', config.module_dirs)
  const collect = () => collectGrains({ id, config: config.minion.grains })
  const first = await collect()
  const stack = createStack()
  try {
    const link = masterless ? undefined : await connect(config, stack, log)
    const away = () => Promise.reject(new ReactorError('unreachable', 'it runs without a server (--local)'))
    const grains = link && createOwnGrains({ ...link, id, first, collect, log })
    const job = jobOf(id, call, config.jobs.run_timeout)
    const jobs = await openOthersJobs(join(dir, 'jobs.jsonl'))
    const fire = async (tag: string, data: Record<string, unknown>) => {
      if (!link) return away()
      await link.fire(tag, data, { cause: job.jid, hops: job.hops + 1, deadlineMs: STORED_WITHIN_MS })
    }
    const store = async ({ fitted }: Link, returned: JobReturn): Promise<ReactorError | undefined> => {
      try {
        const sent = await fitted(returned)
        await fire(`salt/job/${sent.jid}/ret/${sent.id}`, { ...sent })
      } catch (thrown) {
        const { code, message } = asReactorError(thrown)
        const words = `it ran as job ${job.jid}, but its return is not stored: ${message}`
        return new ReactorError(code, words, {}, thrown)
      }
    }
    const run = runJob(
      {
        id,
        registry,
        grains: () => grains?.current() ?? first,
        profiles: await loadProfiles(config),
        config: config.minion.module_config,
        mineFunctions: config.minion.mine_functions,
        mine: link
          ? createMineClient(link.nc, link.subjects, id)
          : { send: away, get: away, delete: away, flush: away },
        jobs: { ...jobs, cached: jid => findFinished(join(dir, 'finished'), config.minion.cache_jobs, jid) },
        refreshGrains: grains?.refresh ?? away,
        peer: link ? peerOf(link, id) : away,
        fire: (_job, tag, data) => fire(tag, data),
        now: systemClock.now,
        log,
      },
      job,
      () => undefined,
    )
    const stop = () => run.end({ words: 'it was stopped by Ctrl-C', retcode: 130, signal: SIGTERM })
    options.signal.addEventListener('abort', stop)
    const returned = asJson(await run.done)
    options.signal.removeEventListener('abort', stop)
    const unstored = link && (await store(link, returned))
    return { returned, ...(unstored ? { unstored } : {}) }
  } finally {
    await stack.stop()
  }
}

type Link = Awaited<ReturnType<typeof connect>>

async function connect(config: Config, stack: ReturnType<typeof createStack>, log: Log) {
  requireIsolation(config)
  const { id } = config.minion
  const bus = await connectBus({
    servers: config.servers,
    namespace: config.namespace,
    name: `${config.namespace} local ${id}`,
    seedFile: config.seed,
    inboxPrefix: minionInbox(id),
    patient: false,
    log,
  })
  stack.defer(() => bus.close())
  const publisher = createPublisher(bus.nc)
  stack.defer(() => publisher.stop())
  const { nc, subjects } = bus
  const fitted = createFit({
    sendPayload: createPayloadSender({ nc, subjects, id, connected: () => true, patienceMs: STORED_WITHIN_MS }),
    maxPayload: () => maxPayload(nc),
    log,
  })
  return { ...bus, fitted, fire: createFire(publisher, subjects, minionOrigin(id)) }
}

const peerOf =
  ({ nc, subjects }: Link, id: string): ExecutionContext['peer'] =>
  request =>
    requestJson<Gathered>(nc, subjects.ofMinion('peer', id), request, {
      timeoutMs: request.timeoutMs + PEER_MARGIN_MS,
      what: 'peer',
    })

function jobOf(id: string, { fun, arg, kwarg, user }: LocalCall, runMs: number): JobMessage {
  const jid = createJidSource()()
  const now = systemClock.now()
  return {
    jid,
    fun,
    arg,
    kwarg,
    user,
    tgt: id,
    tgt_type: 'glob',
    key: jid,
    hops: 0,
    deadline: now,
    run_until: now + runMs,
  }
}
