// The users and groups of a machine, as /etc/passwd and /etc/group have them, or with no prefix whatever getent knows.
import { readFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { ReactorError } from '../../base/errors.ts'
import { isObject } from '../../base/json.ts'
import type { Limits } from '../services/provider.ts'
import { callTool } from '../tool.ts'

export interface User {
  name: string
  uid: number
  gid: number
  home: string
  shell: string
  /** The parts of the comment field: full name, room, phone at work and at home, other. */
  gecos: string[]
  /** What stands in the place of the password, `x` where that is in the shadow file. */
  passwd: string
}

export interface Group {
  name: string
  gid: number
  passwd: string
  /** Those that it is no primary group of. */
  members: string[]
}

export interface Accounts {
  users: User[]
  groups: Group[]
}

/** `module_config.user.prefix`: the folder whose etc/passwd, etc/group and etc/shadow are meant. Throws `bad_config`. */
export function accountsPrefix(config: Readonly<Record<string, unknown>> = {}): string | undefined {
  const prefix = isObject(config.user) ? config.user.prefix : undefined
  if (prefix === undefined || (typeof prefix === 'string' && isAbsolute(prefix))) return prefix
  throw new ReactorError(
    'bad_config',
    `user.prefix: expected the absolute path of a folder, got ${JSON.stringify(prefix)}`,
  )
}

export async function readAccounts(prefix?: string): Promise<Accounts> {
  const [users, groups] = await Promise.all([lines('passwd', prefix), lines('group', prefix)])
  return {
    users: users.map(([name = '', passwd = '', uid, gid, gecos = '', home = '', shell = '']) => ({
      name,
      passwd,
      uid: Number(uid),
      gid: Number(gid),
      gecos: gecos.split(','),
      home,
      shell,
    })),
    groups: groups.map(([name = '', passwd = '', gid, members = '']) => ({
      name,
      passwd,
      gid: Number(gid),
      members: members.split(',').filter(Boolean),
    })),
  }
}

/** The hash of a user's password; undefined where there is none, or this process may not read it. */
export async function passwordHash(name: string, prefix?: string): Promise<string | undefined> {
  const text = await readFile(join(prefix ?? '/', 'etc/shadow'), 'utf8').catch(() => '')
  return split(text).find(([user]) => user === name)?.[1]
}

/** Names of the groups of a user, the primary one among them, sorted. */
export function groupsOf(user: User, { groups }: Accounts): string[] {
  return groups
    .filter(group => group.gid === user.gid || group.members.includes(user.name))
    .map(group => group.name)
    .sort()
}

/** What is done to accounts, and how long it may take. */
export interface AccountTools {
  prefix: string | undefined
  limits: Limits
}

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?$/

/** Throws `bad_argument` for what could be an option, a list, or a line of the file. */
export function checkAccountName(name: string, what: 'user' | 'group'): string {
  if (NAME.test(name)) return name
  throw new ReactorError(
    'bad_argument',
    `'${name}' is no name of a ${what}: letters, digits, '_', '.' and '-', at most 32, the first a letter or '_'`,
  )
}

/** The words of a tool of shadow-utils that say where it works. */
export const prefixWords = ({ prefix }: AccountTools): string[] => (prefix === undefined ? [] : ['--prefix', prefix])

async function lines(database: 'passwd' | 'group', prefix: string | undefined): Promise<string[][]> {
  if (prefix === undefined) {
    const result = await callTool(['getent', database], { timeoutMs: 30_000 })
    if (result.retcode === 0) return split(result.stdout)
  }
  const file = join(prefix ?? '/', 'etc', database)
  return split(
    await readFile(file, 'utf8').catch(cause => {
      throw new ReactorError('function_failed', `the accounts in ${file} cannot be read: ${cause.message}`)
    }),
  )
}

const split = (text: string): string[][] =>
  text
    .split('\n')
    .filter(line => line.includes(':') && !line.startsWith('#'))
    .map(line => line.split(':'))
