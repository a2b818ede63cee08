// file.absent, exists, missing, touch: that something is there or not, whatever is in it.
import { open, rm, utimes } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { errorMessage } from '../../base/errors.ts'
import type { StateContext, StateReturn } from '../../functions/state-context.ts'
import { changed, unchanged, wouldChange } from '../../functions/state-return.ts'
import { followLinks, isFolder, lstatOf, makeFolders, requireAbsolute, statOf, withoutSlash } from './paths.ts'
import { asResult, failure } from './result.ts'

export const absent = ({ name: given }: { name: string }, { test }: StateContext): Promise<StateReturn> =>
  asResult(`Unable to remove ${given}`, async () => {
    const name = withoutSlash(given)
    requireAbsolute(name)
    if (resolve(name) === '/') throw failure('Refusing to make "/" absent')
    const there = await lstatOf(name)
    if (!there) return unchanged(`File ${name} is not present`)
    const [kind, word] = there.isDirectory() ? ['Directory', 'directory'] : ['File', 'file']
    if (test) return wouldChange(`${kind} ${name} is set for removal`, { removed: name })
    try {
      await rm(name, { recursive: true, force: true })
    } catch (error) {
      throw failure(`Failed to remove ${word} ${name}: ${errorMessage(error)}`)
    }
    return changed(`Removed ${word} ${name}`, { removed: name })
  })

export const exists = ({ name }: { name: string }): Promise<StateReturn> =>
  asResult(`Unable to look at ${name}`, async () => {
    requireAbsolute(name)
    if (!(await statOf(name))) throw failure(`Specified path ${name} does not exist`)
    return unchanged(`Path ${name} exists`)
  })

export const missing = ({ name }: { name: string }): Promise<StateReturn> =>
  asResult(`Unable to look at ${name}`, async () => {
    requireAbsolute(name)
    if (await statOf(name)) throw failure(`Specified path ${name} exists`)
    return unchanged(`Path ${name} is missing`)
  })

export interface TouchArgs {
  name: string
  /** Seconds since 1970. */
  atime?: number | null | undefined
  mtime?: number | null | undefined
  makedirs: boolean
}

export const touch = ({ name, atime, mtime, makedirs }: TouchArgs, { test }: StateContext): Promise<StateReturn> =>
  asResult(`Unable to touch ${name}`, async () => {
    requireAbsolute(name)
    const there = await statOf(name)
    // Without times it is touched on every run.
    const asked = typeof atime === 'number' || typeof mtime === 'number'
    const isTime = (wanted: number | null | undefined, ms: number) =>
      typeof wanted !== 'number' || Math.abs(wanted - ms / 1000) < 0.001
    if (there && asked && isTime(atime, there.atimeMs) && isTime(mtime, there.mtimeMs))
      return unchanged(`File ${name} exists and has the correct times`)
    if (test && there) return wouldChange(`Times set to be updated on file ${name}`, { touched: name })
    if (test) return wouldChange(`File ${name} is set to be created`, { new: name })
    const folder = dirname(name)
    if (makedirs) await makeFolders(folder)
    if (!(await isFolder(folder))) throw failure(`Directory not present to touch file ${name}`)
    const path = await followLinks(name)
    if (!there) await (await open(path, 'a')).close()
    const now = Date.now() / 1000
    if (there || asked) await utimes(path, atime ?? now, mtime ?? now)
    if (!there) return changed(`Created empty file ${name}`, { new: name })
    return changed(`Updated times on ${there.isDirectory() ? 'directory' : 'file'} ${name}`, { touched: name })
  })
