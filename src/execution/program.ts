// Finds the program that a name means, so that "not found" and "not executable" are told apart before anything starts.
import { accessSync, constants, type Stats, statSync } from 'node:fs'
import { delimiter, isAbsolute, join, resolve } from 'node:path'

/** Where there is no PATH, what the C library searches. */
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin'

export type Found = { path: string } | { path?: never; retcode: 126 | 127; reason: string }

/** The file that `name` runs in `cwd` with that PATH; else the retcode a shell would give, and why. */
export function findProgram(name: string, cwd: string, searchPath = DEFAULT_PATH): Found {
  if (name.includes('/')) return checkFile(name, isAbsolute(name) ? name : resolve(cwd, name))
  let refused: Found | undefined
  for (const dir of searchPath.split(delimiter)) {
    const path = join(resolve(cwd, dir), name)
    const found = checkFile(name, path)
    if (found.path !== undefined) return found
    if (found.retcode === 126 && !stat(path)?.isDirectory()) refused ??= found
  }
  return refused ?? { retcode: 127, reason: `'${name}' was not found: no program of that name in PATH (${searchPath})` }
}

function checkFile(name: string, path: string): Found {
  const stats = stat(path)
  if (!stats) return { retcode: 127, reason: `'${name}' was not found: there is no file ${path}` }
  if (stats.isDirectory()) return { retcode: 126, reason: `'${name}' cannot be run: ${path} is a folder` }
  try {
    accessSync(path, constants.X_OK)
    return { path }
  } catch {
    return { retcode: 126, reason: `'${name}' cannot be run: ${path} is not executable (chmod +x makes it so)` }
  }
}

function stat(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    // Missing, or in a folder that may not be searched: either way no program is to be had there.
    return undefined
  }
}
