// The tables of what became of reactions, in SQLite: one row for each thing that was recorded of a reaction, of which one
// is the latest; counts that outlive the rows; and which messages of the ledger are in.
import type { DecisionState } from '../../protocol/reaction.ts'
import type { ReactionState, ReactionView } from '../../protocol/reaction-view.ts'

/**
 * Which of two records of one attempt counts, whatever order they come in: what was done is done, whoever dropped it; a person
 * lets go of, or sends on, what waits for them. A suppression is of no attempt.
 */
export const RANK: Record<DecisionState | 'suppressed', number> = {
  suppressed: 0,
  retrying: 1,
  held: 2,
  parked: 3,
  dropped: 5,
  done: 6,
}
/** `retrying` that a person asked for. */
export const RANK_SENT_ON = 4

/** What is not done with: rows that stay while their reaction waits for something. */
export const OPEN_STATES: readonly ReactionState[] = ['retrying', 'parked', 'held']

export const MIGRATIONS: readonly string[] = [
  `
  create table decisions(
    row integer primary key, key text not null, attempt integer not null, rank integer not null, state text not null,
    rule text not null, event text not null, tag text not null, at real not null, latest integer not null,
    ms real, jids text, reason text, detail text, next real, by text
  );
  create unique index decisions_key on decisions(key, attempt, rank);
  create index decisions_at on decisions(at);
  create index decisions_state on decisions(state, at) where latest = 1;
  create index decisions_rule on decisions(rule, state, at) where latest = 1;
  create table counts(rule text not null, what text not null, n integer not null, primary key(rule, what)) without rowid;
  create table rules(
    rule text primary key not null, fired real, suppressed real, error_at real, error text
  ) without rowid;
  create table ledger(id integer primary key check(id = 1), stream real not null, floor integer not null, rows integer not null);
  insert into ledger values (1, 0, 0, 0);
  create table applied(seq integer primary key);
  `,
  'alter table decisions add column seq integer;',
]

export interface DecisionRow {
  row: number
  key: string
  attempt: number
  state: ReactionState
  rule: string
  event: string
  tag: string
  at: number
  ms: number | null
  jids: string | null
  reason: string | null
  detail: string | null
  next: number | null
  by: string | null
  seq: number | null
}

export const VIEW_COLUMNS = 'row, key, attempt, state, rule, event, tag, at, ms, jids, reason, detail, next, by, seq'

export function viewOf(row: DecisionRow): ReactionView {
  const { key, rule, event, tag, state, attempt, at, ms, jids, reason, detail, next, by, seq } = row
  return {
    ...{ key, rule, event, tag, state, at },
    ...(attempt > 1 ? { attempt } : {}),
    ...(ms === null ? {} : { ms }),
    ...(jids === null ? {} : { jids: JSON.parse(jids) as string[] }),
    ...(reason === null ? {} : { reason }),
    ...(detail === null ? {} : { detail }),
    ...(next === null ? {} : { next }),
    ...(by === null ? {} : { by }),
    ...(seq === null ? {} : { seq }),
  }
}
