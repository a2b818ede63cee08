// The jobs of a minion: taken or refused at once and written down, each jid once, a bounded number at a time, and each with
// a return, whatever happens to it or to the minion.
import type { DurableMap } from '../base/durable-map.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { MinionJobs } from '../functions/context.ts'
import type { JobAnswer, JobMessage, JobReturn } from '../protocol/job.ts'
import { saltArgs } from '../protocol/salt-args.ts'
import type { FinishedJobs } from './finished.ts'
import type { Held } from './held.ts'
import type { Returns } from './returns.ts'
import { type Ending, type JobRun, returnOf, runJob, type Surroundings } from './run.ts'
import { untilWritten } from './until-written.ts'
import { createWaitingJobs, type WaitingEntry } from './waiting.ts'

export interface JobEngineParts {
  id: string
  file: DurableMap<Held>
  returns: Returns
  finished: FinishedJobs
  around: Omit<Surroundings, 'jobs'>
  /** Says that a job has started that had to wait, or that was fetched. */
  sayStarted(job: JobMessage): Promise<void>
  concurrency: number
  now(): number
  log: Log
}

export interface JobEngine extends MinionJobs {
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
const SIGNALS: Readonly<Record<number, string>> = { 9: 'killed', 15: 'terminated' }
const SIGTERM = 15
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
  const working = new Set<Promise<void>>()
  let busy = 0
  let stopping = false

  const around: Surroundings = {
    ...parts.around,
    jobs: { running, signal, cached: jid => parts.finished.find(jid) },
  }
  const track = (work: Promise<void>) => {
    const tracked = work
      .catch(error => log.error({ error: errorMessage(error) }, 'a job could not be brought to its end'))
      .finally(() => working.delete(tracked))
    working.add(tracked)
  }
  const finish = async (job: JobMessage, returned: JobReturn) => {
    parts.finished.add(await returns.record(job, returned))
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
    track(ended)
  }
  const giveWay = () => {
    busy--
    pump()
  }

  const pump = () => {
    while (!stopping && busy < parts.concurrency) {
      const entry = waiting.shift()
      if (!entry) return
      busy++
      track(begin(entry))
    }
  }
  const begin = async ({ job, started, announced }: WaitingEntry): Promise<void> => {
    if (job.deadline < now()) {
      giveWay()
      return finish(job, { ...returnOf(id, job, TOO_LATE, 1), outcome: 'timed_out' })
    }
    // Before it starts: after a crash nobody may take it for one that has not begun.
    await untilWritten(() => file.put(job.jid, onDisk(job)), log)
    if (stopping) return file.put(job.jid, { state: 'waiting', job })
    started()
    start(job, true)
    if (announced()) await parts.sayStarted(job)
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
        if (!urgent) giveWay()
        throw error
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

  function running() {
    return [...runs.values()].map(({ job, pids }) => ({
      jid: job.jid,
      fun: job.fun,
      arg: saltArgs(job.arg, job.kwarg),
      tgt: job.tgt,
      tgt_type: job.tgt_type,
      user: job.user,
      ret: '',
      pid: pids()[0] ?? process.pid,
    }))
  }

  function signal(jid: string, number: number): number[] | undefined {
    const words = SIGNALS[number]
    const one = runs.get(jid)
    if (one) {
      if (!words) return one.signal(number)
      const pids = one.pids()
      one.end(endingBy(words, number))
      return pids
    }
    const entry = words === undefined ? undefined : waiting.remove(jid)
    if (!entry) return undefined
    const { words: said, retcode } = endingBy(words!, number)
    track(finish(entry.job, returnOf(id, entry.job, `${said} before it was started`, retcode)))
    return []
  }

  const recover = () => {
    for (const [jid, held] of file.values) {
      if (typeof held === 'number') continue
      if (held.state === 'returned') returns.resend(jid, held)
      else if (held.state === 'waiting') waiting.add(held.job, true).stored()
      else {
        const its = held.pid === undefined ? '' : ` (its process was ${held.pid})`
        log.warn({ jid, fun: held.job.fun }, 'this minion died while the job ran')
        track(finish(held.job, { ...returnOf(id, held.job, DIED + its, 1), outcome: 'died' }))
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
    running,
    signal,
    cached: around.jobs.cached,
    take(job, fetched = false) {
      const known = taking.get(job.jid)
      if (known) return known
      // Taken before: it waits, runs, or has run and its return is on the way, whatever its deadline says by now.
      const held = file.values.get(job.jid)
      if (held !== undefined) {
        const waits = typeof held !== 'number' && held.state === 'waiting'
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
      for (const one of runs.values()) one.end({ words: STOPPED, retcode: 1, signal: SIGTERM })
      await Promise.all([...taking.values()])
      while (working.size > 0) await Promise.all([...working])
    },
  }
}

const endingBy = (words: string, signal: number): Ending => ({
  words: `${words} by saltutil.${signal === SIGTERM ? 'term' : 'kill'}_job (signal ${signal})`,
  retcode: -signal,
  signal,
})

