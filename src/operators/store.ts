// The bucket `users`: operators who log in by the auth callout, with their roles. Every service that asks who may what
// follows it; the master changes it.
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { didYouMean } from '../base/suggest.ts'
import { openTable } from '../bus/table.ts'
import type { Operators, OperatorView } from '../functions/context.ts'
import { isPublicKey } from '../protocol/key.ts'
import { isOperatorName } from '../protocol/login.ts'
import { type Grants, NO_GRANTS } from '../protocol/role.ts'
import { bucketNames } from '../protocol/streams.ts'
import { escapeToken } from '../protocol/token.ts'
import { isPasswordHash } from './password.ts'
import { type Roles, sumGrants } from './roles.ts'

/** One value of the bucket, under the escaped name. It has a key or a password's hash, never both. */
export interface OperatorEntry {
  name: string
  roles: string[]
  nkey?: string
  password_hash?: string
  /** Milliseconds since the epoch: when it was added. */
  since: number
}

export interface OperatorStore extends Operators, Running {
  find(name: string): OperatorEntry | undefined
  /** Who has that key; undefined too where, by two masters at once, several have been given it. */
  findKey(nkey: string): OperatorEntry | undefined
  /** What all the roles of that operator grant, those that are no longer configured nothing; undefined: no such operator. */
  grants(name: string): Grants | undefined
  /** Tells of each operator that was changed or removed, by whichever master, until the returned function is called. */
  onChange(listener: (name: string) => void): () => void
}

export interface OperatorStoreParts {
  nc: NatsConnection
  namespace: string
  replicas: number
  roles: Roles
  /** The static operators' names by public key, as the config has them. */
  statics: Readonly<Record<string, string>>
  now(): number
  log: Log
}

export async function openOperators(parts: OperatorStoreParts): Promise<OperatorStore> {
  const { nc, namespace, replicas, roles, statics, log } = parts
  const table = await openTable(nc, bucketNames(namespace).users, { replicas, read: readEntry, log })
  /** Summed once for each entry. */
  const sums = new WeakMap<OperatorEntry, Grants>()
  const staticNames = new Set(Object.values(statics))

  // A static operator's name is its own, whatever the bucket had before.
  const find = (name: string): OperatorEntry | undefined =>
    staticNames.has(name) || !isOperatorName(name) ? undefined : table.values.get(escapeToken(name))
  const holdersOf = (nkey: string) => [...table.values.values()].filter(entry => entry.nkey === nkey)

  const checkRoles = (wanted: readonly string[]): string[] => {
    if (wanted.length === 0) throw bad(`an operator needs a role; there are ${[...roles.keys()].join(', ')}`)
    const unknown = wanted.find(role => !roles.has(role))
    if (unknown === undefined) return [...new Set(wanted)]
    const known = [...roles.keys()]
    throw bad(`there is no role '${unknown}'; there are ${known.join(', ')}.${didYouMean(unknown, known)}`)
  }
  /** One way to log in, checked. */
  const checkLogin = (
    name: string,
    { nkey, password_hash }: { nkey?: string; password_hash?: string },
  ): Pick<OperatorEntry, 'nkey' | 'password_hash'> => {
    if (nkey !== undefined && password_hash !== undefined)
      throw bad(`operator '${name}' logs in by nkey or by password_hash: give one of them`)
    if (nkey !== undefined) {
      if (!isPublicKey(nkey)) throw bad(`'${nkey.slice(0, 60)}' is no public nkey of a user: 'U' and 55 of A-Z, 2-7`)
      const holder = Object.hasOwn(statics, nkey) ? statics[nkey] : holdersOf(nkey).find(one => one.name !== name)?.name
      if (holder !== undefined) throw bad(`that nkey is operator '${holder}': a key is one operator's`)
      return { nkey }
    }
    if (password_hash === undefined) return {}
    if (!isPasswordHash(password_hash))
      throw bad("password_hash is no hash of a password: make it with 'reactor user add' or 'reactor user passwd'")
    return { password_hash }
  }

  return {
    find,
    findKey(nkey) {
      const holders = holdersOf(nkey).filter(({ name }) => find(name) !== undefined)
      return holders.length === 1 ? holders[0] : undefined
    },
    grants(name) {
      const entry = find(name)
      if (!entry) return undefined
      const before = sums.get(entry)
      if (before) return before
      const sum =
        entry.roles.length === 0 ? NO_GRANTS : sumGrants(entry.roles.map(role => roles.get(role) ?? NO_GRANTS))
      sums.set(entry, sum)
      return sum
    },
    onChange: listener => table.follow((_key, _value, before) => before && listener(before.name)),
    list: () => [...table.values.values()].map(viewOf).sort((a, b) => (a.name < b.name ? -1 : 1)),
    async add({ name, roles: wanted, ...given }) {
      if (!isOperatorName(name))
        throw bad(
          `'${name.slice(0, 100)}' is no operator's name: 1 to 64 letters, digits and . _ @ + - of ASCII, beginning with a letter or digit`,
        )
      if (staticNames.has(name)) throw bad(`'${name}' is a static operator of the config: choose another name`)
      const login = checkLogin(name, given)
      if (login.nkey === undefined && login.password_hash === undefined)
        throw bad(`operator '${name}' needs nkey or password_hash to log in by`)
      const entry: OperatorEntry = { name, roles: checkRoles(wanted), ...login, since: parts.now() }
      await table.change(escapeToken(name), value => {
        if (value !== undefined) throw bad(`there is an operator '${name}' already: change it, or remove it first`)
        return entry
      })
      return viewOf(entry)
    },
    async change(name, { roles: wanted, ...given }) {
      const missing = () => new ReactorError('not_found', `there is no operator '${name.slice(0, 100)}'`)
      if (!isOperatorName(name)) throw missing()
      const login = checkLogin(name, given)
      const changed = wanted === undefined ? undefined : checkRoles(wanted)
      if (changed === undefined && Object.keys(login).length === 0)
        throw bad(`nothing to change of operator '${name}': give roles, nkey or password_hash`)
      const { after } = await table.change(escapeToken(name), value => {
        if (value === undefined) throw missing()
        const { nkey, password_hash, ...rest } = value
        const before = Object.keys(login).length > 0 ? {} : { nkey, password_hash }
        return withoutUndefined({ ...rest, ...(changed ? { roles: changed } : {}), ...before, ...login })
      })
      return viewOf(after!)
    },
    async remove(name) {
      if (!isOperatorName(name)) return false
      const { before } = await table.change(escapeToken(name), () => undefined)
      return before !== undefined
    },
    stop: () => table.stop(),
  }
}

const bad = (message: string): ReactorError => new ReactorError('bad_argument', message)

const withoutUndefined = (entry: { [K in keyof OperatorEntry]: OperatorEntry[K] | undefined }): OperatorEntry =>
  Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined)) as unknown as OperatorEntry

function viewOf({ name, roles, nkey, since }: OperatorEntry): OperatorView {
  return {
    name,
    roles,
    login: nkey === undefined ? 'password' : 'nkey',
    ...(nkey === undefined ? {} : { nkey }),
    since,
  }
}

function readEntry(value: unknown): OperatorEntry {
  if (!isObject(value)) throw new Error('expected {name, roles, nkey | password_hash, since}')
  const { name, roles, nkey, password_hash, since } = value
  if (typeof name !== 'string' || !isOperatorName(name)) throw new Error("expected an operator's name")
  if (!Array.isArray(roles) || !roles.every(role => typeof role === 'string'))
    throw new Error('expected a list of roles')
  if (typeof since !== 'number') throw new Error("expected 'since'")
  if (typeof nkey === 'string' && password_hash === undefined && isPublicKey(nkey)) return { name, roles, nkey, since }
  if (nkey === undefined && typeof password_hash === 'string' && isPasswordHash(password_hash))
    return { name, roles, password_hash, since }
  throw new Error('expected either a public nkey or the hash of a password')
}
