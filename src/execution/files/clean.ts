// `clean` of a folder: what neither this state nor one that it requires has put there is removed.
import { readdir, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
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
  const kept = new Set([...keep].map(withoutSlash))
  /** Folders that stay with all that is in them. */
  const whole = new Set<string>()
  for (const state of required) {
    if (!state.fun.startsWith('file.')) continue
    if (state.fun === 'file.recurse') for (const path of await pathsOf(state, context)) kept.add(path)
    else whole.add(withoutSlash(state.name))
  }
  const picked = createPick({ include_pat: undefined, exclude_pat })
  const removed: string[] = []

  /** Whether all of it goes; `found` is filled with what goes of it. */
  const sweep = async (folder: string, found: string[]): Promise<boolean> => {
    let all = true
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      const goes = !kept.has(path) && !whole.has(path) && picked(relative(name, path))
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

  await sweep(name, removed)
  removed.sort()
  if (!context.test) for (const path of removed) await rm(path, { recursive: true, force: true })
  return removed
}

async function pathsOf({ name, args }: RequiredState, { files, state }: StateContext): Promise<string[]> {
  const found = saltPath(String([args.source].flat()[0]), state.saltenv)
  if (!found) return []
  const source = found.path
  const [listed, dirs] = await Promise.all([
    files.list(found.saltenv, source),
    args.include_empty === true ? files.listDirs(found.saltenv, source) : [],
  ])
  return [name, ...[...listed, ...dirs].map(path => join(name, relative(source, path)))].map(withoutSlash)
}
