// An operator's login: by a key that they prove, or by name and password.
import { errorMessage } from '../base/errors.ts'
import type { LoginOperator } from '../operators/login.ts'
import { isOperatorName } from '../protocol/login.ts'
import { operatorPermissions } from '../protocol/permissions.ts'
import type { Guesses } from './guesses.ts'
import { expiry, type LoginRequest, type UserClaims } from './jwt.ts'
import { provesKey } from './signature.ts'
import type { Told } from './told.ts'

export interface OperatorLoginOptions {
  namespace: string
  /** Milliseconds. */
  loginTtl: number
  login: LoginOperator
  guesses: Guesses
  told: Told
}

/** Gives what the operator logs in as; undefined where they are not let in. */
export type OperatorLogins = (request: LoginRequest) => Promise<UserClaims | undefined>

export function createOperatorLogins({
  namespace,
  loginTtl,
  login,
  guesses,
  told,
}: OperatorLoginOptions): OperatorLogins {
  return async request => {
    const { nkey = '', sig = '', user = '', pass = '', nonce, host = '' } = request
    // What is no name may be a password in the wrong place: it is not repeated.
    const said = isOperatorName(user) ? user : ''
    const refuse = (reason: string): undefined => told.operatorRefused(said, host, reason)
    if (nkey === '' && user === '') return refuse('neither a key nor a name')
    // A key that is named must be proved, whatever else the login has.
    if (nkey !== '' && !provesKey(nkey, sig, nonce)) return refuse('a key that the login does not prove to hold')
    const asked = { from: host, ...(nkey === '' ? {} : { nkey }), ...(user === '' ? {} : { user, password: pass }) }
    let operator: Awaited<ReturnType<LoginOperator>>
    try {
      if (nkey === '') {
        const checked = await guesses.check(said, host, () => login(asked))
        if ('waitMs' in checked)
          return refuse(
            `too many wrong passwords for this name from this address: the next is looked at in ${Math.ceil(checked.waitMs / 1000)} s`,
          )
        operator = checked.found
      } else operator = await login(asked)
    } catch (error) {
      return refuse(errorMessage(error))
    }
    if (!operator) return refuse(nkey === '' ? 'no such name and password' : 'no operator has this key')
    const { name, grants } = operator
    told.operatorIn(name, host)
    return {
      name,
      account: 'OPS',
      permissions: operatorPermissions(namespace, name, grants),
      expires: expiry(request, loginTtl),
    }
  }
}
