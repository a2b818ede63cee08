// The bucket `users`: operators who log in by the auth callout, with their roles. Every service that asks who may what
// follows it; the master changes it, and alone has the hashes of passwords, in a bucket of their own.
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { didYouMean } from '../base/suggest.ts'
import { openTable } from '../bus/table.ts'
import type { Operators, OperatorView } from '../functions/wheel-context.ts'
import { isPublicKey } from '../protocol/key.ts'
import { isOperatorName, NOBODY } from '../protocol/login.ts'
import { type Grants, NO_GRANTS } from '../protocol/role.ts'
import { bucketNames } from '../protocol/streams.ts'
import { escapeToken } from '../protocol/token.ts'
import { isPasswordId, openKeptPasswords } from './kept-passwords.ts'
import { isPasswordHash } from './password.ts'
import { type Roles, sumGrants } from './roles.ts'

/** One value of the bucket, under the escaped name. It has a key or a password, never both. */
export interface OperatorEntry {
  name: string
  roles: string[]
  nkey?: string
  /** The name under which its hash is kept. */
  password?: string
  /** Milliseconds since the epoch: when it was added. */
  since: number
}

export interface OperatorStore extends Operators, Running {
  find(name: string): OperatorEntry | undefined
  /** The hash of an operator's password. */
  passwordHash(name: string): string | undefined
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
  /** False: without the hashes, for those who only look up what operators may; nobody is added or changed by it. */
  passwords?: boolean
  log: Log
}

export async function openOperators(parts: OperatorStoreParts): Promise<OperatorStore> {
  const { nc, namespace, replicas, roles, statics, log } = parts
  const table = await openTable(nc, bucketNames(namespace).users, { replicas, read: readEntry, log })
  const passwords = parts.passwords === false ? undefined : await openKeptPasswords(nc, { namespace, replicas, log })
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
  ): { nkey?: string; password_hash?: string } => {
    if (nkey !== undefined && password_hash !== undefined)
      throw bad(`operator '${name}' logs in by nkey or by password_hash: give one of them`)
    if (nkey !== undefined) {
      if (!isPublicKey(nkey))
        throw bad(
          `'${nkey.slice(0, 60)}' is no public nkey of a user: 'U' and 55 of A-Z, 2-7, the last ones a checksum`,
        )
      const holder = Object.hasOwn(statics, nkey) ? statics[nkey] : holdersOf(nkey).find(one => one.name !== name)?.name
      if (holder !== undefined) throw bad(`that nkey is operator '${holder}': a key is one operator's`)
      return { nkey }
    }
    if (password_hash === undefined) return {}
    if (!isPasswordHash(password_hash))
      throw bad("password_hash is no hash of a password: make it with 'reactor user add' or 'reactor user passwd'")
    return { password_hash }
  }

  /** The login as the entry of an operator has it, its hash kept. */
  const kept = async (
    name: string,
    { nkey, password_hash }: { nkey?: string; password_hash?: string },
  ): Promise<Pick<OperatorEntry, 'nkey' | 'password'>> => {
    if (nkey !== undefined) return { nkey }
    if (password_hash === undefined) return {}
    if (!passwords) throw new ReactorError('internal', 'operators were opened without their passwords')
    return { password: await passwords.keep(name, password_hash) }
  }
  /** Of the hashes of an operator, those that their entry names no more. */
  const tidy = async (name: string, ...ids: (string | undefined)[]): Promise<void> => {
    const inUse = table.values.get(escapeToken(name))?.password
    for (const id of ids) if (id !== undefined && id !== inUse) await passwords?.forget(id)
  }

  return {
    find,
    passwordHash(name) {
      const id = find(name)?.password
      return id === undefined ? undefined : passwords?.find(id)
    },
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
          `'${name.slice(0, 100)}' is no operator's name: 1 to 64 letters, digits and . _ @ + - of ASCII, beginning with a letter or digit, and not '${NOBODY}'`,
        )
      if (staticNames.has(name)) throw bad(`'${name}' is a static operator of the config: choose another name`)
      const login = checkLogin(name, given)
      if (login.nkey === undefined && login.password_hash === undefined)
        throw bad(`operator '${name}' needs nkey or password_hash to log in by`)
      const checked = checkRoles(wanted)
      const by = await kept(name, login)
      const entry: OperatorEntry = { name, roles: checked, ...by, since: parts.now() }
      try {
        await table.change(escapeToken(name), value => {
          if (value !== undefined) throw bad(`there is an operator '${name}' already: change it, or remove it first`)
          return entry
        })
      } finally {
        await tidy(name, by.password)
      }
      return viewOf(entry)
    },
    async change(name, { roles: wanted, ...given }) {
      const missing = () => new ReactorError('not_found', `there is no operator '${name.slice(0, 100)}'`)
      if (!isOperatorName(name)) throw missing()
      const login = checkLogin(name, given)
      const changed = wanted === undefined ? undefined : checkRoles(wanted)
      if (changed === undefined && Object.keys(login).length === 0)
        throw bad(`nothing to change of operator '${name}': give roles, nkey or password_hash`)
      const by = await kept(name, login)
      let old: string | undefined
      try {
        const { before, after } = await table.change(escapeToken(name), value => {
          if (value === undefined) throw missing()
          const { nkey, password, ...rest } = value
          const same = Object.keys(by).length > 0 ? {} : { nkey, password }
          return withoutUndefined({ ...rest, ...(changed ? { roles: changed } : {}), ...same, ...by })
        })
        old = before?.password
        return viewOf(after!)
      } finally {
        await tidy(name, by.password, old)
      }
    },
    async remove(name) {
      if (!isOperatorName(name)) return false
      const { before } = await table.change(escapeToken(name), () => undefined)
      await tidy(name, before?.password)
      return before !== undefined
    },
    async stop() {
      await Promise.all([table.stop(), passwords?.stop()])
    },
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
  if (!isObject(value)) throw new Error('expected {name, roles, nkey | password, since}')
  const { name, roles, nkey, password, since } = value
  if (typeof name !== 'string' || !isOperatorName(name)) throw new Error("expected an operator's name")
  if (!Array.isArray(roles) || !roles.every(role => typeof role === 'string'))
    throw new Error('expected a list of roles')
  if (typeof since !== 'number') throw new Error("expected 'since'")
  if (typeof nkey === 'string' && password === undefined && isPublicKey(nkey)) return { name, roles, nkey, since }
  if (nkey === undefined && isPasswordId(password)) return { name, roles, password, since }
  throw new Error('expected either a public nkey or the name of a password')
}
