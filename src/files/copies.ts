// The folder of copies on a minion: `<dir>/<saltenv>/<path>`. A copy is written aside and takes its place whole; links in the
// folder are never followed.
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { makeFolder } from '../base/folder.ts'
import { ignoreMissing } from '../base/missing.ts'
import { createHashes } from './hashes.ts'
import { readSaltenv } from './path.ts'
import { formatSaltUrl } from './salt-url.ts'

export interface Copies {
  /** Where the copy of a path lies or would lie. */
  place(path: string, saltenv: string): string
  has(path: string, saltenv: string): Promise<boolean>
  /** Its hash; undefined: there is none. Throws `unreadable`. */
  hashOf(path: string, saltenv: string): Promise<string | undefined>
  /** Writes a copy anew; it is as it was where `write` throws, or gives false. Throws `unwritable`. */
  replace(path: string, saltenv: string, write: (file: FileHandle) => Promise<boolean>): Promise<boolean>
  /** Paths of copies, sorted. */
  list(saltenv: string): Promise<string[]>
  clear(): Promise<void>
}

/** No environment begins with a dot. */
const ASIDE = '.incoming'
const LEFT_BEHIND_MS = 86_400_000
const TRIES = 3

export function createCopies(dir: string): Copies {
  const aside = join(dir, ASIDE)
  const hashes = createHashes()
  let swept: Promise<void> | undefined

  const place = (path: string, saltenv: string) => join(dir, readSaltenv(saltenv), path)

  const takePlace = async (from: string, path: string, saltenv: string): Promise<void> => {
    const to = place(path, saltenv)
    for (let tries = 1; ; tries++) {
      try {
        await makeParents(dir, [saltenv, ...path.split('/').slice(0, -1)])
        return await rename(from, to)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (tries === TRIES) throw error
        // What was a folder is a file now; what is missing was cleared meanwhile.
        if (code === 'EISDIR' || code === 'ENOTEMPTY' || code === 'EEXIST')
          await rm(to, { recursive: true, force: true })
        else if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
      }
    }
  }

  return {
    place,
    async has(path, saltenv) {
      const there = await lstat(place(path, saltenv)).catch(() => undefined)
      return there?.isFile() ?? false
    },
    async hashOf(path, saltenv) {
      const at = place(path, saltenv)
      let file: FileHandle | undefined
      try {
        file = await open(at, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
        if (!(await file.stat()).isFile()) return undefined
        return (await hashes.of(file, at)).hsum
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined
        throw new ReactorError(
          'unreadable',
          `the copy of ${formatSaltUrl(path)} cannot be read: ${errorMessage(error)}`,
        )
      } finally {
        await file?.close()
      }
    },
    async replace(path, saltenv, write) {
      const temporary = join(aside, randomUUID())
      try {
        await makeFolder(aside)
        swept ??= sweep(aside)
        await swept
        const file = await open(temporary, 'wx', 0o600)
        try {
          if (!(await write(file))) return false
          await file.sync()
        } finally {
          await file.close()
        }
        await takePlace(temporary, path, saltenv)
        return true
      } catch (error) {
        if (error instanceof ReactorError) throw error
        throw new ReactorError(
          'unwritable',
          `the copy of ${formatSaltUrl(path)} cannot be written below ${dir}: ${errorMessage(error)}`,
        )
      } finally {
        await rm(temporary, { force: true }).catch(() => undefined)
      }
    },
    async list(saltenv) {
      const base = join(dir, readSaltenv(saltenv))
      const entries = (await readdir(base, { recursive: true, withFileTypes: true }).catch(ignoreMissing)) ?? []
      return entries
        .filter(entry => entry.isFile())
        .map(entry => join(entry.parentPath, entry.name).slice(base.length + 1))
        .sort()
    },
    async clear() {
      const names = (await readdir(dir).catch(ignoreMissing)) ?? []
      for (const name of names) if (name !== ASIDE) await rm(join(dir, name), { recursive: true, force: true })
    },
  }
}

/** What was a file, or a link that somebody made, gives way to the folder. */
async function makeParents(dir: string, segments: readonly string[]): Promise<void> {
  let at = dir
  for (const segment of segments) {
    at = join(at, segment)
    const there = await lstat(at).catch(ignoreMissing)
    if (there?.isDirectory()) continue
    if (there) await rm(at, { force: true })
    await mkdir(at, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}

/** Removes what a process that was killed has left behind: others may be at work here too. */
async function sweep(aside: string): Promise<void> {
  for (const name of await readdir(aside)) {
    const there = await stat(join(aside, name)).catch(ignoreMissing)
    if (there && Date.now() - there.mtimeMs > LEFT_BEHIND_MS) await rm(join(aside, name), { force: true })
  }
}
