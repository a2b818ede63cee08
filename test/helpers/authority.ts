// Who may what, for tests: everybody everything, or given operators what a test grants them; and the audit records of it.
import type { Audit, AuditKind, AuditRecord } from '../../src/audit/audit.ts'
import { type Authority, createAuthority } from '../../src/operators/authority.ts'
import type { Grants } from '../../src/protocol/role.ts'
import type { Trace } from '../../src/protocol/trace.ts'
import { createSeen, type Seen } from './wait.ts'

export type Recorded = AuditRecord & Trace & { kind: AuditKind }

export const noAudit: Audit = () => undefined

/** Of what is handed to the audit only the trace. */
const traced = (given?: Trace) => given && { cause: given.cause, hops: given.hops ?? 0, chain: given.chain }

/** An audit whose records a test can wait for. */
export function keptAudit(): { audit: Audit; records: Seen<Recorded> } {
  const records = createSeen<Recorded>()
  return { audit: (kind, record, cause) => records.push({ kind, ...record, ...traced(cause) }), records }
}

/**
 * With accounts: `statics` by public key may everything, operators by the name that the server attests what they are
 * granted, all others nothing.
 */
export const openAuthority = ({
  statics = {},
  grants = {},
  audit = noAudit,
}: {
  statics?: Record<string, string>
  grants?: Record<string, Grants>
  audit?: Audit
} = {}): Authority =>
  createAuthority({
    accounts: true,
    statics,
    store: { grants: name => (Object.hasOwn(grants, name) ? grants[name] : undefined) },
    audit,
  })
