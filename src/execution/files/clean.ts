// `clean` of a folder: what neither this state nor one that it requires has put there is removed.
import { readdir, realpath, rm } from 'node:fs/promises'
import { basename, dirname, join, normalize, relative } from 'node:path'
import { ignoreMissing } from '../../base/missing.ts'
import type { RequiredState, StateContext } from '../../functions/state-context.ts'
import { saltPath } from './fetch.ts'
import { withoutSlash } from './paths.ts'
import { createPick } from './pick.ts'
import { failure } from './result.ts'

export interface CleanAsked {
  /** The folder. */
  name: string
  exclude_pat?: string | null | undefined
}

/** Paths that were removed, or would be; of a folder that goes as a whole its own alone. `keep`: what this state has put there. */
export async function cleanFolder(
  { name, exclude_pat }: CleanAsked,
  keep: Iterable<string>,
  context: StateContext,
): Promise<string[]> {
  const { required } = context.state
  if (required === undefined)
    throw failure(
      "'clean' is not possible here: which states this one requires is not known, so their files would be removed",
    )
  // Walked by its real path: what another state calls by a way over links is the same file.
  const root = await realpath(name).catch(ignoreMissing)
  // A test, and the folder is still to be made.
  if (root === undefined) return []
  const kept = new Set(await Promise.all([...keep].map(realOf)))
  /** Folders that stay with all that is in them. */
  const whole = new Set<string>()
  for (const state of required) {
    if (!state.fun.startsWith('file.')) continue
    if (state.fun === 'file.recurse') for (const path of await pathsOf(state, context)) kept.add(await realOf(path))
    else {
      whole.add(await realOf(state.name))
      // A file that is managed through a link is where the link leads.
      const file = state.fun === 'file.symlink' ? undefined : await realpath(state.name).catch(() => undefined)
      if (file !== undefined) whole.add(file)
    }
  }
  const picked = createPick({ include_pat: undefined, exclude_pat })
  const removed: string[] = []

  /** Whether all of it goes; `found` is filled with what goes of it. */
  const sweep = async (folder: string, found: string[]): Promise<boolean> => {
    let all = true
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      const goes = !kept.has(path) && !whole.has(path) && picked(relative(root, path))
      if (entry.isDirectory() && !whole.has(path)) {
        const inside: string[] = []
        const emptied = await sweep(path, inside)
        if (goes && emptied) found.push(path)
        else {
          found.push(...inside)
          all = false
        }
      } else if (goes) found.push(path)
      else all = false
    }
    return all
  }

  await sweep(root, removed)
  removed.sort()
  if (!context.test) for (const path of removed) await rm(path, { recursive: true, force: true })
  return removed.map(path => join(name, relative(root, path)))
}

/** The folder that it lies in by its real path; a link in that folder is itself. */
async function realOf(path: string): Promise<string> {
  const clean = withoutSlash(normalize(path))
  const folder = await realpath(dirname(clean)).catch(() => dirname(clean))
  return join(folder, basename(clean))
}

async function pathsOf({ name, args }: RequiredState, { files, state }: StateContext): Promise<string[]> {
  const found = saltPath(String([args.source].flat()[0]), state.saltenv)
  if (!found) return []
  const source = found.path
  const [listed, dirs] = await Promise.all([
    files.list(found.saltenv, source),
    args.include_empty === true ? files.listDirs(found.saltenv, source) : [],
  ])
  return [name, ...[...listed, ...dirs].map(path => join(name, relative(source, path)))]
}
