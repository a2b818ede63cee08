// Who an operator is that logs in by the auth callout, and what they may do.
import type { Grants } from '../protocol/role.ts'
import type { PasswordCheck } from './password.ts'
import type { OperatorStore } from './store.ts'

export interface OperatorLogin {
  user?: string | undefined
  password?: string | undefined
  /** A key whose signature has been verified. */
  nkey?: string | undefined
  /** The address that it comes from. */
  from?: string | undefined
}

/** Undefined: not let in, and nobody is told why. Throws `unreachable` where too many passwords are being checked. */
export type LoginOperator = (asked: OperatorLogin) => Promise<{ name: string; grants: Grants } | undefined>

/**
 * By key, or by name and password. A name beside a key must be the key's own. A name that nobody has, and one of somebody
 * with a key, cost as much as a wrong password.
 */
export function createOperatorLogin(store: OperatorStore, passwords: PasswordCheck): LoginOperator {
  const letIn = (name: string) => {
    // Looked up at the end: somebody may have been removed while the password was checked.
    const grants = store.grants(name)
    return grants && { name, grants }
  }
  return async ({ user, password, nkey, from = '' }) => {
    if (nkey !== undefined) {
      const entry = store.findKey(nkey)
      return entry && (!user || user === entry.name) ? letIn(entry.name) : undefined
    }
    if (user === undefined || password === undefined) return undefined
    const hash = store.passwordHash(user)
    if (!(await passwords.matches(password, hash, from))) return undefined
    return store.passwordHash(user) === hash ? letIn(user) : undefined
  }
}
