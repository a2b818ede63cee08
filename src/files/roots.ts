// The files of file_roots: for each environment a list of folders, of which the first that has a path wins. Links are followed
// as far as they stay inside of the folders of their environment.
import type { Dirent } from 'node:fs'
import { type FileHandle, readdir, realpath, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { isInside, openConfined } from '../base/confined-path.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { ignoreMissing } from '../base/missing.ts'
import { didYouMean } from '../base/suggest.ts'
import { createFnmatch } from '../protocol/fnmatch.ts'
import { readFilePath, readFolderPath } from './path.ts'
import { formatSaltUrl } from './salt-url.ts'

export interface RootsConfig {
  file_roots: Readonly<Record<string, readonly string[]>>
  file_ignore_glob: readonly string[]
}

export interface Found {
  file: FileHandle
  /** Where it lies on this machine. */
  path: string
}

export interface Listing {
  files: string[]
  dirs: string[]
}

export interface Roots {
  envs(): string[]
  /** Opens a file; undefined: there is none. Throws `bad_argument`, also where it cannot be read or lies outside. */
  open(path: string, saltenv: string): Promise<Found | undefined>
  /** The same from each folder that has it, in their order; who takes one closes it. */
  openEach(path: string, saltenv: string): AsyncIterable<Found>
  /** The folders of an environment. Throws `bad_argument`. */
  folders(saltenv: string): readonly string[]
  /** All below a folder, sorted. Throws `bad_argument`. */
  list(saltenv: string, prefix?: string): Promise<Listing>
}

/** Links among folders can make as many paths as one likes. */
const MOST_ENTRIES = 1_000_000

export function createRoots({ file_roots, file_ignore_glob }: RootsConfig): Roots {
  const envs = new Map(
    Object.entries(file_roots).map(([env, folders]) => [env, folders.map(folder => resolve(folder))]),
  )
  const ignored = file_ignore_glob.map(createFnmatch)
  const foldersOf = (saltenv: string): string[] => {
    const folders = envs.get(saltenv)
    if (folders) return folders
    const names = [...envs.keys()]
    throw new ReactorError(
      'bad_argument',
      `file_roots has no environment '${saltenv}', but ${names.join(', ') || 'none at all'}.${didYouMean(saltenv, names)}`,
    )
  }

  async function* openEach(path: string, saltenv: string): AsyncIterable<Found> {
    const folders = foldersOf(saltenv)
    const clean = readFilePath(path)
    for (const folder of folders) {
      const file = join(folder, clean)
      if (!(await mayBeFile(file))) continue
      yield { file: await openConfined(file, folders, formatSaltUrl(clean)), path: file }
    }
  }

  return {
    envs: () => [...envs.keys()].sort(),
    openEach,
    async open(path, saltenv) {
      for await (const found of openEach(path, saltenv)) return found
      return undefined
    },
    folders: foldersOf,
    async list(saltenv, prefix = '') {
      const folders = foldersOf(saltenv)
      const clean = readFolderPath(prefix)
      const allowed = (await Promise.all(folders.map(folder => realpath(folder).catch(ignoreMissing)))).filter(
        folder => folder !== undefined,
      )
      const found: Walked = { files: new Set(), dirs: new Set(), entries: 0 }
      for (const folder of folders) await walk(join(folder, clean), clean, { allowed, found, ancestors: [] })
      return {
        files: [...found.files].filter(path => !ignored.some(matches => matches(path))).sort(),
        dirs: [...found.dirs].sort(),
      }
    },
  }
}

/** Whether there is something to open: what cannot be looked at is, so that opening it says why. */
async function mayBeFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ENAMETOOLONG'
  }
}

interface Walked {
  files: Set<string>
  dirs: Set<string>
  entries: number
}
interface Walk {
  /** Real paths of the environment's folders. */
  allowed: readonly string[]
  found: Walked
  /** Real paths of the folders above: a link to one of them has no end. */
  ancestors: readonly string[]
}

async function walk(folder: string, below: string, { allowed, found, ancestors }: Walk): Promise<void> {
  const real = await realpath(folder).catch(ignoreAway)
  if (real === undefined || ancestors.includes(real) || !isWithin(real, allowed)) return
  for (const entry of await entriesOf(real, below)) {
    if (++found.entries > MOST_ENTRIES)
      throw new ReactorError(
        'function_failed',
        `file_roots has more than ${MOST_ENTRIES} files and folders; list one folder`,
      )
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    const kind = entry.isSymbolicLink() ? await kindOfLink(join(real, entry.name), allowed) : kindOf(entry)
    // Such a name would lead out of the roots on a system where a backslash is a separator.
    if (kind === undefined || entry.name.split('\\').includes('..')) continue
    if (kind === 'file') found.files.add(path)
    else {
      found.dirs.add(path)
      await walk(join(real, entry.name), path, { allowed, found, ancestors: [...ancestors, real] })
    }
  }
}

async function entriesOf(real: string, below: string): Promise<Dirent[]> {
  try {
    return await readdir(real, { withFileTypes: true })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw new ReactorError('unreadable', `cannot list ${formatSaltUrl(below)}: ${errorMessage(error)}`)
  }
}

type EntryKind = 'file' | 'folder' | undefined

/** Neither: a pipe, a device, a socket. */
const kindOf = (entry: { isFile(): boolean; isDirectory(): boolean }): EntryKind =>
  entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : undefined

/** Undefined as well where it leads outside, or nowhere. */
async function kindOfLink(path: string, allowed: readonly string[]): Promise<EntryKind> {
  const real = await realpath(path).catch(ignoreAway)
  if (real === undefined || !isWithin(real, allowed)) return undefined
  return kindOf(await stat(real))
}

const isWithin = (real: string, roots: readonly string[]): boolean =>
  roots.some(root => real === root || isInside(real, root))

function ignoreAway(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ELOOP' && code !== 'EACCES') throw error
}
