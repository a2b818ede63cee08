// Adds, changes and removes users, by the tools of shadow-utils.
import { ReactorError } from '../../base/errors.ts'
import { runTool } from '../tool.ts'
import {
  type Accounts,
  type AccountTools,
  checkAccountName,
  groupsOf,
  prefixWords,
  readAccounts,
  type User,
} from './read.ts'

/** As Salt shows a user; a password is in no field of it. */
export interface UserInfo {
  name: string
  uid: number
  gid: number
  /** The primary one among them. */
  groups: string[]
  home: string
  shell: string
  passwd: string
  fullname: string
  roomnumber: string
  workphone: string
  homephone: string
  other: string
}

export function userInfo(user: User, accounts: Accounts): UserInfo {
  const [fullname = '', roomnumber = '', workphone = '', homephone = '', ...other] = user.gecos
  const { name, uid, gid, home, shell } = user
  const passwd = user.passwd.length > 1 ? '********' : user.passwd
  const groups = groupsOf(user, accounts)
  return {
    name,
    uid,
    gid,
    groups,
    home,
    shell,
    passwd,
    fullname,
    roomnumber,
    workphone,
    homephone,
    other: other.join(','),
  }
}

/** As the machine has it now. */
export async function userInfoOf(name: string, { prefix }: AccountTools): Promise<UserInfo | undefined> {
  const accounts = await readAccounts(prefix)
  const user = accounts.users.find(one => one.name === name)
  return user && userInfo(user, accounts)
}

/** What a user is to be; what is not said stays as it is, or as the machine has it. */
export interface UserWish {
  uid?: number | undefined
  /** The number of the primary group, or of a new user its name. */
  gid?: number | string | undefined
  /** All groups beside the primary one. */
  groups?: readonly string[] | undefined
  home?: string | undefined
  shell?: string | undefined
  /** The whole comment field. */
  gecos?: string | undefined
}

export interface NewUser extends UserWish {
  createhome: boolean
  system: boolean
  /** False: another user may have the same number. */
  unique: boolean
  /** A group of the same name. */
  usergroup?: boolean | undefined
}

export async function addUser(name: string, wish: NewUser, tools: AccountTools): Promise<void> {
  const words = [
    ...wishWords(wish),
    wish.createhome ? '-m' : '-M',
    ...(wish.system ? ['-r'] : []),
    ...(wish.unique ? [] : ['-o']),
    ...(wish.usergroup === undefined || wish.gid !== undefined ? [] : [wish.usergroup ? '-U' : '-N']),
  ]
  await shadow(`add the user ${name}`, 'useradd', words, name, tools)
}

export async function changeUser(name: string, wish: UserWish, tools: AccountTools): Promise<void> {
  await shadow(`change the user ${name}`, 'usermod', wishWords(wish), name, tools)
}

/** `purge`: with the home folder; `force`: though the user is logged in. */
export async function removeUser(
  name: string,
  { purge, force }: { purge: boolean; force: boolean },
  tools: AccountTools,
): Promise<void> {
  const words = [...(purge ? ['-r'] : []), ...(force ? ['-f'] : [])]
  await shadow(`remove the user ${name}`, 'userdel', words, name, tools)
}

/** The hash goes by the standard input: who lists processes sees their arguments. */
export async function setPassword(name: string, hash: string, { prefix, limits }: AccountTools): Promise<void> {
  const root = prefix === undefined ? [] : ['-R', prefix]
  const stdin = `${checkAccountName(name, 'user')}:${hash}\n`
  await runTool(`set the password of ${name}`, ['chpasswd', '-e', ...root], { ...limits, stdin })
}

function wishWords({ uid, gid, groups, home, shell, gecos }: UserWish): string[] {
  const word = (option: string, value: string | number | undefined) =>
    value === undefined ? [] : [option, oneLine(String(value))]
  const named = groups?.map(group => checkAccountName(group, 'group')).join(',')
  return [
    ...[...word('-u', uid), ...word('-g', gid), ...word('-G', named)],
    ...[...word('-d', home), ...word('-s', shell), ...word('-c', gecos)],
  ]
}

/** Lines and colons part what is in the file. */
function oneLine(value: string): string {
  if (!/[:\n\r]/.test(value) && !value.startsWith('-')) return value
  throw new ReactorError(
    'bad_argument',
    `'${value}' cannot stand in the file of users: no colon, no line break, no '-' first`,
  )
}

async function shadow(what: string, tool: string, words: string[], name: string, tools: AccountTools): Promise<void> {
  await runTool(what, [tool, ...prefixWords(tools), ...words, checkAccountName(name, 'user')], tools.limits)
}
