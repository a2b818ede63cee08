// A function of this machine's minion, run by another process: as the minion would run it, under its id and its key.
import { constants } from 'node:os'
import { join } from 'node:path'
import { asReactorError, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createStack } from '../base/service.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { requireIsolation } from '../config/isolation.ts'
import type { Config } from '../config/schema.ts'
import { eventTrace } from '../minion/event-trace.ts'
import { findFinished } from '../minion/finished.ts'
import { openOthersJobs } from '../minion/others.ts'
import { createOwnJobs } from '../minion/own-job.ts'
import { runJob } from '../minion/run.ts'
import { asJson, createFit } from '../minion/sendable.ts'
import { createPayloadSender } from '../payload/upload.ts'
import type { JobReturn } from '../protocol/job.ts'
import { away, connectMinion, loadMinion, type MinionLink, surround } from './surroundings.ts'

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

const STORED_WITHIN_MS = 5000

/**
 * Runs it and has its return stored, unless it is masterless. Throws `unreachable` where there is no server before it runs;
 * once it has run, its return is given back whatever becomes of the server.
 */
export async function runLocally(config: Config, call: LocalCall, options: LocalOptions): Promise<LocalEnd> {
  const { id, dir } = config.minion
  const { log, masterless } = options
  if (!masterless) requireIsolation(config)
  const loaded = await loadMinion(config)
  const stack = createStack(problem => log.warn(problem))
  try {
    const link = masterless
      ? undefined
      : await connectMinion(config, { as: 'local', patient: false, grains: loaded.first }, stack, log)
    const { around } = surround(config, loaded, link, log)
    const job = createOwnJobs(id, around.now)(call, config.jobs.run_timeout)
    const jobs = await openOthersJobs(join(dir, 'jobs.jsonl'))
    const fire = async (tag: string, data: Record<string, unknown>) => {
      if (!link) return away()
      await link.fire(tag, data, { ...eventTrace(job), deadlineMs: STORED_WITHIN_MS })
    }
    const store = async (fitted: Fit, returned: JobReturn): Promise<ReactorError | undefined> => {
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
        ...around,
        jobs: { ...jobs, cached: jid => findFinished(join(dir, 'finished'), config.minion.cache_jobs, jid) },
        fire: (_job, tag, data) => fire(tag, data),
      },
      job,
      () => undefined,
    )
    const stop = () => run.end({ words: 'it was stopped by Ctrl-C', retcode: 130, signal: constants.signals.SIGTERM })
    options.signal.addEventListener('abort', stop)
    const returned = asJson(await run.done)
    options.signal.removeEventListener('abort', stop)
    const unstored = link && (await store(fitOf(link, id, log), returned))
    return { returned, ...(unstored ? { unstored } : {}) }
  } finally {
    await stack.stop()
  }
}

type Fit = ReturnType<typeof createFit>

function fitOf({ nc, subjects }: MinionLink, id: string, log: Log): Fit {
  return createFit({
    sendPayload: createPayloadSender({ nc, subjects, id, connected: () => true, patienceMs: STORED_WITHIN_MS }),
    maxPayload: () => maxPayload(nc),
    log,
  })
}
