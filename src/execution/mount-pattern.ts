// Which mount points an entry of the beacon `diskusage` means: one path, or a regular expression over whole paths.
import { isAbsolute } from 'node:path'
import { ReactorError } from '../base/errors.ts'
import { configuredPattern } from './pattern.ts'

export type MountPattern = { path: string } | { fits(path: string): boolean }

const SIGNS = /[\\^$*+?()[\]{}|]/

/** Throws `bad_config` on what is neither. */
export function mountPattern(text: string): MountPattern {
  if (isAbsolute(text) && (process.platform === 'win32' || !SIGNS.test(text)))
    return { path: text === '/' ? text : text.replace(/\/+$/, '') }
  if (!SIGNS.test(text))
    throw new ReactorError(
      'bad_config',
      `'${text}' is neither a mount point, such as /var, nor a regular expression of some, such as ^/srv/.*$`,
    )
  if (process.platform !== 'linux')
    throw new ReactorError(
      'bad_config',
      `'${text}': only Linux lists its mount points; on ${process.platform} name each: '/: 80%'`,
    )
  return { fits: fitsOf(text) }
}

/** `(?!…)` once, behind what can be matched in one way only: what it stands for can then be said without it. */
const EXCEPT = /^(\^?(?:\\[^\w\s]|[^\\^$.*+?()[\]{}|])*)\(\?!([^()]*)\)([^|]*)$/

function fitsOf(text: string): (path: string) => boolean {
  const [, begin, except, rest] = EXCEPT.exec(text) ?? []
  if (except === undefined) return configuredPattern(text, 'fullmatch')
  const all = configuredPattern(`${begin}${rest}`, 'fullmatch')
  const not = configuredPattern(`${begin}(?:${except})`, 'match')
  return path => all(path) && !not(path)
}
