// Messages of the ledger into the tables. Each may come again, in any order, here or at another worker: a message is taken
// once by its sequence, and a record of it once by its reaction, attempt and state.
import type { Sqlite } from '../../base/sqlite.ts'
import { cut } from '../../base/text.ts'
import type { Decision, Suppression } from '../../protocol/reaction.ts'
import { workKey } from '../../protocol/reaction.ts'
import type { LedgerMessage } from './store.ts'
import { OPEN_STATES, RANK, RANK_SENT_ON } from './tables.ts'

/** Characters that are kept of a text that others choose. */
const MOST_TEXT = 4000
const MOST_JIDS = 100
/** SQLite cuts a text at a NUL. */
const text = (value: unknown): string =>
  typeof value === 'string' ? cut(value.replaceAll('\0', '\ufffd'), MOST_TEXT) : ''
const orNull = (value: unknown): string | null => (value === undefined ? null : text(value))
const number = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null)

/** What is counted of a rule in one commit. */
interface Tally {
  counts: Map<string, number>
  fired: number
  suppressed: number
  error: { at: number; reason: string } | undefined
}

/** Call both inside a transaction. */
export function createFold(db: Sqlite) {
  const ledger = db.prepare<{ stream: number; floor: number }>('select stream, floor from ledger')
  const begin = db.prepare('update ledger set stream = ?, floor = 0')
  const forget = db.prepare('delete from applied where seq <= ?')
  const take = db.prepare('insert into applied(seq) values (?) on conflict do nothing')
  const lift = db.prepare('update ledger set floor = ?')
  const isTaken = db.prepare('select 1 from applied where seq = ?')
  const grow = db.prepare('update ledger set rows = rows + ?')
  const latest = db.prepare<{ row: number; attempt: number; rank: number }>(
    'select row, attempt, rank from decisions where key = ? and latest = 1',
  )
  const outdate = db.prepare('update decisions set latest = 0 where row = ?')
  const insert = db.prepare(
    `insert into decisions(key, attempt, rank, state, rule, event, tag, at, latest, ms, jids, reason, detail, next, by, seq)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict(key, attempt, rank) do nothing`,
  )
  const count = db.prepare(
    'insert into counts(rule, what, n) values (?, ?, ?) on conflict do update set n = n + excluded.n',
  )
  // Null is less than any number here: coalesce keeps max from being null.
  const tell = db.prepare(
    `insert into rules(rule, fired, suppressed, error_at, error) values (?, ?, ?, ?, ?)
     on conflict do update set fired = nullif(max(coalesce(fired, 0), coalesce(excluded.fired, 0)), 0),
       suppressed = nullif(max(coalesce(suppressed, 0), coalesce(excluded.suppressed, 0)), 0),
       error = case when coalesce(excluded.error_at, 0) > coalesce(error_at, 0) then excluded.error else error end,
       error_at = nullif(max(coalesce(error_at, 0), coalesce(excluded.error_at, 0)), 0)`,
  )

  /** False: it is in already. */
  const put = (
    key: string,
    attempt: number,
    rank: number,
    values: readonly (string | number | null)[],
    more: readonly (string | number | null)[],
  ): boolean => {
    const last = latest.get(key)
    const isLatest = !last || attempt > last.attempt || (attempt === last.attempt && rank > last.rank)
    if (insert.run(key, attempt, rank, ...values, isLatest ? 1 : 0, ...more) === 0) return false
    if (last && isLatest) outdate.run(last.row)
    return true
  }

  const decided = (decision: Decision, at: number, tallies: Map<string, Tally>): number => {
    const { state, attempt = 1, by, ms } = decision
    if (typeof decision.key !== 'string' || RANK[state] === undefined) return 0
    const rank = state === 'retrying' && by !== undefined ? RANK_SENT_ON : RANK[state]
    const rule = text(decision.rule)
    const took = number(ms)
    const jids =
      Array.isArray(decision.jids) && decision.jids.length > 0 ? decision.jids.slice(0, MOST_JIDS) : undefined
    const head = [state, rule, text(decision.event), text(decision.tag), at]
    const rest = [
      took,
      jids ? JSON.stringify(jids) : null,
      orNull(decision.reason),
      null,
      number(decision.next),
      orNull(by),
      number(decision.seq),
    ]
    if (!put(text(decision.key), attempt, rank, head, rest)) return 0
    const tally = tallyOf(tallies, rule)
    bump(tally, state)
    tally.fired = Math.max(tally.fired, at - (took ?? 0))
    // What waits for approval, or a person lets go of, is no failure of the rule.
    if (decision.reason !== undefined && by === undefined && state !== 'held' && (tally.error?.at ?? 0) <= at)
      tally.error = { at, reason: text(decision.reason) }
    return 1
  }

  const suppressed = (one: Suppression, at: number, tallies: Map<string, Tally>): number => {
    const rule = text(one.rule)
    const reason = text(one.reason)
    let rows = 0
    for (const [index, { id, tag }] of one.events.entries()) {
      const detail = one.reason === 'loop' ? one.details?.join(', ') : one.details?.[index]
      const head = ['suppressed', rule, text(id), text(tag), at]
      if (
        put(text(workKey(id, one.rule)), 0, RANK.suppressed, head, [
          null,
          null,
          reason,
          orNull(detail),
          null,
          null,
          null,
        ])
      )
        rows++
    }
    if (rows === 0) return 0
    const tally = tallyOf(tallies, rule)
    bump(tally, `suppressed:${reason}`, rows)
    tally.suppressed = Math.max(tally.suppressed, at)
    return rows
  }

  const inForce = (stream: number): number => {
    const known = ledger.get()!
    if (known.stream === stream) return known.floor
    begin.run(stream)
    forget.run(Number.MAX_SAFE_INTEGER)
    return 0
  }

  /** Takes what is in without a gap behind the floor into it. */
  const settle = (floor: number, from = floor): void => {
    let to = from
    while (isTaken.get(to + 1)) to++
    if (to === floor) return
    lift.run(to)
    forget.run(to)
  }

  return {
    apply(stream: number, messages: readonly LedgerMessage[]): void {
      const floor = inForce(stream)
      const tallies = new Map<string, Tally>()
      let rows = 0
      for (const { seq, storedMs, batch } of messages) {
        if (seq <= floor || take.run(seq) === 0) continue
        for (const decision of batch?.decisions ?? []) rows += decided(decision, storedMs, tallies)
        for (const one of batch?.suppressed ?? []) rows += suppressed(one, storedMs, tallies)
      }
      if (rows > 0) grow.run(rows)
      for (const [rule, { counts, fired, suppressed, error }] of tallies) {
        for (const [what, n] of counts) count.run(rule, what, n)
        tell.run(rule, fired || null, suppressed || null, error?.at ?? null, error?.reason ?? null)
      }
      settle(floor)
    },
    settle(stream: number, seq: number): void {
      const floor = inForce(stream)
      if (seq > floor) settle(floor, seq)
    },
  }
}

function tallyOf(tallies: Map<string, Tally>, rule: string): Tally {
  let tally = tallies.get(rule)
  if (!tally) {
    tally = { counts: new Map(), fired: 0, suppressed: 0, error: undefined }
    tallies.set(rule, tally)
  }
  return tally
}

const bump = ({ counts }: Tally, what: string, by = 1) => void counts.set(what, (counts.get(what) ?? 0) + by)

const PRUNE_AT_ONCE = 2000

/** Call it inside a transaction. True: there may be more. */
export function createPrune(db: Sqlite, maxRows: number): (before: number) => boolean {
  const kept = OPEN_STATES.map(state => `'${state}'`).join(', ')
  const rows = db.prepare<{ rows: number }>('select rows from ledger')
  // What waits for something stays, without the attempts before its last.
  const remove = db.prepare(
    `delete from decisions where row in (
       select row from decisions where at < ? and not (latest = 1 and state in (${kept})) order by at limit ?)`,
  )
  const shrink = db.prepare('update ledger set rows = rows - ?')
  return before => {
    const over = rows.get()!.rows - maxRows
    const removed =
      over > 0 ? remove.run(Number.MAX_SAFE_INTEGER, Math.min(over, PRUNE_AT_ONCE)) : remove.run(before, PRUNE_AT_ONCE)
    if (removed > 0) shrink.run(removed)
    return removed > 0 && (over > PRUNE_AT_ONCE || removed === PRUNE_AT_ONCE)
  }
}
