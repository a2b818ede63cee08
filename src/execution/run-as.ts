// A command of another user: runuser takes on the user's groups and runs it, and only root may.
import { statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { ReactorError } from '../base/errors.ts'
import { readAccounts, type User } from './accounts/read.ts'

export interface AsUser {
  argv: string[]
  /** The user's home folder, or the root where there is none. */
  home: string
  env: Record<string, string>
}

/** Throws `function_failed` where there is no such user on this machine. */
export async function userNamed(name: string): Promise<User> {
  const user = (await readAccounts()).users.find(one => one.name === name)
  if (user) return user
  throw new ReactorError('function_failed', `runas: there is no user '${name}' on this machine`)
}

/** Throws `function_failed` where there is no such user, or the minion is not root. */
export async function asUser(name: string, argv: readonly string[]): Promise<AsUser> {
  const user = await userNamed(name)
  const home = statSync(user.home, { throwIfNoEntry: false })?.isDirectory() ? user.home : '/'
  const env = { HOME: user.home, USER: name, LOGNAME: name }
  if (userInfo().uid === user.uid) return { argv: [...argv], home, env }
  if (userInfo().uid !== 0)
    throw new ReactorError('function_failed', `runas: only a minion that is root can run a command as '${name}'`)
  return { argv: ['runuser', '-u', name, '--', ...argv], home, env }
}
