// When a job has ended: all of its minions have returned. What this process stored says it mostly; of a job that other cache
// workers had a part of, or that was begun before this one started, the store is asked once its returns have stopped coming. One
// of which there is no load even then is a minion's own, as in the job cache.
import { createInHand } from '../../base/in-hand.ts'
import { createTurns } from '../../base/turns.ts'
import type { KnownLoad } from '../../functions/define-returner.ts'
import type { JobLoad, StoredReturn } from '../../protocol/returned.ts'

export interface Endings {
  /** They are stored. The jobs that have ended by that. */
  stored(loads: readonly JobLoad[], returns: readonly StoredReturn[]): Ended[]
  /** Before more is stored: waits while more questions than `MOST` wait for a store that answers them. */
  room(): Promise<void>
  /** Asks of what is in hand at once; resolves when all is answered, or after so many milliseconds. */
  stop(withinMs: number): Promise<void>
}

export interface Ended {
  jid: string
  endtime: string
}

export interface EndingsParts {
  get_load(jid: string): Promise<KnownLoad | undefined>
  get_jid_minions(jid: string): Promise<string[]>
  /** Within what one answer may hold. */
  get_jid(jid: string): Promise<Record<string, StoredReturn>>
  save_load(loads: readonly JobLoad[]): Promise<void>
  /** Takes those of which the store had to be asked. */
  end(ended: Ended): Promise<void>
  /** A question to the store has failed, and the one before it had not. */
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

/** Jobs in hand, and jobs of which the store has still to be asked; beyond them the store is asked of the oldest at once. */
const MOST = 1000
/** Questions to the store at once: it has others to answer, and returns to write. */
const AT_ONCE = 2
const QUIET_MS = 5000
const LONGEST_MS = 60_000

export function createEndings(parts: EndingsParts): Endings {
  const open = new Map<string, Open>()
  const turns = createTurns(AT_ONCE)
  const tellFailure = (error: unknown) => {
    if (!failing) parts.onFailure(error)
    failing = true
    failed.abort()
    failed = new AbortController()
  }
  const asking = createInHand(tellFailure)
  const inTurn = (work: () => Promise<void>) => {
    asked += 1
    asking.add(
      turns(work).finally(() => {
        asked -= 1
      }),
    )
  }
  let stopped = false
  let failing = false
  let failed = new AbortController()
  let asked = 0

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
    const [known, returned] = await Promise.all([parts.get_load(jid), parts.get_jid_minions(jid)])
    const load = known ?? (await ownLoadOf(jid))
    if (!known && load) await parts.save_load([load])
    if (hasEnded({ minions: load?.minions, returned: new Set(returned) })) await parts.end({ jid, endtime })
    failing = false
  }
  const ownLoadOf = async (jid: string) => {
    const [first] = Object.values(await parts.get_jid(jid))
    return first && ownLoad(first)
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
      tellFailure(error)
      job.failures += 1
      if (open.get(jid) === job && !stopped) askSoon(jid, job)
    }
  }
  const askNow = (jid: string) => {
    const job = open.get(jid)!
    forget(jid)
    if (job.endtime !== '') inTurn(() => ask(jid, job))
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
    async room() {
      // Behind all that wait.
      if (asked > MOST && !failing) await turns(async () => undefined, failed.signal).catch(() => undefined)
    },
    async stop(withinMs) {
      stopped = true
      for (const jid of [...open.keys()]) askNow(jid)
      await asking.settle(withinMs)
    },
  }
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
