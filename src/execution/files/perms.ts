// Owner and permissions that a state wants of a path: what differs, and making it so.
import type { Stats } from 'node:fs'
import { chmod, type FileHandle, lchown } from 'node:fs/promises'
import { errorMessage } from '../../base/errors.ts'
import type { StateContext } from '../../functions/state-context.ts'
import { groupId, type OwnerName, userId } from './owner.ts'
import { failure } from './result.ts'

export interface Perms {
  user?: string | number
  uid?: number
  group?: string | number
  gid?: number
  /** Permission bits. */
  mode?: number
}

export interface PermsAsked {
  user?: OwnerName
  group?: OwnerName
  mode?: string | null | undefined
}

const MODE_BITS = 0o7777

/** `644`, `0644`, `'0o644'` as `0644`; undefined where it is no mode. */
export function modeOf(value: string | number): string | undefined {
  const digits = String(value).replace(/^0o/, '').replace(/^0+/, '')
  return /^[0-7]{0,4}$/.test(digits) && String(value) !== '' ? digits.padStart(4, '0') : undefined
}

export const modeText = (mode: number): string => (mode & MODE_BITS).toString(8).padStart(4, '0')

/**
 * What a state asks for, with its users found. Throws a failure where one is not there; with `test=True` another state may be
 * about to make it, so there it is a warning.
 */
export async function findPerms(
  { user, group, mode }: PermsAsked,
  context: StateContext,
): Promise<Perms & { warnings: string[] }> {
  const perms: Perms = {}
  const missing: string[] = []
  if (user !== undefined && user !== null && user !== '') {
    const uid = await userId(user, context)
    if (uid === undefined) missing.push(`User ${user} is not available`)
    else Object.assign(perms, { user, uid })
  }
  if (group !== undefined && group !== null && group !== '') {
    const gid = await groupId(group, context)
    if (gid === undefined) missing.push(`Group ${group} is not available`)
    else Object.assign(perms, { group, gid })
  }
  if (missing.length > 0 && !context.test) throw failure(missing.join(' '))
  if (mode !== undefined && mode !== null) perms.mode = Number.parseInt(mode, 8)
  return { ...perms, warnings: missing }
}

/** In the words of a state's changes; a link has an owner and no mode. */
export function permChanges(
  stat: Pick<Stats, 'uid' | 'gid' | 'mode'> & Partial<Pick<Stats, 'isSymbolicLink'>>,
  { user, uid, group, gid, mode }: Perms,
): Record<string, string | number> {
  return {
    ...(uid !== undefined && uid !== stat.uid ? { user: user! } : {}),
    ...(gid !== undefined && gid !== stat.gid ? { group: group! } : {}),
    ...(mode !== undefined && !stat.isSymbolicLink?.() && mode !== (stat.mode & MODE_BITS)
      ? { mode: modeText(mode) }
      : {}),
  }
}

/** Sets what differs, and gives that back. Throws a failure. */
export async function applyPerms(path: string, stat: Stats, perms: Perms): Promise<Record<string, string | number>> {
  const changes = permChanges(stat, perms)
  if ('user' in changes || 'group' in changes) await setOwner(path, perms)
  // A change of owner takes setuid and setgid away.
  const afresh = ('user' in changes || 'group' in changes) && !stat.isSymbolicLink() && (stat.mode & 0o6000) !== 0
  if ('mode' in changes || afresh) await setMode(path, perms.mode ?? stat.mode & MODE_BITS)
  return changes
}

export async function setOwner(of: string | FileHandle, { user, uid, group, gid }: Perms): Promise<void> {
  const ids = [uid ?? -1, gid ?? -1] as const
  try {
    await (typeof of === 'string' ? lchown(of, ...ids) : of.chown(...ids))
  } catch (error) {
    const what = [
      ...(user === undefined ? [] : [`user to ${user}`]),
      ...(group === undefined ? [] : [`group to ${group}`]),
    ]
    throw failure(`Failed to change ${what.join(' and ')}: ${errorMessage(error)}${notRoot(error)}`)
  }
}

export async function setMode(path: string, mode: number): Promise<void> {
  try {
    await chmod(path, mode)
  } catch (error) {
    throw failure(`Failed to change mode to ${modeText(mode)}: ${errorMessage(error)}${notRoot(error)}`)
  }
}

function notRoot(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EPERM' && process.getuid?.() !== 0 ? ' (the minion does not run as root)' : ''
}
