// Reading jobs from the store of a returner, as the job cache is read.
import { ReactorError } from '../../base/errors.ts'
import { createTurns } from '../../base/turns.ts'
import type { KnownLoad, ReturnerStore } from '../../functions/define-returner.ts'
import { isCalendarJid, jidTime } from '../../protocol/jid.ts'
import type { JobSummary, JobsRequest, JobView } from '../../protocol/job-view.ts'
import type { JobTimeouts } from '../facts.ts'
import { createFits, listed } from '../fits.ts'
import { knownOf, summaryOf, viewOf } from './store-view.ts'

interface Asked {
  /** Gives up what is read. */
  signal?: AbortSignal
}

/** Few are read at once; the others wait, and throw `timeout` where no turn comes soon. */
export interface JobSource {
  /** Null: the store knows nothing of it, or has returns of minions alone that are `known`. */
  job(jid: string, nowMs: number, asked?: Asked & { known?(id: string): boolean }): Promise<JobView | null>
  /** Newest first, at most `limit`. */
  jobs(request: JobsRequest, limit: number, asked?: Asked): Promise<SourcePage>
}

export interface SourcePage {
  jobs: JobSummary[]
  /** There may be more, all before this jid; absent: there are none. */
  upTo?: string
}

/** Bytes of the returns of one job, as the job cache has it: what is read and answered has to be held. */
export const MOST_BYTES = 64 * 1024 * 1024
const AT_ONCE = 2
/** Who has waited longer soon asks no more: what was begun for them then would only add to the load. */
const WAIT_MS = 4000
/** Loads that the store gives at once, and how many of them are looked at for one page. */
const PIECE = 1000
const MOST_LOOKED_AT = 20_000

export type ReadableStore = Pick<ReturnerStore, 'get_load' | 'get_jid' | 'get_jid_minions' | 'get_jids_filter'>

/** Throws what the store throws; `bad_argument` where it has no list. */
export function createJobSource(name: string, store: ReadableStore, timeouts: JobTimeouts): JobSource {
  const turns = createTurns(AT_ONCE)
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const late = new AbortController()
    const said = `its store is busy with other reads: no turn came within ${WAIT_MS / 1000} seconds`
    const timer = setTimeout(() => late.abort(new ReactorError('timeout', said)), WAIT_MS)
    const begin = () => {
      clearTimeout(timer)
      return work()
    }
    return turns(begin, late.signal).finally(() => clearTimeout(timer))
  }

  const job: JobSource['job'] = async (jid, nowMs, { signal, known } = {}) => {
    if (known && store.get_jid_minions && (await store.get_jid_minions(jid)).every(known)) return null
    const [load, returns] = await Promise.all([
      store.get_load?.(jid),
      store.get_jid?.(jid, { maxBytes: MOST_BYTES, ...(signal ? { signal } : {}) }),
    ])
    return viewOf(jid, { load, returns: returns ?? {} }, timeouts, nowMs)
  }

  const jobs: JobSource['jobs'] = async (request, limit, { signal } = {}) => {
    if (!store.get_jids_filter)
      throw new ReactorError('bad_argument', `the returner '${name}' has no list of jobs (get_jids_filter)`)
    const fits = fitsOf(request, timeouts)
    const found: JobSummary[] = []
    let before = earliest(request.before, request.until)
    let count = Math.min(PIECE, limit + 1)
    for (let looked = 0; looked < MOST_LOOKED_AT; looked += count) {
      signal?.throwIfAborted()
      // Few at first: mostly all of them fit.
      count = looked === 0 ? count : PIECE
      const loads = await store.get_jids_filter({
        count,
        filter_find_job: request.without_find_job === true,
        ...(before === undefined ? {} : { before }),
      })
      for (const load of loads) {
        if (request.since !== undefined && jidTime(load.jid) < Math.floor(request.since)) return { jobs: found }
        if (!fits(load)) continue
        if (found.length === limit) return { jobs: found, upTo: found.at(-1)!.jid }
        found.push(summaryOf(load, name, timeouts))
      }
      if (loads.length < count) return { jobs: found }
      before = loads.at(-1)!.jid
    }
    return { jobs: found, ...(before === undefined ? {} : { upTo: before }) }
  }

  return {
    job: (jid, nowMs, asked) => inTurn(() => job(jid, nowMs, asked)),
    jobs: (request, limit, asked) => inTurn(() => jobs(request, limit, asked)),
  }
}

function fitsOf(request: JobsRequest, timeouts: JobTimeouts): (load: KnownLoad) => boolean {
  const fits = createFits(request)
  const kinds = listed(request.kind)
  return load => {
    if (!isCalendarJid(load.jid)) return false
    if (request.until !== undefined && jidTime(load.jid) > request.until) return false
    const { kind, fun, user, tgt, metadata } = knownOf(load.jid, load, load.fun, timeouts)
    if (kinds.length > 0 && !kinds.includes(kind)) return false
    return fits({ fun, user, tgt: () => tgt, metadata: () => metadata ?? {} })
  }
}

/** The jid before which all are that may fit. */
function earliest(before: string | undefined, until: number | undefined): string | undefined {
  if (until === undefined || !(until < MAX_MS)) return before
  const after = `${new Date(Math.floor(until) + 1000).toISOString().replace(/\D/g, '').slice(0, 14)}000000`
  return before === undefined || after < before ? after : before
}

/** Of years with four digits. */
const MAX_MS = Date.UTC(9999, 0)
