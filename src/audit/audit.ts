// The audit record: every publish, runner call, wheel call, login and change of a key, with who asked, from where, and how it
// ended, as an event under `salt/audit/`. Never arguments: they may hold secrets; the job's own record has them, redacted.
import { asReactorError, errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Fire } from '../bus/fire.ts'
import { AUDITS, auditRules } from '../protocol/catalogue/audit.ts'
import type { DataOf } from '../protocol/catalogue/define.ts'
import type { Trace } from '../protocol/trace.ts'

export type AuditKind = keyof typeof AUDITS
export type AuditRecord = DataOf<(typeof AUDITS)[AuditKind]>

/** Who acts, and by which job: what the records of their changes have in common. */
export interface Caller extends Trace {
  user: string
  /** The account that the request came from. */
  source: string
}

/** Does not wait, and does not fail: what is recorded has happened. A record that cannot be stored is logged. */
export type Audit = (kind: AuditKind, record: AuditRecord, trace?: Trace) => void

/** Reasons repeat what others sent. */
const MAX_REASON = 500

/** Targets are as long as those who ask make them. */
const MAX_TARGET = 1000
const MAX_LISTED = 50

/** A target as a record holds it: of a long one the beginning. */
export function shownTarget(tgt: unknown): string | string[] {
  const text = (value: unknown) => {
    const whole = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
    return whole.length <= MAX_TARGET ? whole : `${whole.slice(0, MAX_TARGET).toWellFormed()}…`
  }
  if (!Array.isArray(tgt)) return text(tgt)
  const shown = tgt.slice(0, MAX_LISTED).map(text)
  return tgt.length > MAX_LISTED ? [...shown, `… and ${tgt.length - MAX_LISTED} more`] : shown
}

/**
 * How something that threw ended. Why it was refused says who and what; of other failures only the code, for their words may
 * repeat arguments.
 */
export function failureOf(thrown: unknown): Pick<AuditRecord, 'result' | 'reason'> {
  const { code, message } = asReactorError(thrown)
  return code === 'forbidden' ? { result: 'refused', reason: message } : { result: 'failed', reason: code }
}

/** Rules and schedules act by the thousand: what they did for the same causes in one turn of the event loop is one event, `{records}`. */
const OF_RULES = /^(?:rule|schedule):/
const MOST_IN_ONE = 500

interface Batch {
  records: DataOf<typeof auditRules>['records']
  trace: Trace
}

export function createAudit(fire: Fire, log: Log): Audit {
  const store = ([tag, data]: [string, Record<string, unknown>], trace: Trace) => {
    fire(tag, data, trace).catch(error =>
      log.error({ ...data, tag, error: errorMessage(error) }, 'an audit record could not be stored'),
    )
  }
  /** By their causes: who answers the record of others has not caused it, and is not to be taken for it. */
  const open = new Map<string, Batch>()
  const flush = (causes: string) => {
    const { records, trace } = open.get(causes)!
    open.delete(causes)
    store(auditRules.of({}, { records }), trace)
  }
  const flushAll = () => {
    for (const causes of open.keys()) flush(causes)
  }
  const collect = (kind: AuditKind, record: AuditRecord, { cause, hops = 0, chain }: Trace) => {
    const causes = `${hops} ${chain ?? ''}`
    let batch = open.get(causes)
    if (!batch) {
      if (open.size === 0) setImmediate(flushAll)
      batch = { records: [], trace: { hops: hops + 1, ...(chain ? { chain } : {}) } }
      open.set(causes, batch)
    }
    batch.records.push({ kind, ...record, ...(cause ? { cause } : {}) })
    if (batch.records.length >= MOST_IN_ONE) flush(causes)
  }
  return (kind, record, trace = {}) => {
    const { reason, ...rest } = record
    const data = reason === undefined ? rest : { ...rest, reason: reason.slice(0, MAX_REASON).toWellFormed() }
    if (OF_RULES.test(record.user)) return collect(kind, data, trace)
    const { cause, hops = 0, chain } = trace
    store(AUDITS[kind].of({}, data), { cause, hops: hops + 1, ...(chain ? { chain } : {}) })
  }
}
