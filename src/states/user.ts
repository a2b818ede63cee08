// States `user`: users of the machine. Hashes of passwords are in no result: where one was set, that is said.
import { z } from 'zod'
import { errorMessage } from '../base/errors.ts'
import { REDACTED } from '../base/redact.ts'
import {
  type AccountTools,
  accountsPrefix,
  checkAccountName,
  passwordHash,
  readAccounts,
} from '../execution/accounts/read.ts'
import { userArguments as args, name, type UserArguments } from '../execution/accounts/user-arguments.ts'
import {
  type Difference,
  differenceOf,
  gecosOf,
  groupsFor,
  refusedChange,
  type WantedUser,
} from '../execution/accounts/user-difference.ts'
import {
  addUser,
  changeUser,
  removeUser,
  setPassword,
  type UserInfo,
  userInfo,
  userInfoOf,
} from '../execution/accounts/users.ts'
import { state } from '../functions/define.ts'
import { fixed } from '../functions/guards.ts'
import type { StateContext, StateReturn } from '../functions/state-context.ts'
import { changed, failed, unchanged, wouldChange } from '../functions/state-return.ts'

/** As Salt has it. */
const TOOL_MS = 60_000
const ONLY_SLS = fixed('what says who may do what on the machine')
const guards = Object.fromEntries(Object.keys(args).map(key => [key, ONLY_SLS])) as Record<
  keyof typeof args,
  typeof ONLY_SLS
>
export const present = state({
  doc: `A user is there, and is as given; what is not given stays as it is.
    Example:
      fred:
        user.present:
          - fullname: Fred Jones
          - shell: /bin/bash
          - uid: 4000
          - groups: [wheel, storage]
          - password: "{{ pillar['fred_hash'] }}"`,
  args,
  guards,
  idempotent: true,
  run: bring,
})

export const absent = state({
  doc: `There is no user of that name.
    Example:
      fred:
        user.absent:
          - purge: True`,
  args: {
    name,
    purge: z.boolean().default(false).describe('the home folder goes, too'),
    force: z.boolean().default(false).describe('though the user is logged in'),
  },
  guards: { name: ONLY_SLS, purge: ONLY_SLS, force: ONLY_SLS },
  idempotent: true,
  async run({ name, purge, force }, context) {
    const tools = toolsOf(context)
    checkAccountName(name, 'user')
    const before = await readAccounts(tools.prefix)
    if (!before.users.some(user => user.name === name)) return unchanged(`User ${name} is not present`)
    if (context.test) return wouldChange(`User ${name} set for removal`, { [name]: 'removed' })
    await removeUser(name, { purge, force }, tools)
    const { groups } = await readAccounts(tools.prefix)
    const gone = before.groups.filter(group => !groups.some(one => one.name === group.name))
    const changes = Object.fromEntries(gone.map(group => [`${group.name} group`, 'removed']))
    return changed(`Removed user ${name}`, { [name]: 'removed', ...changes })
  },
})

const toolsOf = ({ config, signal, onProcess }: StateContext): AccountTools => ({
  prefix: accountsPrefix(config),
  limits: { timeoutMs: TOOL_MS, signal, onPid: onProcess },
})

async function bring(given: UserArguments, context: StateContext): Promise<StateReturn> {
  const { name } = given
  checkAccountName(name, 'user')
  const tools = toolsOf(context)
  const accounts = await readAccounts(tools.prefix)
  const { groups, missing } = groupsFor(given, accounts)
  if (missing.length > 0) {
    const comment = `The following group(s) are not present: ${missing.join(',')}`
    return context.test ? wouldChange(`${comment}; created in this state run, they would be there`) : failed(comment)
  }
  const user = accounts.users.find(one => one.name === name)
  const wanted = { ...given, groups }
  if (!user) return create(wanted, given, tools, context.test)
  const hash = given.password === undefined ? undefined : await passwordHash(name, tools.prefix)
  const now = userInfo(user, accounts)
  const difference = differenceOf(wanted, now, accounts)
  const refused = refusedChange(difference, now, given)
  if (refused !== undefined) return failed(refused)
  const isOpen = given.enforce_password || hash === undefined || ['', '!', '!!', '*'].includes(hash)
  const password = given.password !== undefined && given.password !== hash && isOpen ? given.password : undefined
  const all = { ...difference, ...(password === undefined ? {} : { passwd: REDACTED }) }
  if (Object.keys(all).length === 0) return unchanged(`User ${name} is present and up to date`)
  if (context.test) return wouldChange(`The following user attributes are set to be changed:\n${listed(all)}`, all)
  return change(wanted, now, difference, password, tools)
}

async function create(
  wanted: WantedUser,
  given: UserArguments,
  tools: AccountTools,
  test: boolean,
): Promise<StateReturn> {
  const { name, password } = given
  if (test) return wouldChange(`User ${name} set to be added`, { [name]: 'added' })
  const { uid, gid, home, shell, createhome, system, unique, usergroup } = given
  // What useradd would refuse: the group of that name is there.
  const own = gid === undefined && wanted.groups?.includes(name) ? name : gid
  const groups = wanted.groups?.filter(group => group !== own)
  const gecos = gecosOf(wanted) || undefined
  const wish = { uid, gid: own, groups: groups?.length ? groups : undefined, home, shell, gecos }
  await addUser(name, { ...wish, createhome, system, unique, usergroup }, tools)
  const hidden = password === undefined ? {} : { password: REDACTED }
  try {
    if (password !== undefined) await setPassword(name, password, tools)
  } catch (error) {
    const changes = (await userInfoOf(name, tools)) ?? {}
    return failed(`New user ${name} created; ${errorMessage(error)}`, { ...changes })
  }
  return changed(`New user ${name} created`, { ...(await userInfoOf(name, tools)), ...hidden })
}

async function change(
  wanted: WantedUser,
  now: UserInfo,
  difference: Difference,
  password: string | undefined,
  tools: AccountTools,
): Promise<StateReturn> {
  const { name } = now
  const { uid, gid, groups, home, shell, ...words } = difference
  const gecos = Object.keys(words).length > 0 ? gecosOf(wanted, now) : undefined
  let problem: string | undefined
  let isSet = false
  try {
    if (Object.keys(difference).length > 0) await changeUser(name, { uid, gid, groups, home, shell, gecos }, tools)
    if (password !== undefined) await setPassword(name, password, tools)
    isSet = password !== undefined
  } catch (error) {
    problem = errorMessage(error)
  }
  const after = await userInfoOf(name, tools)
  const done = Object.fromEntries(
    Object.keys(difference).flatMap(key => {
      const [old, value] = [now[key as keyof UserInfo], after?.[key as keyof UserInfo]]
      return JSON.stringify(old) === JSON.stringify(value) ? [] : [[key, value]]
    }),
  )
  const changes = { ...done, ...(isSet ? { passwd: REDACTED } : {}) }
  return problem === undefined
    ? changed(`Updated user ${name}`, changes)
    : failed(`User ${name} could not be made so: ${problem}`, changes)
}

const listed = (changes: Record<string, unknown>): string =>
  Object.entries(changes)
    .map(([key, value]) => `${key}: ${[value].flat().join(', ')}\n`)
    .join('')
