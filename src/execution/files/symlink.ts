// file.symlink: a link with this target and owner, changed in one step where it has another.
import { randomBytes } from 'node:crypto'
import { lchown, symlink as makeLink, readlink, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorMessage } from '../../base/errors.ts'
import type { StateContext, StateReturn } from '../../functions/state-context.ts'
import { changed, unchanged, wouldChange } from '../../functions/state-return.ts'
import { groupId, groupName, mainGroup, type OwnerName, userId, userName } from './owner.ts'
import { isFolder, lstatOf, makeFolders, requireAbsolute, withoutSlash } from './paths.ts'
import { asResult, failure } from './result.ts'

export interface SymlinkArgs {
  name: string
  target: string
  force: boolean
  backupname?: string | null | undefined
  makedirs: boolean
  user?: OwnerName
  group?: OwnerName
  mode?: string | null | undefined
}

export const symlink = (given: SymlinkArgs, context: StateContext): Promise<StateReturn> =>
  asResult(`Unable to create new symlink ${given.name} -> ${given.target}`, async () => {
    const { target } = given
    // To the system `link/` is what the link leads to: with force that would be removed.
    const name = withoutSlash(given.name)
    const backupname = given.backupname && withoutSlash(given.backupname)
    const args = { ...given, name, backupname }
    requireAbsolute(name)
    const owner = await ownerOf(args, context)
    const there = await lstatOf(name)
    const isLink = there?.isSymbolicLink() ?? false
    if (!there || !isLink || (await readlink(name)) !== target) return put(args, owner, there && { isLink }, context)
    if (there.uid === owner.uid && there.gid === owner.gid)
      return unchanged(`Symlink ${name} is present and owned by ${owner.text}`)
    if (context.test) {
      const now = `${await userName(there.uid, context)}:${await groupName(there.gid, context)}`
      return wouldChange(
        `The symlink ${name} is present, but the ownership of the symlink would be changed from ${now} to ${owner.text}`,
        { ownership: owner.text },
      )
    }
    await setOwner(name, name, owner)
    return changed(`Set ownership of symlink ${name} to ${owner.text}`, { ownership: owner.text })
  })

interface Owner {
  uid: number
  gid: number
  /** `user:group` */
  text: string
}

/** Without a user it is the minion's, without a group the user's own. */
async function ownerOf({ user, group }: SymlinkArgs, context: StateContext): Promise<Owner> {
  const given = (value: OwnerName): value is string | number => value !== undefined && value !== null && value !== ''
  const uid = given(user) ? await userId(user, context) : process.geteuid!()
  const gid = given(group)
    ? await groupId(group, context)
    : given(user)
      ? await mainGroup(uid ?? 0, context)
      : process.getegid!()
  const missing = [
    ...(uid === undefined ? [`User ${user} does not exist`] : []),
    ...(gid === undefined ? [`Group ${group} does not exist`] : []),
  ]
  if (missing.length > 0) throw failure(missing.join('. '))
  return { uid: uid!, gid: gid!, text: `${await userName(uid!, context)}:${await groupName(gid!, context)}` }
}

async function put(
  args: SymlinkArgs,
  owner: Owner,
  there: { isLink: boolean } | undefined,
  { test }: StateContext,
): Promise<StateReturn> {
  const { name, target, makedirs, mode } = args
  const folder = dirname(name)
  const homeless = !(await isFolder(folder))
  if (homeless && !makedirs) throw failure(`Directory ${folder} for symlink is not present`)
  const inTheWay = there !== undefined && !there.isLink
  const forced = inTheWay ? await makeWay(args, test) : {}
  if (test) return told(args, there, forced, homeless ? `\n${folder} will be created` : '')
  const folderMode = typeof mode === 'string' ? Number.parseInt(mode, 8) : undefined
  if (homeless) await makeFolders(folder, { uid: owner.uid, gid: owner.gid, mode: folderMode })
  // Made aside, so that there is a link at any time, the old one or the new.
  const aside = join(folder, `.reactor-${randomBytes(8).toString('hex')}`)
  await makeLink(target, aside)
  try {
    const made = (await lstatOf(aside))!
    if (made.uid !== owner.uid || made.gid !== owner.gid) await setOwner(aside, name, owner)
    // What stood there goes last: until here everything may fail.
    if (inTheWay) await takeAway(args)
    await rename(aside, name)
  } catch (error) {
    await rm(aside, { force: true })
    throw error
  }
  return changed(`Created new symlink ${name} -> ${target}`, { ...forced, new: name })
}

/** Refuses what may not be taken away; what is to be said of the rest. */
async function makeWay({ name, force, backupname }: SymlinkArgs, test: boolean): Promise<Record<string, string>> {
  const kind = (await isFolder(name)) ? 'Directory' : 'File'
  if (backupname) {
    requireAbsolute(backupname)
    if (!force && (await lstatOf(backupname)))
      throw failure(`File exists where the backup target ${backupname} should go`)
    return { backup: `${name} ${test ? 'would be ' : ''}renamed to ${backupname}` }
  }
  if (!force)
    throw failure(
      test
        ? `File or directory exists where the symlink ${name} should be. Did you mean to use force?`
        : `${kind} exists where the symlink ${name} should be`,
    )
  return { forced: `${kind} ${test ? 'would be' : 'was'} forcibly replaced` }
}

async function takeAway({ name, backupname }: SymlinkArgs): Promise<void> {
  if (!backupname) return rm(name, { recursive: true })
  await rm(backupname, { recursive: true, force: true })
  await rename(name, backupname)
}

function told(
  { name, target }: SymlinkArgs,
  there: { isLink: boolean } | undefined,
  forced: Record<string, string>,
  more: string,
): StateReturn {
  if (!there) return wouldChange(`Symlink ${name} to ${target} is set for creation${more}`, { new: name })
  if (there.isLink) return wouldChange(`Link ${name} target is set to be changed to ${target}`, { change: name })
  const way = forced.backup ? `is set to be renamed` : 'is set for removal'
  return wouldChange(`The file or directory ${name} ${way} to make way for a new symlink targeting ${target}`, {
    ...forced,
    new: name,
  })
}

async function setOwner(path: string, name: string, { uid, gid, text }: Owner): Promise<void> {
  try {
    await lchown(path, uid, gid)
  } catch (error) {
    throw failure(`Failed to set ownership of symlink ${name} to ${text}: ${errorMessage(error)}`)
  }
}
