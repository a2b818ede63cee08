// A minion's login: it proves its key, and what is known of the key decides.
import type { Admit } from '../keys/admit.ts'
import { isMinionId } from '../protocol/key.ts'
import { decodeMinionLogin } from '../protocol/login.ts'
import { minionPermissions } from '../protocol/permissions.ts'
import { expiry, type LoginRequest, type UserClaims } from './jwt.ts'
import { provesKey } from './signature.ts'
import type { Told } from './told.ts'
import type { WaitingLogins } from './waiting-logins.ts'

export interface MinionLoginOptions {
  namespace: string
  /** Milliseconds. */
  loginTtl: number
  admit: Admit
  waiting: Pick<WaitingLogins, 'accepted'>
  told: Told
}

/** Gives what the minion logs in as; undefined where it is not let in, or not yet. */
export type MinionLogins = (id: string, request: LoginRequest) => Promise<UserClaims | undefined>

export function createMinionLogins({ namespace, loginTtl, admit, waiting, told }: MinionLoginOptions): MinionLogins {
  return async (id, request) => {
    const { nkey = '', sig = '', pass = '', nonce, host = '' } = request
    if (!isMinionId(id)) {
      told.operatorRefused('', host, 'a minion with an id that none may have')
      return undefined
    }
    if (!provesKey(nkey, sig, nonce)) {
      told.minionUnproved(
        id,
        host,
        nkey === '' ? 'it names no key' : 'it does not prove that it holds the key it names',
      )
      return undefined
    }
    const login = decodeMinionLogin(pass)
    if (!login) {
      told.minionUnproved(id, host, 'what it says beside its key is malformed')
      return undefined
    }
    const asked = { ...login, id, nkey }
    let admitted = await admit(asked)
    if (admitted.act === 'pend') {
      told.minion(admitted, id, nkey)
      if (!(await waiting.accepted(id, nkey))) return undefined
      admitted = await admit(asked)
    }
    told.minion(admitted, id, nkey)
    if (admitted.act !== 'accept') return undefined
    return {
      name: id,
      account: 'FLEET',
      permissions: minionPermissions(namespace, id),
      expires: expiry(request, loginTtl),
    }
  }
}
