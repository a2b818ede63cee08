// Who asks a service for something, by what the server attests, and what they may. Inside CORE there is no attestation: a
// service says for whom it asks, and is believed. Where there are no accounts, everybody may everything.
import type { MsgHdrs } from '@nats-io/transport-node'
import type { Audit, AuditKind } from '../audit/audit.ts'
import { asReactorError, ReactorError } from '../base/errors.ts'
import { claimedUser, requestInfo } from '../bus/requester.ts'
import { NOBODY } from '../protocol/login.ts'
import { ALL_GRANTS, type Grants, NO_GRANTS } from '../protocol/role.ts'
import { matchesFunction } from './may.ts'
import type { OperatorStore } from './store.ts'

export interface Asker {
  /** The name of an operator; of a request from CORE whom the service says: `rule:…`, `schedule:…`, an operator. */
  user: string
  /** For the audit record: the account, and the host where the server tells it. */
  source: string
  /** At this moment: who is removed meanwhile may nothing any more. */
  grants(): Grants
}

export interface Authority {
  asker(headers: MsgHdrs | undefined): Asker
  /** Throws `forbidden`, and records it, unless the asker may call that runner or wheel function. */
  requireFunction(asker: Asker, kind: 'runner' | 'wheel', fun: string): void
  /** A refusal, recorded, to be thrown. */
  refuse(asker: Asker, kind: AuditKind, action: string, reason: string): ReactorError
  /** What `read` gives. What it throws, because the request is malformed, is recorded and thrown. */
  reading<T>(asker: Asker, kind: AuditKind, action: string, read: () => T): T
}

export interface AuthorityParts {
  /** False with `isolation: none`: nobody is attested, and everybody may everything. */
  accounts: boolean
  /** The static operators' names by public key; they may everything. */
  statics: Readonly<Record<string, string>>
  store: Pick<OperatorStore, 'grants'>
  audit: Audit
}

const all = () => ALL_GRANTS
const none = () => NO_GRANTS

export function createAuthority({ accounts, statics, store, audit }: AuthorityParts): Authority {
  const refuse: Authority['refuse'] = ({ user, source }, kind, action, reason) => {
    audit(kind, { user, source, action, result: 'refused', reason })
    return new ReactorError('forbidden', reason)
  }
  return {
    asker(headers) {
      const info = requestInfo(headers)
      if (!info) return { user: claimedUser(headers), source: 'CORE', grants: all }
      const source = [info.acc || 'unknown', info.host].filter(Boolean).join(' ')
      const known = Object.hasOwn(statics, info.user) ? statics[info.user] : undefined
      if (!accounts) return { user: known ?? claimedUser(headers), source, grants: all }
      if (info.acc !== 'OPS') return { user: info.user || NOBODY, source, grants: none }
      if (known !== undefined) return { user: known, source, grants: all }
      return { user: info.user || NOBODY, source, grants: () => store.grants(info.user) ?? NO_GRANTS }
    },
    requireFunction(asker, kind, fun) {
      if (matchesFunction(asker.grants()[kind], fun)) return
      throw refuse(asker, kind, fun, `'${asker.user}' may not call ${kind} '${fun}': no role of theirs grants it`)
    },
    refuse,
    reading({ user, source }, kind, action, read) {
      try {
        return read()
      } catch (error) {
        audit(kind, { user, source, action, result: 'failed', reason: asReactorError(error).code })
        throw error
      }
    },
  }
}

/** Whether somebody may look at a job: their own, or everybody's. Without grants it is the program itself that looks. */
export const maySeeJob = (user: string, grants: Grants | undefined, job: { user: string }): boolean =>
  grants === undefined || grants.jobs === 'all' || job.user === user
