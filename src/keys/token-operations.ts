// Join tokens as operators make and end them, with an audit record of each.
import type { Audit, Caller } from '../audit/audit.ts'
import type { JoinTokens } from '../functions/wheel-context.ts'
import type { TokenStore } from './tokens.ts'

/** The tokens as one caller changes them. */
export function createJoinTokens(store: TokenStore, audit: Audit): (caller: Caller) => JoinTokens {
  return caller => {
    const { user, source } = caller
    const record = (action: string, name: string) =>
      audit('token', { user, source, action, result: 'ok', about: [name] }, caller)
    return {
      async create(wanted) {
        const made = await store.create(wanted)
        record('token.create', made.name)
        return made
      },
      list: () => store.list(),
      async revoke(name) {
        const revoked = await store.revoke(name)
        if (revoked) record('token.revoke', name)
        return revoked
      },
    }
  }
}
