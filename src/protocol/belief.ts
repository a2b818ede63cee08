// What a minion may say about the fleet: itself and nothing else; and an operator: all but the record of what they did. Every
// reader of events asks this one function.
import type { Origin } from './origin.ts'

/**
 * Whether an event is to be believed. Under `salt/`, a minion is believed only on its own returns, progress, states, life
 * and beacons; services and tags outside `salt/` always are (the account proves the origin). So are operators, who try a rule by
 * firing what it waits for and need a role for it, but not on `salt/audit/…`: the record is about them.
 */
export function isBelieved(origin: Origin, tag: string): boolean {
  if (origin.kind === 'service') return true
  if (origin.kind === 'user') return !isRecord(tag)
  if (tag !== 'salt' && !tag.startsWith('salt/')) return true
  const parts = tag.split('/')
  const own = origin.id
  if (own.includes('/')) return false
  if (parts[1] === 'state_result') return parts[3] === own && parts.length > 4
  if (parts[1] === 'minion' || parts[1] === 'beacon') return parts[2] === own && parts.length > 3
  return parts[1] === 'job' && (parts[3] === 'ret' || parts[3] === 'prog') && parts[4] === own
}

/** Whether the tag is of the audit record, which services alone write. */
export const isRecord = (tag: string): boolean => tag === 'salt/audit' || tag.startsWith('salt/audit/')
