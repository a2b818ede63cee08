// file.recurse: a folder of salt:// with all that is in it.
import { rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { StateContext, StateReturn } from '../../functions/state-context.ts'
import { changed, unchanged } from '../../functions/state-return.ts'
import { cleanFolder } from './clean.ts'
import { directory } from './directory.ts'
import { fetchSource, saltPath } from './fetch.ts'
import { managed } from './managed.ts'
import type { OwnerName } from './owner.ts'
import { lstatOf, requireAbsolute, statOf, withoutSlash } from './paths.ts'
import { findPerms } from './perms.ts'
import { createPick, type Patterns } from './pick.ts'
import { asResult, failure } from './result.ts'
import type { TemplateAsked } from './source.ts'

export interface RecurseArgs extends TemplateAsked, Patterns {
  name: string
  source: string | string[]
  clean: boolean
  user?: OwnerName
  group?: OwnerName
  dir_mode?: string | null | undefined
  /** `keep`: as the files have it on the master. */
  file_mode?: string | null | undefined
  include_empty: boolean
  maxdepth?: number | null | undefined
  backup: boolean
  replace: boolean
  show_changes: boolean
}

export const recurse = (args: RecurseArgs, context: StateContext): Promise<StateReturn> =>
  asResult('Recurse failed', async () => {
    const name = withoutSlash(args.name)
    requireAbsolute(name)
    const pick = createPick(args)
    const { warnings } = await findPerms({ user: args.user, group: args.group }, context)
    const { files, folders } = await listed(args, pick, context)
    const there = await statOf(name)
    if (there && !there.isDirectory()) throw failure(`The path ${name} exists and is not a directory`)
    const gathered = createGathered()
    const visited = new Set<string>()
    const folder = async (path: string) => {
      if (visited.has(path)) return
      visited.add(path)
      gathered.add(path, await manageFolder(path, args, context))
    }
    await folder(name)
    for (const { path, source } of files) {
      await folder(dirname(path))
      gathered.add(path, await manageFile(path, source, args, context))
    }
    for (const path of folders) await folder(path)
    if (args.clean && !gathered.failed()) {
      const removed = await cleanFolder({ ...args, name }, [...files.map(file => file.path), ...visited], context)
      if (removed.length > 0) gathered.removed(removed, context.test)
    }
    const result = gathered.result(name)
    return warnings.length > 0 ? { ...result, warnings } : result
  })

interface Listed {
  files: { path: string; source: string }[]
  /** Empty ones among them. */
  folders: string[]
}

async function listed(
  { name, source, maxdepth, include_empty }: RecurseArgs,
  pick: (path: string) => boolean,
  { files, state }: StateContext,
): Promise<Listed> {
  for (const given of [source].flat()) {
    const found = saltPath(given, state.saltenv)
    if (!found) throw failure(`Invalid source '${given}' (must be a salt:// URI)`)
    const from = found.path
    const above = from.includes('/') ? dirname(from) : undefined
    const isThere = from === '' || (await files.listDirs(found.saltenv, above)).includes(from)
    if (!isThere) continue
    const reaches = (path: string) => typeof maxdepth !== 'number' || path.split('/').length <= maxdepth + 1
    const below = (path: string) => relative(from, path)
    const wanted = (path: string) =>
      below(path) !== '' && !below(path).startsWith('..') && reaches(below(path)) && pick(below(path))
    const prefix = from === '' ? undefined : from
    const paths = (await files.list(found.saltenv, prefix)).filter(wanted)
    const dirs = include_empty ? (await files.listDirs(found.saltenv, prefix)).filter(wanted) : []
    return {
      files: paths.map(path => ({
        path: join(name, below(path)),
        source: `salt://${path}?saltenv=${found.saltenv}`,
      })),
      folders: dirs.map(path => join(name, below(path))),
    }
  }
  if (typeof source !== 'string') throw failure('Recurse failed: none of the specified sources were found')
  throw failure(
    `The directory '${source.replace(/\/+$/, '')}' does not exist on the salt fileserver in saltenv '${state.saltenv}'`,
  )
}

async function manageFile(
  path: string,
  source: string,
  args: RecurseArgs,
  context: StateContext,
): Promise<StateReturn> {
  const replaced: Record<string, unknown> = {}
  if (args.clean && (await lstatOf(path))?.isDirectory()) {
    if (context.test)
      return {
        result: null,
        changes: { diff: 'Replaced directory with a new file' },
        comment: `Replacing directory ${path} with a file`,
      }
    // First what takes its place: with a master that is away nothing is removed.
    if (!(await fetchSource(source, context))) throw failure(`Source file ${source} not found`)
    await rm(path, { recursive: true })
    replaced.diff = 'Replaced directory with a new file'
  }
  const { user, group, file_mode, template, context: names, defaults, backup, replace, show_changes } = args
  const result = await managed(
    {
      ...{
        name: path,
        source,
        user,
        group,
        mode: file_mode,
        template,
        context: names,
        defaults,
        backup,
        replace,
        show_changes,
      },
      ...{ makedirs: true, create: true, follow_symlinks: true, skip_verify: false, tmp_ext: '' },
      ...{ contents_delimiter: ':', contents_newline: true, allow_empty: true },
    },
    context,
  )
  return { ...result, changes: { ...result.changes, ...replaced } }
}

async function manageFolder(path: string, args: RecurseArgs, context: StateContext): Promise<StateReturn> {
  const there = await statOf(path)
  const { user, group, dir_mode, clean } = args
  return directory(
    {
      ...{ name: path, user, group, dir_mode, makedirs: true, clean: false },
      // A file in the place of a folder goes only where everything foreign does.
      ...{ force: clean && there !== undefined && !there.isDirectory(), follow_symlinks: false, allow_symlink: true },
    },
    context,
  )
}

/** The results of all paths as one: the worst of them, with the changes by path. */
function createGathered() {
  let result: boolean | null = true
  const changes: Record<string, unknown> = {}
  const comments: string[] = []
  const tell = (path: string, comment: string) => comments.push(`#### ${path} ####\n${comment}`)
  return {
    add(path: string, state: StateReturn): void {
      if (state.result === false || result === true) result = state.result
      if (state.result !== true && state.comment) tell(path, state.comment)
      // A folder tells its own changes by its path already.
      const own = state.changes[path]
      if (Object.keys(state.changes).length > 0) changes[path] = own ?? state.changes
    },
    failed: () => result === false,
    removed(paths: string[], test: boolean): void {
      changes.removed = paths
      if (!test) return
      result = null
      tell('removed', paths.join('\n'))
    },
    result(name: string): StateReturn {
      if (result === true && Object.keys(changes).length === 0)
        return unchanged(`The directory ${name} is in the correct state`)
      if (comments.length === 0) return changed(`Recursively updated ${name}`, changes)
      return { result, changes, comment: comments.join('\n\n') }
    },
  }
}
