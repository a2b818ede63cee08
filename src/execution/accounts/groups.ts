// Adds, changes and removes groups and who is in them, by the tools of shadow-utils.
import { runTool } from '../tool.ts'
import { type Accounts, type AccountTools, checkAccountName, type Group, prefixWords } from './read.ts'

/** As Salt shows a group. */
export interface GroupInfo {
  name: string
  gid: number
  passwd: string
  members: string[]
}

export const groupInfo = ({ name, gid, passwd, members }: Group): GroupInfo => ({
  name,
  gid,
  passwd: passwd.length > 1 ? '********' : passwd,
  members: [...members].sort(),
})

export async function addGroup(
  name: string,
  { gid, system }: { gid?: number | undefined; system: boolean },
  tools: AccountTools,
): Promise<void> {
  const words = [...(gid === undefined ? [] : ['-g', String(gid)]), ...(system ? ['-r'] : [])]
  await shadow(`add the group ${name}`, 'groupadd', words, name, tools)
}

export async function changeGid(name: string, gid: number, tools: AccountTools): Promise<void> {
  await shadow(`change the group ${name}`, 'groupmod', ['-g', String(gid)], name, tools)
}

export async function removeGroup(name: string, tools: AccountTools): Promise<void> {
  await shadow(`remove the group ${name}`, 'groupdel', [], name, tools)
}

export async function addMember(group: string, user: string, tools: AccountTools): Promise<void> {
  const words = ['-a', '-G', checkAccountName(group, 'group'), checkAccountName(user, 'user')]
  await runTool(`add ${user} to the group ${group}`, ['usermod', ...prefixWords(tools), ...words], tools.limits)
}

/** Says of the user which groups stay: gpasswd, which could say it of the group, knows no prefix. */
export async function removeMember(
  group: string,
  user: string,
  { groups }: Accounts,
  tools: AccountTools,
): Promise<void> {
  const stay = groups.filter(one => one.name !== group && one.members.includes(user)).map(one => one.name)
  const words = ['-G', stay.join(','), checkAccountName(user, 'user')]
  await runTool(`take ${user} out of the group ${group}`, ['usermod', ...prefixWords(tools), ...words], tools.limits)
}

async function shadow(what: string, tool: string, words: string[], name: string, tools: AccountTools): Promise<void> {
  await runTool(what, [tool, ...prefixWords(tools), ...words, checkAccountName(name, 'group')], tools.limits)
}
