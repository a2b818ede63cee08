// What a minion may say about the fleet: itself and nothing else. Every reader of events asks this one function.
import type { Origin } from './origin.ts'

/**
 * Whether an event is to be believed. Under `salt/`, a minion is believed only on its own returns, progress, life and
 * beacons; services, operators and tags outside `salt/` always are (the account proves the origin).
 */
export function isBelieved(origin: Origin, tag: string): boolean {
  if (origin.kind !== 'minion') return true
  if (tag !== 'salt' && !tag.startsWith('salt/')) return true
  const parts = tag.split('/')
  const own = origin.id
  if (own.includes('/')) return false
  if (parts[1] === 'minion' || parts[1] === 'beacon') return parts[2] === own && parts.length > 3
  return parts[1] === 'job' && (parts[3] === 'ret' || parts[3] === 'prog') && parts[4] === own
}
