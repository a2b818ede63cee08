// Globs of tags, read from a rule file.
import { errorMessage } from '../../base/errors.ts'
import { isExclusion, parseGlob, splitGlobs } from './glob.ts'
import type { Path, Report } from './path.ts'

/** One glob or a list of them; a missing one is the caller's to report. */
export function readGlobs(value: unknown, path: Path, report: Report): string[] {
  const name = `'${path.at(-1)}'`
  const globs = typeof value === 'string' ? [value] : value
  if (!Array.isArray(globs) || globs.length === 0 || !globs.every(glob => typeof glob === 'string')) {
    report(path, `${name} is a glob or a list of globs; quote one that begins with * or !`)
    return []
  }
  let sound = true
  for (const [index, glob] of globs.entries()) {
    try {
      parseGlob(isExclusion(glob) ? glob.slice(1) : glob)
    } catch (error) {
      sound = false
      report(typeof value === 'string' ? path : [...path, index], errorMessage(error))
    }
  }
  try {
    if (sound) splitGlobs(globs)
  } catch (error) {
    report(path, errorMessage(error))
  }
  return globs
}
