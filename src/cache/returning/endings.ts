// When a job has ended: all of its minions have returned. What this process stored says it mostly; of a job that other cache
// workers had a part of, or that was begun before this one started, the store is asked once its returns have stopped coming. One
// of which there is no load even then is a minion's own, as in the job cache.
import type { KnownLoad } from '../../functions/define-returner.ts'
import type { JobLoad, StoredReturn } from '../../protocol/returned.ts'

export interface Endings {
  /** They are stored. The jobs that have ended by that. */
  stored(loads: readonly JobLoad[], returns: readonly StoredReturn[]): Ended[]
  /** Asks of what is in hand at once; resolves when all is answered, or after so many milliseconds. */
  stop(withinMs: number): Promise<void>
}

export interface Ended {
  jid: string
  endtime: string
}

export interface EndingsParts {
  get_load(jid: string): Promise<KnownLoad | undefined>
  get_jid(jid: string): Promise<Record<string, StoredReturn>>
  save_load(loads: readonly JobLoad[]): Promise<void>
  /** Takes those of which the store had to be asked. */
  end(ended: Ended): Promise<void>
  /** A question to the store has failed. */
  onFailure(error: unknown): void
}

interface Open {
  minions: readonly string[] | undefined
  returned: Set<string>
  endtime: string
  /** Questions to the store that have failed. */
  failures: number
  timer?: NodeJS.Timeout
}

/** Jobs in hand; beyond them the store is asked of the oldest at once. */
const MOST = 1000
/** Questions to the store at once: it has others to answer, and returns to write. */
const AT_ONCE = 2
const QUIET_MS = 5000
const LONGEST_MS = 60_000

export function createEndings(parts: EndingsParts): Endings {
  const open = new Map<string, Open>()
  const inTurn = createTurns(AT_ONCE)
  let stopped = false

  const forget = (jid: string) => {
    clearTimeout(open.get(jid)?.timer)
    open.delete(jid)
  }
  const jobOf = (jid: string): Open => {
    const job = open.get(jid) ?? { minions: undefined, returned: new Set<string>(), endtime: '', failures: 0 }
    open.set(jid, job)
    if (open.size > MOST) askNow(open.keys().next().value!)
    return job
  }
  const hasEnded = ({ minions, returned }: Pick<Open, 'minions' | 'returned'>) =>
    minions !== undefined && minions.length > 0 && minions.every(id => returned.has(id))

  const ask = async (jid: string, { endtime }: Open) => {
    const [known, returns] = await Promise.all([parts.get_load(jid), parts.get_jid(jid)])
    const [first] = Object.values(returns)
    const load = known ?? (first && ownLoad(first))
    if (!known && load) await parts.save_load([load])
    if (hasEnded({ minions: load?.minions, returned: new Set(Object.keys(returns)) })) await parts.end({ jid, endtime })
  }

  /** Once nothing more has come of it for a while. */
  const askSoon = (jid: string, job: Open) => {
    const waitMs = Math.min(QUIET_MS * 2 ** job.failures, LONGEST_MS)
    job.timer = setTimeout(() => inTurn(() => answered(jid, job)), waitMs).unref()
  }
  const answered = async (jid: string, job: Open) => {
    try {
      await ask(jid, job)
      if (open.get(jid) === job) forget(jid)
    } catch (error) {
      if (job.failures === 0) parts.onFailure(error)
      job.failures += 1
      if (open.get(jid) === job && !stopped) askSoon(jid, job)
    }
  }
  const askNow = (jid: string) => {
    const job = open.get(jid)!
    forget(jid)
    if (job.endtime !== '') inTurn(() => ask(jid, job).catch(parts.onFailure))
  }

  return {
    stored(loads, returns) {
      for (const { jid, minions } of loads) jobOf(jid).minions = minions
      const touched = new Set<string>()
      for (const { jid, id, _stamp } of returns) {
        const job = jobOf(jid)
        job.returned.add(id)
        if (_stamp > job.endtime) job.endtime = _stamp
        touched.add(jid)
      }
      const ended: Ended[] = []
      for (const jid of new Set([...touched, ...loads.map(load => load.jid)])) {
        const job = open.get(jid)
        if (!job || job.endtime === '') continue
        clearTimeout(job.timer)
        if (hasEnded(job)) {
          ended.push({ jid, endtime: job.endtime })
          forget(jid)
        } else askSoon(jid, job)
      }
      return ended
    },
    async stop(withinMs) {
      stopped = true
      for (const jid of [...open.keys()]) askNow(jid)
      const late = new Promise<void>(resolve => setTimeout(resolve, withinMs).unref())
      await Promise.race([inTurn.idle(), late])
    },
  }
}

/** Runs work that does not reject, so many at once, in the order of the calls. */
function createTurns(atOnce: number) {
  const waiting: (() => Promise<void>)[] = []
  const whenIdle: (() => void)[] = []
  let running = 0
  const next = () => {
    while (running < atOnce && waiting.length > 0) {
      running += 1
      void waiting.shift()!().finally(() => {
        running -= 1
        next()
      })
    }
    if (running === 0) for (const resolve of whenIdle.splice(0)) resolve()
  }
  const run = (work: () => Promise<void>) => {
    waiting.push(work)
    next()
  }
  return Object.assign(run, {
    idle: () => (running === 0 ? Promise.resolve() : new Promise<void>(resolve => whenIdle.push(resolve))),
  })
}

/** Of a job that the minion ran by itself, as with `reactor local`. */
const ownLoad = ({ jid, id, fun, fun_args }: StoredReturn): JobLoad => ({
  jid,
  cmd: 'publish',
  fun,
  arg: fun_args,
  kwargs: {},
  tgt: id,
  tgt_type: 'glob',
  ret: '',
  user: `minion:${id}`,
  minions: [id],
})
