// The tables of the job cache in SQLite, and how a job lies in them. A job that was not announced, or not yet, is shown by
// its first return.
import type { Sqlite } from '../base/sqlite.ts'
import type { JobKind } from '../protocol/job.ts'
import { type CutShort, outcomeOf } from '../protocol/lifecycle.ts'
import type { Returning } from '../protocol/returning.ts'
import type { KnownJob, KnownMinions } from './view.ts'

// Of a return, what is small comes first: SQLite then reads states without touching the pages that hold values.
// `open_until`, and the numbers of minions `expected` and `unreached`, are no facts but what searching needs: see openUntil.
export const MIGRATIONS: readonly string[] = [
  `
  create table jobs(
    jid text primary key not null, at real not null, start real, kind text, fun text, arg text, tgt text, tgt_type text,
    user text, cause text, metadata text, missing text, deadline real, run_until real,
    open_until real not null default 0, expected integer, unreached integer not null default 0, sent text, minions text
  );
  create index jobs_at on jobs(at);
  create index jobs_open on jobs(open_until, jid) where open_until > 0;
  create table starts(jid text not null, id text not null, primary key(jid, id)) without rowid;
  create table returns(
    jid text not null, id text not null, at real not null, retcode integer not null, success integer not null,
    outcome text, fun text not null, payload text, value text not null, primary key(jid, id)
  );
  `,
  'alter table jobs add column returning_to text',
  'alter table jobs add column schedule text',
]

export interface JobRow {
  jid: string
  at: number
  start: number | null
  kind: JobKind | null
  fun: string | null
  arg: string | null
  tgt: string | null
  tgt_type: string | null
  user: string | null
  cause: string | null
  metadata: string | null
  missing: string | null
  deadline: number | null
  run_until: number | null
  unreached: number
  sent: string | null
  minions: string | null
  returning_to: string | null
  schedule: string | null
}

export interface ReturnRow {
  id: string
  at: number
  retcode: number
  success: number
  outcome: CutShort | null
  fun: string
  payload: string | null
}

const orElse = <T>(text: string | null, otherwise: T): T => (text === null ? otherwise : (JSON.parse(text) as T))

/** `fun` of a job that was not announced is what its returns say. */
export function readJob(row: JobRow, fun = ''): KnownJob {
  const start = Math.round(row.start ?? row.at)
  return {
    announced: row.start !== null,
    jid: row.jid,
    kind: row.kind ?? 'local',
    fun: row.fun ?? fun,
    arg: orElse<unknown[]>(row.arg, []),
    tgt: orElse<string | string[]>(row.tgt, []),
    tgt_type: row.tgt_type ?? 'list',
    user: row.user ?? '',
    start,
    deadline: row.deadline ?? start,
    run_until: row.run_until ?? start,
    minions: orElse<string[]>(row.minions, []),
    missing: orElse<string[]>(row.missing, []),
    sent: orElse(row.sent, undefined),
    ...(row.cause === null ? {} : { cause: row.cause }),
    ...(row.metadata === null ? {} : { metadata: JSON.parse(row.metadata) as Record<string, unknown> }),
    ...(row.schedule === null ? {} : { schedule: row.schedule }),
    ...(row.returning_to === null ? {} : (JSON.parse(row.returning_to) as Returning)),
  }
}

/** Reads who started and who returned. */
export function createMinionReader(db: Sqlite): (jid: string) => KnownMinions & { fun: string | undefined } {
  const returns = db.prepare<Pick<ReturnRow, 'id' | 'outcome' | 'success' | 'fun'>>(
    'select id, outcome, success, fun from returns where jid = ?',
  )
  const starts = db.prepare<{ id: string }>('select id from starts where jid = ?')
  return jid => {
    const rows = returns.all(jid)
    return {
      outcomes: new Map(rows.map(row => [row.id, outcomeOf(row)])),
      started: new Set(starts.all(jid).map(({ id }) => id)),
      fun: rows[0]?.fun,
    }
  }
}
