// What a package manager must be able to do for the module and the states `pkg`.
import { ReactorError } from '../../base/errors.ts'
import type { Limits } from '../services/provider.ts'

export interface Installed {
  /** Versions by name; of another architecture than the machine's as `name:arch`. */
  packages: ReadonlyMap<string, string>
  /** Names that stand for one of these. */
  provided: ReadonlySet<string>
  /** Packages that are removed, but for their configuration. */
  left: ReadonlySet<string>
}

export interface Available {
  /** What would be installed where no version is asked for; undefined: nothing. */
  candidate?: string
  /** The newest first. */
  versions: readonly string[]
}

export interface Wanted {
  name: string
  /** This very one; else the candidate. */
  version?: string
}

export interface InstallOptions {
  /** The release or repository to take them from. */
  fromrepo?: string | undefined
  /** Takes packages that nobody has signed. */
  skip_verify?: boolean
  install_recommends?: boolean
}

export interface PackageProvider {
  readonly name: 'apt'
  list(limits: Limits): Promise<Installed>
  /** Of those names that are known, by name. */
  available(names: readonly string[], from: string | undefined, limits: Limits): Promise<ReadonlyMap<string, Available>>
  /** Names that could have been meant. */
  similar(name: string, limits: Limits): Promise<string[]>
  /** Fetches the lists of what there is. Throws `function_failed`, also where only one of them cannot be had. */
  refresh(limits: Limits): Promise<void>
  /** Throws `function_failed` with what was said. */
  install(wanted: readonly Wanted[], options: InstallOptions, limits: Limits): Promise<void>
  remove(names: readonly string[], options: { purge: boolean }, limits: Limits): Promise<void>
  /** The order of two versions: negative where `a` is the older one. */
  compare(a: string, b: string): number
}

/** apt reads a minus or plus at the end as a command, and stars as a pattern. */
const NAME = /^[a-z0-9][a-z0-9+.-]*[a-z0-9+](?::[a-z0-9-]+)?$/i
const VERSION = /^[A-Za-z0-9][A-Za-z0-9.+:~-]*$/

/** Throws `bad_argument` for what could be an option, a pattern or a path. */
export function checkPackageName(name: string): string {
  if (NAME.test(name)) return name
  throw new ReactorError(
    'bad_argument',
    `'${name}' is no name of a package: letters, digits and + . - are allowed, it starts with a letter or digit and does not end with - or .`,
  )
}

/** Throws `bad_argument`. */
export function checkVersion(version: string): string {
  if (VERSION.test(version)) return version
  throw new ReactorError('bad_argument', `'${version}' is no version of a package`)
}
