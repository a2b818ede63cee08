// States `group`: groups of the machine, and who is in them.
import { z } from 'zod'
import { errorMessage } from '../base/errors.ts'
import { addGroup, addMember, changeGid, groupInfo, removeGroup, removeMember } from '../execution/accounts/groups.ts'
import {
  type AccountTools,
  accountsPrefix,
  checkAccountName,
  type Group,
  readAccounts,
} from '../execution/accounts/read.ts'
import { state } from '../functions/define.ts'
import { fixed } from '../functions/guards.ts'
import type { StateContext, StateReturn } from '../functions/state-context.ts'
import { changed, failed, unchanged, wouldChange } from '../functions/state-return.ts'

const name = z.string().min(1).describe('the group')
const users = z.array(z.string())
const TOOL_MS = 60_000
const guards = {
  name: fixed('a group'),
  gid: fixed('the number of a group'),
  system: fixed('what makes it a group of the system'),
  members: fixed('who is in a group'),
  addusers: fixed('who is in a group'),
  delusers: fixed('who is in a group'),
}

export const present = state({
  doc: `A group is there, with these members. members are all of them; addusers and delusers leave the others.
    Example:
      web:
        group.present:
          - gid: 1500
          - addusers: [www-data]
          - delusers: [guest]`,
  args: {
    name,
    gid: z.number().int().min(0).optional().describe('its number'),
    system: z.boolean().default(false).describe('a new one has a number of those of the system'),
    members: users.optional().describe('all who are in it; an empty list: nobody'),
    addusers: users.optional().describe('who is in it, beside others'),
    delusers: users.optional().describe('who is not'),
  },
  guards,
  idempotent: true,
  run: bring,
})

export const absent = state({
  doc: `There is no group of that name.
    Example:
      web:
        group.absent: []`,
  args: { name },
  guards: { name: guards.name },
  idempotent: true,
  async run({ name }, context) {
    const tools = toolsOf(context)
    checkAccountName(name, 'group')
    if (!(await find(name, tools))) return unchanged('Group not present')
    if (context.test) return wouldChange(`Group ${name} is set for removal`, { [name]: '' })
    await removeGroup(name, tools)
    return changed(`Removed group ${name}`, { [name]: '' })
  },
})

interface Wanted {
  name: string
  gid?: number | undefined
  system: boolean
  members?: string[] | undefined
  addusers?: string[] | undefined
  delusers?: string[] | undefined
}

const toolsOf = ({ config, signal, onProcess }: StateContext): AccountTools => ({
  prefix: accountsPrefix(config),
  limits: { timeoutMs: TOOL_MS, signal, onPid: onProcess },
})

const find = async (name: string, { prefix }: AccountTools): Promise<Group | undefined> =>
  (await readAccounts(prefix)).groups.find(group => group.name === name)

async function bring(wanted: Wanted, context: StateContext): Promise<StateReturn> {
  const { name, gid, members, addusers = [], delusers = [] } = wanted
  checkAccountName(name, 'group')
  if (members && (wanted.addusers || wanted.delusers))
    return failed('Error: Conflicting options "members" with "addusers" and/or "delusers" can not be used together.')
  const both = addusers.filter(user => delusers.includes(user))
  if (both.length > 0)
    return failed(`Error. Same user(s) can not be added and deleted simultaneously: ${both.join(', ')}`)
  const tools = toolsOf(context)
  const accounts = await readAccounts(tools.prefix)
  const now = accounts.groups.find(group => group.name === name)
  const holder = accounts.groups.find(group => group.gid === gid && group.name !== name)
  if (holder)
    return failed(
      `Group ${name} is ${now ? '' : 'not '}present but gid ${gid} is already taken by group ${holder.name}`,
    )
  const difference = differenceOf(wanted, now)
  if (now && Object.keys(difference).length === 0) return unchanged(`Group ${name} is present and up to date`)
  if (context.test) {
    if (!now) return wouldChange(`Group ${name} set to be added`, { [name]: 'added' })
    return wouldChange(`The following group attributes are set to be changed:\n${listed(difference)}`, difference)
  }
  try {
    if (!now) await addGroup(name, { gid, system: wanted.system }, tools)
    else if (difference.gid !== undefined) await changeGid(name, difference.gid, tools)
    for (const user of difference.addusers ?? []) await addMember(name, user, tools)
    // Each time anew: one user's groups say what the next one's are not.
    for (const user of difference.delusers ?? [])
      await removeMember(name, user, await readAccounts(tools.prefix), tools)
  } catch (error) {
    const after = await find(name, tools)
    const done = after && JSON.stringify(after) !== JSON.stringify(now) ? { [name]: groupInfo(after) } : {}
    return failed(`Group ${name} could not be made so: ${errorMessage(error)}`, done)
  }
  if (now) return changed(`The following group attributes were changed:\n${listed(difference)}`, difference)
  return changed(`New group ${name} created`, { ...groupInfo((await find(name, tools))!) })
}

interface Difference extends Record<string, unknown> {
  gid?: number
  addusers?: string[]
  delusers?: string[]
}

function differenceOf({ gid, members, addusers = [], delusers = [] }: Wanted, now: Group | undefined): Difference {
  const current = now?.members ?? []
  const come = (members ?? addusers).filter(user => !current.includes(user))
  const go = current.filter(user => (members ? !members.includes(user) : delusers.includes(user)))
  return {
    ...(gid === undefined || gid === now?.gid ? {} : { gid }),
    ...(come.length === 0 ? {} : { addusers: [...new Set(come)].sort() }),
    ...(go.length === 0 ? {} : { delusers: go.sort() }),
  }
}

const listed = (difference: Difference): string =>
  Object.entries(difference)
    .map(([key, value]) => `${key}: ${[value].flat().join(', ')}\n`)
    .join('')
