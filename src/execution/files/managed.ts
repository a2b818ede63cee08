// file.managed: a file with this content, owner and permissions.
import type { Stats } from 'node:fs'
import { dirname } from 'node:path'
import type { StateContext, StateReturn } from '../../functions/state-context.ts'
import { changed, unchanged, wouldChange } from '../../functions/state-return.ts'
import { commandVector } from '../command.ts'
import { runProcess } from '../process.ts'
import { backUp } from './backup.ts'
import { type ContentsAsked, contentsOf, countContents } from './contents.ts'
import { type Desired, desiredContent } from './desired.ts'
import { contentDiff } from './diff.ts'
import { followLinks, isFolder, lstatOf, makeFolders, requireAbsolute, statOf } from './paths.ts'
import { applyPerms, findPerms, modeText, type Perms, type PermsAsked, permChanges } from './perms.ts'
import { asResult, failure } from './result.ts'
import type { SourceAsked, TemplateAsked } from './source.ts'
import { newFileMode, writeAside } from './write.ts'

export interface ManagedArgs extends Omit<SourceAsked, 'source'>, TemplateAsked, ContentsAsked, PermsAsked {
  name: string
  source?: SourceAsked['source'] | null | undefined
  makedirs: boolean
  dir_mode?: string | null | undefined
  backup: boolean
  replace: boolean
  create: boolean
  show_changes: boolean
  follow_symlinks: boolean
  check_cmd?: string | string[] | null | undefined
  tmp_ext: string
}

export const managed = (args: ManagedArgs, context: StateContext): Promise<StateReturn> =>
  asResult('Unable to manage file', async () => {
    checkArguments(args)
    const { name, create } = args
    requireAbsolute(name)
    const there = await statOf(name)
    if (!create && !there?.isFile()) return unchanged(`File ${name} is not present and is not set for creation`)
    if (there?.isDirectory()) throw failure(`Specified target ${name} is a directory`)
    const { mode } = args
    const { warnings, ...perms } = await findPerms({ ...args, mode: mode === 'keep' ? null : mode }, context)
    const result =
      there && (!args.replace || !hasContent(args))
        ? await keepContent(there, perms, args, context)
        : await putContent(perms, args, context)
    return warnings.length > 0 ? { ...result, warnings } : result
  })

const hasContent = (args: ManagedArgs): boolean => Boolean(args.source?.length) || countContents(args) > 0

function checkArguments(args: ManagedArgs): void {
  const contents = countContents(args)
  const these = "'contents', 'contents_pillar', or 'contents_grains'"
  if (args.name === '') throw failure('Destination file name is required')
  if (args.source?.length && contents > 0) throw failure(`'source' cannot be used in combination with ${these}`)
  if (args.mode === 'keep' && contents > 0)
    throw failure(`Mode preservation cannot be used in combination with ${these}`)
  if (contents > 1) throw failure("Only one of 'contents', 'contents_pillar', and 'contents_grains' is permitted")
}

/** What is in it is not this state's. */
async function keepContent(
  there: Stats,
  perms: Perms,
  { name, follow_symlinks }: ManagedArgs,
  { test }: StateContext,
): Promise<StateReturn> {
  const target = follow_symlinks ? await followLinks(name) : name
  const stat = follow_symlinks ? there : (await lstatOf(name))!
  const changes = permChanges(stat, perms)
  if (Object.keys(changes).length === 0)
    return unchanged(`File ${name} exists with proper permissions. No changes made.`)
  if (!test) {
    await applyPerms(target, stat, perms)
    return changed(`File ${name} updated`, changes)
  }
  return wouldChange(
    'mode' in changes
      ? `File ${name} will be updated with permissions ${changes.mode} from its current state of ${modeText(stat.mode)}`
      : `File ${name} is set to be changed`,
    changes,
  )
}

async function putContent(wanted: Perms, args: ManagedArgs, context: StateContext): Promise<StateReturn> {
  const { name } = args
  const target = args.follow_symlinks ? await followLinks(name) : name
  const stat = await lstatOf(target)
  if (stat && !stat.isFile() && !stat.isSymbolicLink())
    throw failure(`Specified target ${name} is a device, pipe or socket, which is not replaced by a file`)
  const desired = await desiredContent(args, contentsOf(args, context), context)
  try {
    const mode = args.mode === 'keep' ? desired.sourceMode : wanted.mode
    const perms = { ...wanted, ...(mode === undefined ? {} : { mode }) }
    return stat?.isFile()
      ? await update(target, stat, desired, perms, args, context)
      : await create(target, stat, desired, perms, args, context)
  } finally {
    await desired.release()
  }
}

async function update(
  target: string,
  stat: Stats,
  desired: Desired,
  perms: Perms,
  args: ManagedArgs,
  context: StateContext,
): Promise<StateReturn> {
  const { name } = args
  const changes: Record<string, unknown> = {}
  const differs = !(await desired.isIn(target, stat.size))
  if (differs) {
    const diff = await contentDiff(target, await desired.content(), { show: args.show_changes, pillar: context.pillar })
    if (diff !== undefined) changes.diff = diff
  }
  Object.assign(changes, permChanges(stat, perms))
  if (context.test) return told(name, changes)
  if (!differs) {
    await applyPerms(target, stat, perms)
  } else {
    const { uid, gid, mode } = stat
    const kept = { user: uid, uid, group: gid, gid, mode: mode & 0o7777, ...perms }
    const problem = await place(target, desired, kept, args, context)
    if (problem) return problem
  }
  return Object.keys(changes).length > 0
    ? changed(`File ${name} updated`, changes)
    : unchanged(`File ${name} is in the correct state`)
}

/** `link`: what is in the place of the file, where links are not followed. */
async function create(
  target: string,
  link: Stats | undefined,
  desired: Desired,
  wanted: Perms,
  args: ManagedArgs,
  context: StateContext,
): Promise<StateReturn> {
  const { name, dir_mode } = args
  if (context.test) return told(name, link ? { diff: LINK_REPLACED } : { newfile: name })
  const perms = { ...wanted, mode: wanted.mode ?? newFileMode() }
  const folder = dirname(target)
  if (!(await isFolder(folder)) && !args.makedirs) throw failure('Parent directory not present')
  // Asked for before the folders are made: with a source that fails nothing is changed.
  await desired.content()
  const folderMode = typeof dir_mode === 'string' ? Number.parseInt(dir_mode, 8) : withSearch(wanted.mode)
  await makeFolders(folder, { uid: wanted.uid, gid: wanted.gid, mode: folderMode })
  const problem = await place(target, desired, perms, args, context)
  if (problem) return problem
  // Salt makes it for its owner alone, and says what it set after that.
  const own = { uid: process.geteuid!(), gid: process.getegid!(), mode: 0o600 }
  const shown = permChanges(own, args.source?.length ? perms : wanted)
  if (!hasContent(args)) return changed('Empty file', { new: `file ${name} created`, ...shown })
  return changed(`File ${name} updated`, { diff: link ? LINK_REPLACED : 'New file', ...shown })
}

const LINK_REPLACED = 'Replace symbolic link with regular file'

/** Folders of a file with this mode: who may read it may go in. */
const withSearch = (mode: number | undefined): number | undefined =>
  mode === undefined
    ? undefined
    : (mode & 0o777) | (mode & 0o700 && 0o100) | (mode & 0o070 && 0o010) | (mode & 0o007 && 0o001)

function told(name: string, changes: Record<string, unknown>): StateReturn {
  if (Object.keys(changes).length === 0) return unchanged(`The file ${name} is in the correct state`)
  return wouldChange(
    `The file ${name} is set to be changed\nNote: No changes made, actual changes may\nbe different due to other states.`,
    changes,
  )
}

/** Puts the content at its place; what it gives back says why that was not done. */
async function place(
  target: string,
  desired: Desired,
  perms: Perms,
  { check_cmd, backup, tmp_ext }: ManagedArgs,
  context: StateContext,
): Promise<StateReturn | undefined> {
  const aside = await writeAside(target, await desired.content(), perms, tmp_ext)
  try {
    await desired.requireWhole(aside.hsum)
    const problem = check_cmd ? await checkProblem(check_cmd, aside.path, context) : undefined
    if (problem !== undefined) {
      await aside.drop()
      return { result: false, changes: {}, comment: problem }
    }
    if (backup && (await statOf(target))?.isFile()) await backUp(target, context)
    await aside.commit()
  } catch (error) {
    await aside.drop()
    throw error
  }
  return undefined
}

async function checkProblem(
  command: string | string[],
  path: string,
  { signal, onProcess }: StateContext,
): Promise<string | undefined> {
  const { retcode, stdout, stderr, reason } = await runProcess({
    argv: [...commandVector(command, false), path],
    cwd: '/',
    signal,
    onPid: onProcess,
  })
  if (retcode === 0) return undefined
  const told = [stdout, stderr, reason ?? ''].map(text => text.trimEnd()).filter(text => text !== '')
  return ['check_cmd execution failed', ...told].join('\n')
}
