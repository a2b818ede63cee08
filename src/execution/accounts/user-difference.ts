// In what a user differs from what a state says of it.
import { type Accounts, groupsOf } from './read.ts'
import type { UserInfo } from './users.ts'

const GECOS = ['fullname', 'roomnumber', 'workphone', 'homephone', 'other'] as const

export interface WantedUser {
  name: string
  uid?: number | undefined
  gid?: number | string | undefined
  /** All but the primary one; undefined: as they are. */
  groups?: readonly string[] | undefined
  home?: string | undefined
  shell?: string | undefined
  fullname?: string | undefined
  roomnumber?: string | undefined
  workphone?: string | undefined
  homephone?: string | undefined
  other?: string | undefined
}

/** What it is to be, where it is not. */
export interface Difference extends Partial<Record<(typeof GECOS)[number], string>> {
  uid?: number
  gid?: number
  groups?: string[]
  home?: string
  shell?: string
  [key: string]: unknown
}

/** The groups that are asked for, beside the primary one, and those of them that are not there. */
export function groupsFor(
  given: {
    name: string
    gid?: number | string | undefined
    groups?: readonly string[] | undefined
    optional_groups?: readonly string[] | undefined
    remove_groups: boolean
  },
  accounts: Accounts,
): { groups: string[] | undefined; missing: string[] } {
  const { groups, optional_groups, remove_groups } = given
  const isThere = (name: string) => accounts.groups.some(group => group.name === name)
  const primary = typeof given.gid === 'string' ? [given.gid] : []
  const missing = [...(groups ?? []), ...primary].filter(name => !isThere(name))
  if (groups === undefined && optional_groups === undefined) return { groups: undefined, missing }
  const user = accounts.users.find(one => one.name === given.name)
  const kept = remove_groups || !user ? [] : groupsOf(user, accounts)
  const all = new Set([...(groups ?? []), ...(optional_groups ?? []).filter(isThere), ...kept])
  return { groups: [...all].sort(), missing }
}

export function differenceOf(wanted: WantedUser, now: UserInfo, accounts: Accounts): Difference {
  const difference: Difference = {}
  const { uid, home, shell } = wanted
  if (uid !== undefined && uid !== now.uid) difference.uid = uid
  const gid =
    typeof wanted.gid === 'string' ? accounts.groups.find(group => group.name === wanted.gid)?.gid : wanted.gid
  if (gid !== undefined && gid !== now.gid) difference.gid = gid
  if (home !== undefined && home !== now.home) difference.home = home
  if (shell !== undefined && shell !== now.shell) difference.shell = shell
  for (const key of GECOS) {
    const value = wanted[key]
    if (value !== undefined && value !== now[key]) difference[key] = value
  }
  if (wanted.groups !== undefined) {
    // Who has it as the primary group is in it already.
    const primary = accounts.groups.find(group => group.gid === (gid ?? now.gid))?.name
    const beside = (names: readonly string[]) => names.filter(name => name !== primary).sort()
    const groups = beside(wanted.groups)
    if (groups.join() !== beside(now.groups).join()) difference.groups = groups
  }
  return difference
}

type Words = Partial<Record<(typeof GECOS)[number], string | undefined>>

/** The comment field; empty where nothing is said. */
export function gecosOf(wanted: Words, now: Words = {}): string {
  const parts = GECOS.map(key => wanted[key] ?? now[key] ?? '')
  return parts.join(',').replace(/,+$/, '')
}

/** Why what files belong to may not change, in Salt's words; undefined: nothing is against it. */
export function refusedChange(
  difference: Difference,
  now: UserInfo,
  given: { allow_uid_change: boolean; allow_gid_change: boolean },
): string | undefined {
  for (const key of ['uid', 'gid'] as const)
    if (difference[key] !== undefined && !given[`allow_${key}_change`])
      return `Changing ${key} (${now[key]} -> ${difference[key]}) not permitted, set allow_${key}_change to True to force this change. Note that this will not change file ownership.`
  return undefined
}
