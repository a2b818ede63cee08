// Facts into the tables of the job cache. Each may come again, and before or after any other: what is kept does not
// depend on it. Of two returns of a minion the one stored first counts.
import type { Sqlite } from '../base/sqlite.ts'
import type { Fact, NewFact, ReturnFact } from './facts.ts'
import { createMinionReader, type JobRow, readJob } from './tables.ts'
import { mergeSent, openUntil, type Sent } from './view.ts'

/** Writes the facts; call it inside a transaction. */
export function createFactWriter(db: Sqlite): (facts: readonly Fact[]) => void {
  const hear = db.prepare(
    'insert into jobs(jid, at) values (?, ?) on conflict do update set at = excluded.at where excluded.at < jobs.at',
  )
  const announce = db.prepare(
    `update jobs set start = ?, kind = ?, fun = ?, arg = ?, tgt = ?, tgt_type = ?, user = ?, cause = ?, metadata = ?,
       missing = ?, deadline = ?, run_until = ?, minions = ?
     where jid = ? and (start is null or start > ?)`,
  )
  const sentOf = db.prepare<{ sent: string | null }>('select sent from jobs where jid = ?')
  const tellSent = db.prepare('update jobs set sent = ?, unreached = ? where jid = ?')
  const start = db.prepare('insert into starts(jid, id) values (?, ?) on conflict do nothing')
  const giveBack = db.prepare(
    `insert into returns(jid, id, at, retcode, success, outcome, fun, payload, value) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
     on conflict do update set at = excluded.at, retcode = excluded.retcode, success = excluded.success,
       outcome = excluded.outcome, fun = excluded.fun, payload = excluded.payload, value = excluded.value
     where excluded.at < returns.at`,
  )
  const settle = createSettle(db)

  const write = (fact: Fact) => {
    const { jid } = fact
    if (fact.what === 'new') announce.run(...newValues(fact), jid, fact.at)
    else if (fact.what === 'return') giveBack.run(jid, fact.id, ...returnValues(fact))
    else if (fact.what === 'started') start.run(jid, fact.id)
    else {
      const before = sentOf.get(jid)?.sent
      const sent = before ? mergeSent(JSON.parse(before) as Sent, fact.sent) : fact.sent
      tellSent.run(JSON.stringify(sent), sent.offline.length + Object.keys(sent.refused).length, jid)
    }
  }

  return facts => {
    /** When each job was first heard of in these facts, and whether they hold more of it than returns. */
    const touched = new Map<string, { at: number; more: boolean }>()
    for (const { jid, at, what } of facts) {
      const seen = touched.get(jid)
      const more = what !== 'return'
      if (!seen) touched.set(jid, { at, more })
      else {
        seen.at = Math.min(seen.at, at)
        seen.more ||= more
      }
    }
    for (const [jid, { at }] of touched) hear.run(jid, at)
    for (const fact of facts) write(fact)
    for (const [jid, { more }] of touched) settle(jid, more)
  }
}

/**
 * Keeps `open_until` of a job no earlier than `openUntil` says. Returns alone can only bring it forward: they are counted,
 * and looked at one by one when there may be as many as are awaited.
 */
function createSettle(db: Sqlite): (jid: string, more: boolean) => void {
  const jobOf = db.prepare<JobRow & { open_until: number }>('select * from jobs where jid = ?')
  const awaited = db.prepare<{ open: number; enough: number }>(
    `select open_until > 0 as open,
       unreached + (select count(*) from returns r where r.jid = jobs.jid) >= json_array_length(minions) as enough
     from jobs where jid = ?`,
  )
  const keep = db.prepare('update jobs set open_until = ? where jid = ?')
  const minionsOf = createMinionReader(db)
  return (jid, more) => {
    if (!more) {
      const { open, enough } = awaited.get(jid)!
      if (!open || !enough) return
    }
    const row = jobOf.get(jid)!
    const until = openUntil(readJob(row), minionsOf(jid))
    if (until !== row.open_until) keep.run(until, jid)
  }
}

function newValues(fact: NewFact) {
  return [
    fact.at,
    fact.kind,
    fact.fun,
    JSON.stringify(fact.arg),
    JSON.stringify(fact.tgt),
    fact.tgt_type,
    fact.user,
    fact.cause ?? null,
    fact.metadata ? JSON.stringify(fact.metadata) : null,
    JSON.stringify(fact.missing),
    fact.deadline,
    fact.run_until,
    JSON.stringify(fact.minions),
  ]
}

function returnValues(fact: ReturnFact) {
  return [
    fact.at,
    fact.retcode,
    fact.success ? 1 : 0,
    fact.outcome ?? null,
    fact.fun,
    fact.payload ? JSON.stringify(fact.payload) : null,
    JSON.stringify(fact.return) ?? 'null',
  ]
}
