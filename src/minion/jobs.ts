// The jobs of a minion: taken or refused at once and written down, each jid once, a bounded number at a time, and each with
// a return, whatever happens to it or to the minion.
import { constants } from 'node:os'
import type { DurableMap } from '../base/durable-map.ts'
import { errorMessage } from '../base/errors.ts'
import { createInHand } from '../base/in-hand.ts'
import type { Log } from '../base/log.ts'
import type { MinionJobs } from '../functions/minion-context.ts'
import type { JobAnswer, JobMessage, JobReturn } from '../protocol/job.ts'
import { type Outcome, outcomeOf } from '../protocol/lifecycle.ts'
import { createControl } from './control.ts'
import type { FinishedJobs } from './finished.ts'
import type { Held } from './held.ts'
import { returnOf } from './job-return.ts'
import type { Returns } from './returns.ts'
import { type JobRun, runJob, type Surroundings } from './run.ts'
import { untilWritten } from './until-written.ts'
import { createWaitingJobs, type WaitingEntry } from './waiting.ts'

export interface JobEngineParts {
  id: string
  file: DurableMap<Held>
  returns: Returns
  finished: FinishedJobs
  around: Omit<Surroundings, 'jobs'>
  /** Says that a job has started that had to wait, that was fetched, or that is sent again while it runs. */
  sayStarted(job: JobMessage): void
  /** Hears of each job once it has ended and its return is kept, of those too that died with the process before. */
  onEnded?(job: JobMessage): void
  concurrency: number
  now(): number
  log: Log
}

export interface JobCounts {
  running: number
  waiting: number
  /** Since the start, by what became of them. */
  ended: ReadonlyMap<Outcome, number>
}

export interface JobEngine extends MinionJobs {
  stats(): JobCounts
  /**
   * Takes a job, unless its jid was taken before; it is on disk when this resolves. `fetched`: nobody waits for the
   * answer. Throws nothing: what cannot be written is refused.
   */
  take(job: JobMessage, fetched?: boolean): Promise<JobAnswer>
  /** Ends what runs, leaves what waits for the next start. */
  stop(): Promise<void>
}

const STOPPING = 'the minion is being stopped'
const STOPPED = 'the minion was stopped while it ran'
const DIED = 'the minion died while it ran; whether it was done is not known'
const TOO_LATE = 'the deadline of the job passed while it waited for others to end'
const SWEEP_MS = 30_000
/** These must work when everything else is stuck, so they do not wait for a place among the jobs that run. */
const JOB_CONTROL: ReadonlySet<string> = new Set(
  ['running', 'find_job', 'is_running', 'signal_job', 'term_job', 'kill_job', 'term_all_jobs', 'kill_all_jobs'].map(
    name => `saltutil.${name}`,
  ),
)

/** Goes on with what is on disk from before: says what died, runs what waits, sends returns that were not acked. */
export function startJobEngine(parts: JobEngineParts): JobEngine {
  const { id, file, returns, log, now } = parts
  const taking = new Map<string, Promise<JobAnswer>>()
  const waiting = createWaitingJobs()
  const runs = new Map<string, JobRun>()
  const working = createInHand(error =>
    log.error({ error: errorMessage(error) }, 'a job could not be brought to its end'),
  )
  let busy = 0
  let stopping = false

  const around: Surroundings = {
    ...parts.around,
    jobs: {
      ...createControl({ id, runs, waiting, finish: (job, returned) => working.add(finish(job, returned)) }),
      cached: jid => parts.finished.find(jid),
    },
  }
  const endings = new Map<Outcome, number>()
  const finish = async (job: JobMessage, returned: JobReturn) => {
    const outcome = outcomeOf(returned)
    endings.set(outcome, (endings.get(outcome) ?? 0) + 1)
    parts.finished.add(await returns.record(job, returned))
    parts.onEnded?.(job)
  }
  const onDisk = (job: JobMessage, pid?: number): Held => ({
    state: 'running',
    job,
    started: now(),
    ...(pid === undefined ? {} : { pid }),
  })

  /** Starts a job that is written down as running. Its place goes to the next one as soon as its function has ended. */
  const start = (job: JobMessage, placed: boolean) => {
    const one = runJob(around, job, pid => {
      // What a function that was left behind goes on to start is no job's any more.
      if (!runs.has(job.jid)) return
      file
        .put(job.jid, onDisk(job, pid))
        .catch(error => log.warn({ jid: job.jid, error: errorMessage(error) }, 'a pid could not be written down'))
    })
    runs.set(job.jid, one)
    const ended = one.done.then(returned => {
      runs.delete(job.jid)
      const finished = finish(job, returned)
      if (placed) giveWay()
      return finished
    })
    working.add(ended)
  }
  const giveWay = () => {
    busy--
    pump()
  }

  const pump = () => {
    while (!stopping && busy < parts.concurrency) {
      const entry = waiting.shift()
      if (!entry) return
      if (entry.job.deadline < now()) {
        entry.started()
        working.add(finish(entry.job, { ...returnOf(id, entry.job, TOO_LATE, 1), outcome: 'timed_out' }))
        continue
      }
      busy++
      working.add(begin(entry))
    }
  }
  const begin = async ({ job, removed, started, announced }: WaitingEntry): Promise<void> => {
    // Before it starts: after a crash nobody may take it for one that has not begun.
    await untilWritten(async () => {
      if (!stopping && !removed()) await file.put(job.jid, onDisk(job))
    }, log)
    if (removed()) return giveWay()
    if (stopping) return file.put(job.jid, { state: 'waiting', job })
    started()
    start(job, true)
    if (announced()) parts.sayStarted(job)
  }

  const admit = async (job: JobMessage, fetched: boolean): Promise<JobAnswer> => {
    if (stopping) return { accepted: false, reason: STOPPING }
    if (job.deadline < now()) return { accepted: false, reason: 'its deadline has passed' }
    const urgent = JOB_CONTROL.has(job.fun)
    if (urgent || (!fetched && busy < parts.concurrency && waiting.size() === 0)) {
      if (!urgent) busy++
      try {
        await file.put(job.jid, onDisk(job))
      } catch (error) {
        if (!urgent) {
          giveWay()
          throw error
        }
        // It may be what frees the disk, and does no harm a second time.
        log.warn({ jid: job.jid, error: errorMessage(error) }, 'a job that controls others runs without being on disk')
      }
      if (!stopping) {
        start(job, !urgent)
        return { accepted: true }
      }
      await file.put(job.jid, { state: 'waiting', job })
      return { accepted: true, waiting: true }
    }
    // Its place in the line is taken before it is written down, so that none that comes later overtakes it.
    const place = waiting.add(job, fetched)
    try {
      await file.put(job.jid, { state: 'waiting', job })
    } catch (error) {
      waiting.remove(job.jid)
      pump()
      throw error
    }
    place.stored()
    pump()
    return (await place.startsSoon) ? { accepted: true } : { accepted: true, waiting: true }
  }

  /** Who sends a job again has not had its answer in time: its start would not be known. */
  const sayAgain = (jid: string) => {
    const one = runs.get(jid)
    if (one) parts.sayStarted(one.job)
    else waiting.announce(jid)
  }

  const recover = () => {
    for (const [jid, held] of file.values) {
      if (typeof held === 'number') continue
      if (held.state === 'returned') returns.resend(jid, held)
      else if (held.state === 'waiting') waiting.add(held.job, true).stored()
      else {
        const its = held.pid === undefined ? '' : ` (its process was ${held.pid})`
        log.warn({ jid, fun: held.job.fun }, 'this minion died while the job ran')
        working.add(finish(held.job, { ...returnOf(id, held.job, DIED + its, 1), outcome: 'died' }))
      }
    }
    pump()
  }
  const sweep = () => {
    for (const [jid, held] of file.values)
      if (typeof held === 'number' && held < now()) file.delete(jid).catch(() => undefined)
  }
  const sweeping = setInterval(sweep, SWEEP_MS).unref()
  sweep()
  recover()

  return {
    ...around.jobs,
    stats: () => ({ running: runs.size, waiting: waiting.size(), ended: endings }),
    take(job, fetched = false) {
      const known = taking.get(job.jid)
      if (known) return known.finally(() => sayAgain(job.jid))
      // Taken before: it waits, runs, or has run and its return is on the way, whatever its deadline says by now.
      const held = file.values.get(job.jid)
      if (held !== undefined) {
        const waits = typeof held !== 'number' && held.state === 'waiting'
        sayAgain(job.jid)
        return Promise.resolve(waits ? { accepted: true, waiting: true } : { accepted: true })
      }
      const answer = admit(job, fetched)
        .catch((error): JobAnswer => ({ accepted: false, reason: errorMessage(error) }))
        .finally(() => taking.delete(job.jid))
      taking.set(job.jid, answer)
      return answer
    },
    async stop() {
      stopping = true
      clearInterval(sweeping)
      for (const one of runs.values()) one.end({ words: STOPPED, retcode: 1, signal: constants.signals.SIGTERM })
      await Promise.all([...taking.values()])
      await working.settle()
    },
  }
}
