// Files of the operator that say whose keys are accepted or rejected by themselves: read again when they have changed, and
// never where others may write to them, for whoever writes to them lets minions in.
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createFnmatch } from '../protocol/fnmatch.ts'
import { compileRegex } from '../protocol/target/regex.ts'

/** Tells whether some line of the file matches the id: a glob, or else a regular expression over the whole id. */
export function createIdFile(file: string, log: Log): (id: string) => Promise<boolean> {
  const current = createFollowed(file, log, async () => {
    const matchers = (await linesOf(file)).map(line => idMatcher(line, file, log))
    return (id: string) => matchers.some(matches => matches(id))
  })
  return async id => (await current())?.(id) ?? false
}

/** Tells by which grain a minion is let in: the folder has a file of that name, with a line that is its value. */
export function createGrainFolder(
  dir: string,
  log: Log,
): (grains: Readonly<Record<string, string>>) => Promise<string | undefined> {
  const files = createFollowed(dir, log, async () => {
    const names = (await readdir(dir, { withFileTypes: true })).filter(entry => !entry.isDirectory())
    return new Map(
      names.map(({ name }) => {
        const file = join(dir, name)
        return [name, createFollowed(file, log, async () => new Set(await linesOf(file)))] as const
      }),
    )
  })
  return async grains => {
    // A minion's words name no path: its grains are looked up among the files that are there.
    const known = await files()
    for (const [name, value] of Object.entries(grains)) {
      if ((await known?.get(name)?.())?.has(value)) return name
    }
    return undefined
  }
}

async function linesOf(file: string): Promise<string[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').map(line => line.trim())
  return lines.filter(line => line !== '' && !line.startsWith('#'))
}

/** None of these stands in an id, nor means anything in a glob. */
const REGEX_MARK = /[\\^$|(){}]/

/**
 * Salt reads each line as a regular expression too. Here one must show that it is one: else `db.example.com` would let
 * `db-example.com` in.
 */
function idMatcher(line: string, file: string, log: Log): (id: string) => boolean {
  if (!REGEX_MARK.test(line)) return createFnmatch(line)
  try {
    return compileRegex(`(?:${line})\\Z`)
  } catch (error) {
    log.error({ file, line, error: errorMessage(error) }, 'a line is no regular expression and is ignored')
    return () => false
  }
}

const WRITABLE_BY_OTHERS = 0o022

/**
 * What `load` makes of the file or folder as it is now; undefined where it is missing, cannot be read, or may be written
 * by its group or by anyone. Each such state is logged once.
 */
function createFollowed<T>(path: string, log: Log, load: () => Promise<T>): () => Promise<T | undefined> {
  let state = ''
  let loaded: Promise<T | undefined> = Promise.resolve(undefined)
  return async () => {
    const now = await stat(path).then(
      ({ mtimeMs, ctimeMs, size, ino, mode }) => ({ text: `${mtimeMs} ${ctimeMs} ${size} ${ino}`, mode }),
      (error: NodeJS.ErrnoException) => ({ text: error.code ?? 'unreadable', mode: undefined }),
    )
    if (now.text === state) return loaded
    state = now.text
    if (now.mode === undefined) {
      log.warn({ path, error: now.text }, 'a file that lets keys in or keeps them out cannot be read: it says nothing')
      loaded = Promise.resolve(undefined)
    } else if (now.mode & WRITABLE_BY_OTHERS) {
      log.error(
        { path, mode: (now.mode & 0o777).toString(8) },
        'a file that lets keys in or keeps them out is ignored: its group or others may write to it; take that right away (chmod go-w)',
      )
      loaded = Promise.resolve(undefined)
    } else {
      loaded = load().catch(error => {
        log.error({ path, error: errorMessage(error) }, 'a file that lets keys in or keeps them out cannot be read')
        state = ''
        return undefined
      })
    }
    return loaded
  }
}
