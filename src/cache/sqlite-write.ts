// Facts into the tables of the job cache. Each may come again, and before or after any other: what is kept does not
// depend on it. Of two returns of a minion the one stored first counts.
import type { Sqlite } from '../base/sqlite.ts'
import type { Sending } from '../protocol/job.ts'
import { returningOf } from '../protocol/returning.ts'
import type { Fact, NewFact, ReturnFact } from './facts.ts'
import { createMinionReader, type JobRow, readJob } from './tables.ts'
import { mergeSent, openUntil } from './view.ts'

/** Writes the facts; call it inside a transaction. */
export function createFactWriter(db: Sqlite): (facts: readonly Fact[]) => void {
  const hear = db.prepare(
    'insert into jobs(jid, at) values (?, ?) on conflict do update set at = excluded.at where excluded.at < jobs.at',
  )
  const announce = db.prepare(
    `update jobs set start = ?, kind = ?, fun = ?, arg = ?, tgt = ?, tgt_type = ?, user = ?, cause = ?, metadata = ?,
       missing = ?, deadline = ?, run_until = ?, open_until = ?, expected = ?, minions = ?,
       returning_to = ?, schedule = null
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
  const fillOwn = db.prepare(
    `update jobs set fun = ?, arg = ?, tgt = ?, tgt_type = 'glob', user = ?, minions = ?, schedule = ?, metadata = ?
     where jid = ? and start is null and fun is null`,
  )
  const settle = createSettle(db)

  const write = (fact: Fact) => {
    const { jid } = fact
    if (fact.what === 'new') announce.run(...newValues(fact), jid, fact.at)
    else if (fact.what === 'return') {
      giveBack.run(jid, fact.id, ...returnValues(fact))
      fillOwn.run(...ownValues(fact), jid)
    } else if (fact.what === 'started') start.run(jid, fact.id)
    else {
      const before = sentOf.get(jid)?.sent
      const sent = before ? mergeSent(JSON.parse(before) as Sending, fact.sent) : fact.sent
      tellSent.run(JSON.stringify(sent), sent.offline.length + Object.keys(sent.refused).length, jid)
    }
  }

  return facts => {
    /** When each job was first heard of in these facts. */
    const touched = new Map<string, number>()
    for (const { jid, at } of facts) touched.set(jid, Math.min(at, touched.get(jid) ?? at))
    for (const [jid, at] of touched) hear.run(jid, at)
    for (const fact of facts) write(fact)
    for (const jid of touched.keys()) settle(jid)
  }
}

/**
 * Keeps `open_until` of a job: no earlier than `openUntil` says, and just that once as many answered as are awaited. The
 * minions are looked at one by one only then.
 */
function createSettle(db: Sqlite): (jid: string) => void {
  const open = db.prepare<{ awaited: number }>(
    'select expected - unreached as awaited from jobs where jid = ? and open_until > 0',
  )
  const returned = db.prepare<{ count: number }>('select count(*) as count from returns where jid = ?')
  const someSilent = db.prepare(
    `select 1 from jobs j, json_each(j.minions) m
     where j.jid = ? and not exists(select 1 from returns r where r.jid = j.jid and r.id = m.value) limit 1`,
  )
  const jobOf = db.prepare<JobRow>('select * from jobs where jid = ?')
  const keep = db.prepare('update jobs set open_until = ? where jid = ?')
  const minionsOf = createMinionReader(db)
  return jid => {
    const awaited = open.get(jid)?.awaited
    if (awaited === undefined || returned.get(jid)!.count < awaited) return
    keep.run(someSilent.get(jid) ? openUntil(readJob(jobOf.get(jid)!), minionsOf(jid)) : 0, jid)
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
    Math.max(fact.deadline, fact.run_until),
    fact.minions.length,
    JSON.stringify(fact.minions),
    returningTo(fact),
  ]
}

function returningTo(fact: NewFact): string | null {
  const returning = returningOf(fact)
  return returning.ret ? JSON.stringify(returning) : null
}

/** A job that nobody announced is one that the minion ran by itself, as with `reactor local`, until it is announced. */
const ownValues = ({ id, fun, args, schedule, metadata }: ReturnFact) => [
  fun,
  JSON.stringify(args),
  JSON.stringify(id),
  `minion:${id}`,
  JSON.stringify([id]),
  schedule ?? null,
  metadata ? JSON.stringify(metadata) : null,
]

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
