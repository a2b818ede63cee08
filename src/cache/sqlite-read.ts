// Views out of the tables of the job cache. A search reads in pieces and lets the process go on in between.
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Sqlite, SqlValue } from '../base/sqlite.ts'
import type { CachedReturn, JobSummary, JobsPage, JobsRequest, JobView } from '../protocol/job-view.ts'
import { outcomeOf } from '../protocol/lifecycle.ts'
import { createFits, type Fitting, listed } from './fits.ts'
import { createMinionReader, type JobRow, type ReturnRow, readJob } from './tables.ts'
import { statesOf, summarize } from './view.ts'

export const MAX_JOBS = 1000
/** Bytes of the returns of one view. What comes after them, by the minions' ids, is left out with a note. */
const MAX_RETURNS = 64 * 1024 * 1024
const PIECE = 500

type Searched = Pick<JobRow, 'jid' | 'fun' | 'tgt' | 'user' | 'metadata'>

export function createViews(db: Sqlite) {
  const jobOf = db.prepare<JobRow>('select * from jobs where jid = ?')
  const minionsOf = createMinionReader(db)
  const returnsOf = db.prepare<ReturnRow & { size: number }>(
    `select id, at, retcode, success, outcome, fun, payload, length(cast(value as blob)) as size
     from returns where jid = ? order by id`,
  )
  const valueOfReturn = db.prepare<{ value: string }>('select value from returns where jid = ? and id = ?')

  const job = (jid: string, nowMs: number): JobView | null => {
    const row = jobOf.get(jid)
    if (!row) return null
    const rows = returnsOf.all(jid)
    const known = readJob(row, rows[0]?.fun)
    const outcomes = new Map(rows.map(of => [of.id, outcomeOf(of)]))
    const states = statesOf(known, { outcomes, started: minionsOf(jid).started }, nowMs)
    let room = MAX_RETURNS
    const returns = rows.map((of): [string, CachedReturn] => {
      room -= of.size
      const value: unknown =
        room < 0
          ? { _left_out: `${of.size} bytes: the returns of this job are more than one answer can hold` }
          : JSON.parse(valueOfReturn.get(jid, of.id)!.value)
      return [of.id, readReturn(of, value)]
    })
    return {
      ...summarize(known, states, nowMs),
      states: Object.fromEntries(states),
      reasons: known.sent?.refused ?? {},
      returns: Object.fromEntries(returns),
    }
  }

  const knownOf = db.prepare<{
    start: number | null
    sent: string | null
    starts: number
    returns: number
    at: number
  }>(
    `select start, sent, (select count(*) from starts where jid = j.jid) as starts,
       (select count(*) from returns where jid = j.jid) as returns,
       (select total(at) from returns where jid = j.jid) as at
     from jobs j where jid = ?`,
  )
  const marker = (jid: string): string => {
    const known = knownOf.get(jid)
    return known ? createHash('sha256').update(JSON.stringify(known)).digest('base64url').slice(0, 16) : ''
  }

  const askers = db.prepare<{ user: string | null }>('select user from jobs where jid = ?')
  const asker = (jid: string): string | undefined => askers.get(jid)?.user ?? undefined

  const summary = (jid: string, nowMs: number): JobSummary | undefined => {
    const row = jobOf.get(jid)
    if (!row) return undefined
    const minions = minionsOf(jid)
    const known = readJob(row, minions.fun)
    return summarize(known, statesOf(known, minions, nowMs), nowMs)
  }

  const jobs = async (request: JobsRequest, nowMs: number, maxBytes: number): Promise<JobsPage> => {
    const { sql, values } = searchSql(request, nowMs)
    const search = db.prepare<Searched>(sql)
    const fits = createFits(request)
    const limit = Math.min(request.limit ?? MAX_JOBS, MAX_JOBS)
    const found: JobSummary[] = []
    let bytes = 0
    for (let before = request.before ?? '~'; ; await setImmediate()) {
      const rows = search.all(before, ...values, PIECE)
      for (const row of rows) {
        if (!fits(fitting(row))) continue
        const next = summary(row.jid, nowMs)
        // The index knows a job as open for a little longer than it is.
        if (!next || (request.active === true && !next.active)) continue
        bytes += Buffer.byteLength(JSON.stringify(next)) + 1
        if (found.length === limit || (found.length > 0 && bytes > maxBytes)) return { jobs: found, more: true }
        found.push(next)
      }
      if (rows.length < PIECE) return { jobs: found, more: false }
      before = rows.at(-1)!.jid
    }
  }

  return { job, jobs, marker, asker }
}

function readReturn(row: ReturnRow, value: unknown): CachedReturn {
  return {
    return: value,
    retcode: row.retcode,
    success: row.success === 1,
    at: Math.round(row.at),
    ...(row.outcome === null ? {} : { outcome: row.outcome }),
    ...(row.payload === null ? {} : { payload: JSON.parse(row.payload) as NonNullable<CachedReturn['payload']> }),
  }
}

const fitting = ({ fun, user, tgt, metadata }: Searched): Fitting => ({
  fun: fun ?? '',
  user: user ?? undefined,
  tgt: () => JSON.parse(tgt ?? '""'),
  metadata: () => JSON.parse(metadata ?? '{}'),
})

/** What the tables can select by. Parameters: a jid, the values, a limit. */
function searchSql(request: JobsRequest, nowMs: number): { sql: string; values: SqlValue[] } {
  const where = ['jid < ?']
  const values: SqlValue[] = []
  const add = (condition: string, ...more: SqlValue[]) => {
    where.push(condition)
    values.push(...more)
  }
  if (request.active === true) add('open_until > 0 and open_until >= ?', nowMs)
  if (request.since !== undefined) add('coalesce(start, at) >= ?', request.since)
  if (request.until !== undefined) add('coalesce(start, at) <= ?', request.until)
  const kinds = listed(request.kind)
  if (kinds.length > 0) add(`coalesce(kind, 'local') in (${kinds.map(() => '?').join(', ')})`, ...kinds)
  if (request.without_find_job === true) add("fun is not 'saltutil.find_job'")
  const index = request.active === true ? 'indexed by jobs_open' : ''
  return {
    sql: `select jid, coalesce(fun, (select r.fun from returns r where r.jid = jobs.jid limit 1)) as fun, tgt, user, metadata
          from jobs ${index} where ${where.join(' and ')} order by jid desc limit ?`,
    values,
  }
}
