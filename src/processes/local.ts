// A function of this machine's minion, run by another process: as the minion would run it, under its id and its key.
import { constants } from 'node:os'
import { join } from 'node:path'
import { asReactorError, type Code, errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createStack } from '../base/service.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { requireIsolation } from '../config/isolation.ts'
import type { Config } from '../config/schema.ts'
import type { MinionReturners } from '../functions/minion-context.ts'
import type { MinionPillar } from '../functions/minion-data.ts'
import { fireOnBus } from '../minion/bus-client.ts'
import { eventTrace } from '../minion/event-trace.ts'
import { findFinished } from '../minion/finished.ts'
import { openOthersJobs } from '../minion/others.ts'
import { createOwnJobs } from '../minion/own-job.ts'
import { runJob } from '../minion/run.ts'
import { asJson, createFit } from '../minion/sendable.ts'
import { createPayloadSender } from '../payload/upload.ts'
import { jobReturn } from '../protocol/catalogue/jobs.ts'
import { formatStamp } from '../protocol/event.ts'
import type { JobReturn } from '../protocol/job.ts'
import type { Returning } from '../protocol/returning.ts'
import { type Give, prepareGiving } from '../returner/give.ts'
import { findReturners } from '../returner/load.ts'
import { createStores } from '../returner/open.ts'
import { withinTime } from '../returner/time-limit.ts'
import { away } from './away.ts'
import { connectMinion, type Loaded, loadMinion, type MinionLink, surround } from './surroundings.ts'

export interface LocalCall {
  fun: string
  arg: unknown[]
  kwarg: Record<string, unknown>
  /** Who runs it, for the record. */
  user: string
  /** The returners that get its return, whether there is a server or not. */
  returning?: Returning
}

export interface LocalEnd {
  returned: JobReturn
  /** Why the return is not, or not everywhere, where it was to go. */
  unstored?: ReactorError
}

export interface LocalOptions {
  /** Runs it without a server: what needs one fails, and only its returners hear of the return. */
  masterless: boolean
  signal: AbortSignal
  log: Log
}

const STORED_WITHIN_MS = 5000
const CLOSED_WITHIN_MS = 500

/**
 * Runs it, gives its return to its returners, and has it stored, unless it is masterless. Throws before it runs: `unreachable`
 * where there is no server, `bad_config` or `bad_module` where a returner can never take it. Once it has run, its return is given
 * back whatever becomes of server and stores.
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
    const { around, pillar } = surround(config, loaded, link, log)
    await fetchPillar(pillar, log)
    const giveTo = await openReturners(config, call.returning, loaded.profiles, stack, log)
    const job = createOwnJobs(id, around.now)(call, config.jobs.run_timeout)
    const jobs = await openOthersJobs(join(dir, 'jobs.jsonl'))
    const fire = async (tag: string, data: Record<string, unknown>) => {
      if (!link) return away()
      await link.fire(tag, data, { ...eventTrace(job), deadlineMs: STORED_WITHIN_MS })
    }
    const store = async (fitted: Fit, returned: JobReturn): Promise<Missing[]> => {
      try {
        const sent = await fitted(returned)
        await fire(...jobReturn.of(sent, sent))
        return []
      } catch (thrown) {
        const { code, message } = asReactorError(thrown)
        return [{ code, words: `its return is not stored: ${message}` }]
      }
    }
    const give = async (returned: JobReturn): Promise<Missing[]> => {
      const missing = await giveTo?.({ ...returned, _stamp: formatStamp(around.now()) }, options.signal)
      return (missing ?? []).map(({ returner, problem }) => ({
        code: 'store_refused',
        words: `the returner '${returner}' does not have its return: ${problem}`,
      }))
    }
    const run = runJob(
      {
        ...around,
        jobs: { ...jobs, cached: jid => findFinished(join(dir, 'finished'), config.minion.cache_jobs, jid) },
        bus: { fire: (tag, data) => fireOnBus(dir, tag, data) },
        returners: OF_THE_MINION,
        get schedule() {
          return ofTheMinion("the schedule is the minion's own")
        },
        get beacons() {
          return ofTheMinion("beacons are the minion's own")
        },
        fire: (_job, tag, data) => fire(tag, data),
      },
      job,
      () => undefined,
    )
    const stop = () => run.end({ words: 'it was stopped by Ctrl-C', retcode: 130, signal: constants.signals.SIGTERM })
    options.signal.addEventListener('abort', stop)
    const returned = asJson(await run.done)
    options.signal.removeEventListener('abort', stop)
    const missing = await Promise.all([...(link ? [store(fitOf(link, id, log), returned)] : []), give(returned)])
    const unstored = unstoredAs(job.jid, missing.flat())
    return { returned, ...(unstored ? { unstored } : {}) }
  } finally {
    await stack.stop()
  }
}

/** Without it, what needs it says so. */
async function fetchPillar(pillar: Pick<MinionPillar, 'refresh'>, log: Log): Promise<void> {
  try {
    await pillar.refresh()
  } catch (error) {
    log.debug({ reason: errorMessage(error) }, 'there is no pillar for this call')
  }
}

/** Undefined: there are none. */
async function openReturners(
  { module_dirs, returner_settings: settings, minion: { id } }: Config,
  returning: Returning | undefined,
  profiles: Loaded['profiles'],
  stack: ReturnType<typeof createStack>,
  log: Log,
): Promise<Give | undefined> {
  if (!returning?.ret) return undefined
  const returners = await findReturners(module_dirs)
  const stores = createStores({ returners, settings, id, profiles, log })
  stack.defer(() => withinTime(CLOSED_WITHIN_MS, 'a store', () => stores.close()))
  return prepareGiving(returning, { stores, returners })
}

/** A place where the return was to go and is not. */
interface Missing {
  code: Code
  words: string
}

function unstoredAs(jid: string, missing: readonly Missing[]): ReactorError | undefined {
  if (missing.length === 0) return undefined
  return new ReactorError(missing[0]!.code, `it ran as job ${jid}, but ${missing.map(({ words }) => words).join('; ')}`)
}

const ofTheMinion = (what: string): never => {
  throw new ReactorError('unreachable', `${what}: 'reactor call' asks it`)
}
const waitingThere = () => ofTheMinion('what waits for returners only the minion itself knows')
const OF_THE_MINION: MinionReturners = {
  waiting: waitingThere,
  parked: waitingThere,
  retry: waitingThere,
  drop: waitingThere,
}

type Fit = ReturnType<typeof createFit>

function fitOf({ nc, subjects }: MinionLink, id: string, log: Log): Fit {
  return createFit({
    sendPayload: createPayloadSender({
      ...{ nc, subjects, id, log },
      connected: () => true,
      patienceMs: STORED_WITHIN_MS,
      givesUp: true,
    }),
    maxPayload: () => maxPayload(nc),
    log,
  })
}
