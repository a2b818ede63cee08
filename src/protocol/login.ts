// What a login says beside its key. NATS hands `user` and `pass` of the connect to the auth callout as they are: a minion's
// user is `minion:<id>`, everything else is an operator's name, or nothing where the key alone says who it is.
import { isObject } from '../base/json.ts'

/** What a minion says at its login beside its id and key. */
export interface MinionLogin {
  /** A join token, which lets a key in that nobody has accepted yet. */
  join?: string
  /** Grains that `autosign_grains_dir` of the master may look at. */
  grains?: Record<string, string>
}

const MINION = 'minion:'
/** Characters of `pass`; what is longer is nobody's login. */
export const MAX_LOGIN = 8192

export const minionUser = (id: string): string => MINION + id

/** The id of a minion's `user`; undefined where it is no minion's. */
export const minionOfUser = (user: string): string | undefined =>
  user.startsWith(MINION) ? user.slice(MINION.length) : undefined

export function encodeMinionLogin(login: MinionLogin): string {
  return Object.keys(login).length === 0 ? '' : Buffer.from(JSON.stringify(login)).toString('base64url')
}

/** Undefined where it is malformed. */
export function decodeMinionLogin(pass: string): MinionLogin | undefined {
  if (pass === '') return {}
  if (pass.length > MAX_LOGIN) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(pass, 'base64url').toString('utf8'))
    if (!isObject(value)) return undefined
    const { join, grains = {} } = value
    if (join !== undefined && typeof join !== 'string') return undefined
    if (!isObject(grains) || !Object.values(grains).every(one => typeof one === 'string')) return undefined
    return { ...(join === undefined ? {} : { join }), grains: grains as Record<string, string> }
  } catch {
    return undefined
  }
}

/** Who asked where nobody says it: no operator may be called so, for then it would be they. */
export const NOBODY = 'unknown'

/** Names of operators: they stand in subjects and beside `rule:…`, `schedule:…`, `peer:…`, so no colon. */
export const isOperatorName = (name: string): boolean =>
  name !== NOBODY && /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/.test(name) && !/^U[A-Z2-7]{55}$/.test(name)
