// file.directory: a folder with this owner and permissions, and on request all that is in it.
import type { Stats } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { StateContext, StateReturn } from '../../functions/state-context.ts'
import { changed, unchanged, wouldChange } from '../../functions/state-return.ts'
import { cleanFolder } from './clean.ts'
import type { OwnerName } from './owner.ts'
import { followLinks, isFolder, lstatOf, makeFolders, requireAbsolute, statOf, withoutSlash } from './paths.ts'
import { applyPerms, findPerms, type Perms, permChanges } from './perms.ts'
import { asResult, failure } from './result.ts'

type Recurse = 'user' | 'group' | 'mode' | 'ignore_files' | 'ignore_dirs'

export interface DirectoryArgs {
  name: string
  user?: OwnerName
  group?: OwnerName
  recurse?: Recurse[] | null | undefined
  max_depth?: number | null | undefined
  mode?: string | null | undefined
  dir_mode?: string | null | undefined
  file_mode?: string | null | undefined
  makedirs: boolean
  clean: boolean
  exclude_pat?: string | null | undefined
  follow_symlinks: boolean
  force: boolean
  backupname?: string | null | undefined
  allow_symlink: boolean
}

export const directory = (args: DirectoryArgs, context: StateContext): Promise<StateReturn> =>
  asResult(`Unable to manage directory ${args.name}`, async () => {
    const name = withoutSlash(args.name)
    requireAbsolute(name)
    checkArguments(args)
    const dir_mode = args.dir_mode ?? args.mode
    const { warnings, ...own } = await findPerms({ ...args, mode: dir_mode }, context)
    const { warnings: _same, ...ofFiles } = await findPerms({ ...args, mode: args.file_mode ?? dir_mode }, context)
    const result = await manage({ ...args, name }, own, ofFiles, context)
    return warnings.length > 0 ? { ...result, warnings } : result
  })

function checkArguments({ recurse, max_depth, clean, user, group }: DirectoryArgs): void {
  const kinds = recurse ?? []
  if (kinds.includes('ignore_files') && kinds.includes('ignore_dirs'))
    throw failure('Must not specify "recurse" options "ignore_files" and "ignore_dirs" at the same time.')
  if (max_depth !== undefined && max_depth !== null && clean) throw failure('Cannot specify both max_depth and clean')
  const unset = (value: OwnerName) => value === undefined || value === null || value === ''
  if (kinds.includes('user') && unset(user))
    throw failure('user not specified, but configured as a target for recursive ownership management')
  if (kinds.includes('group') && unset(group))
    throw failure('group not specified, but configured as a target for recursive ownership management')
}

async function manage(args: DirectoryArgs, own: Perms, ofFiles: Perms, context: StateContext): Promise<StateReturn> {
  const { name, makedirs } = args
  const { test } = context
  const forced = await makeWay(args, test)
  const changes: Record<string, unknown> = { ...forced }
  const stat = Object.keys(forced).length > 0 && test ? undefined : await statOf(name)
  if (!stat) {
    const parent = dirname(name)
    if (!(await isFolder(parent)) && !makedirs && !test) throw failure(`No directory to create ${name} in`)
    changes[name] = { directory: 'new' }
    if (test) return told(name, changes)
    await makeFolders(name, own)
  }
  const now = (await statOf(name))!
  const wrong = test ? permChanges(now, own) : await applyPerms(await followLinks(name), now, own)
  if (Object.keys(wrong).length > 0) Object.assign(changes, test ? { [name]: wrong } : wrong)
  if (args.recurse?.length) Object.assign(changes, await manageInside(args, own, ofFiles, test))
  if (args.clean) {
    const removed = await cleanFolder(args, [], context)
    if (removed.length > 0 && test) for (const path of removed) changes[path] = { removed: 'Removed due to clean' }
    else if (removed.length > 0) changes.removed = removed
  }
  if (Object.keys(changes).length === 0) return unchanged(`The directory ${name} is in the correct state`)
  if (test) return told(name, changes)
  return changed(changes.removed ? `Files cleaned from directory ${name}` : `Directory ${name} updated`, changes)
}

/** Takes away what stands in the place of the folder, where that is asked; says what. */
async function makeWay(
  { name, force, backupname: given, allow_symlink }: DirectoryArgs,
  test: boolean,
): Promise<Record<string, unknown>> {
  const there = await lstatOf(name)
  const leadsToFolder = await isFolder(name)
  const isLink = there?.isSymbolicLink() ?? false
  if (!there || (leadsToFolder && (!isLink || allow_symlink))) return {}
  const kind = isLink ? 'symlink' : 'file'
  const backupname = given && withoutSlash(given)
  if (backupname) {
    requireAbsolute(backupname)
    if (await lstatOf(backupname)) {
      if (!force) throw failure(`File exists where the backup target ${backupname} should go`)
      if (!test) await rm(backupname, { recursive: true })
    }
    if (!test) await rename(name, backupname)
    return { backup: `${name} ${test ? 'would be ' : ''}renamed to ${backupname}` }
  }
  if (!force) throw failure(`Specified location ${name} exists and is a ${kind}`)
  if (!test) await rm(name)
  const word = kind === 'file' ? 'File' : 'Symlink'
  return { forced: `${word} ${test ? 'would be' : 'was'} forcibly replaced` }
}

async function manageInside(
  { name, recurse, max_depth, follow_symlinks }: DirectoryArgs,
  ofFolders: Perms,
  ofFiles: Perms,
  test: boolean,
): Promise<Record<string, unknown>> {
  const kinds = new Set(recurse)
  const only = ({ user, uid, group, gid, mode }: Perms): Perms => ({
    ...(kinds.has('user') && uid !== undefined ? { user: user!, uid } : {}),
    ...(kinds.has('group') && gid !== undefined ? { group: group!, gid } : {}),
    ...(kinds.has('mode') && mode !== undefined ? { mode } : {}),
  })
  const [folders, files] = [only(ofFolders), only(ofFiles)]
  const changes: Record<string, unknown> = {}
  const look = async (path: string, stat: Stats, isDir: boolean) => {
    if (kinds.has(isDir ? 'ignore_dirs' : 'ignore_files')) return
    const perms = isDir ? folders : files
    const target = follow_symlinks ? await followLinks(path) : path
    const found = test ? permChanges(stat, perms) : await applyPerms(target, stat, perms)
    if (Object.keys(found).length > 0) changes[path] = found
  }
  const walk = async (folder: string, depth: number): Promise<void> => {
    const last = typeof max_depth === 'number' && depth >= max_depth
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory() && last) continue
      const stat = follow_symlinks ? await statOf(path) : await lstatOf(path)
      // Gone meanwhile, or a link that leads nowhere.
      if (!stat) continue
      await look(path, stat, stat.isDirectory())
      if (entry.isDirectory()) await walk(path, depth + 1)
    }
  }
  await walk(name, 0)
  return changes
}

function told(name: string, changes: Record<string, unknown>): StateReturn {
  const lines = Object.entries(changes).flatMap(([path, what]) =>
    typeof what === 'object'
      ? Object.entries(what as object).map(([key, value]) => `${path}: ${key} - ${value}\n`)
      : [`${name}: ${path} - ${what}\n`],
  )
  return wouldChange(`The following files will be changed:\n${lines.join('')}`, changes)
}
