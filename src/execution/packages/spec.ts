// What a state file says of a package's version: `1.2`, `>=1.2,<2`, `1.2.*`, latest; and which version that means.
import { ReactorError } from '../../base/errors.ts'
import { checkPackageName, checkVersion, type PackageProvider } from './provider.ts'

type Compare = PackageProvider['compare']

export interface PackageSpec {
  name: string
  /** As it was written; undefined: any. */
  text?: string
}

type Given = string | number | null | undefined
export type GivenPackages = readonly (string | Readonly<Record<string, Given>>)[] | undefined

/** What is asked for. Throws `bad_argument`. */
export function readSpecs(name: string, version: Given, pkgs: GivenPackages): PackageSpec[] {
  if (pkgs !== undefined && version !== undefined && version !== null)
    throw new ReactorError(
      'bad_argument',
      "'version' is of one package: beside 'pkgs' give each its own, as - name: version",
    )
  const given: [string, Given][] =
    pkgs === undefined
      ? [[name, version]]
      : pkgs.flatMap(one => (typeof one === 'string' ? [[one, undefined] as [string, Given]] : Object.entries(one)))
  const specs = given.map(([one, text]) => ({
    name: checkPackageName(one),
    ...(isNone(text) ? {} : { text: readText(one, text!) }),
  }))
  for (const { text } of specs) if (text !== undefined && text !== 'latest') conditions(text)
  return specs
}

const isNone = (text: Given) => text === undefined || text === null || text === ''

function readText(name: string, version: string | number): string {
  if (typeof version === 'string') return version.trim()
  // YAML reads 1.10 as the number 1.1.
  throw new ReactorError('bad_argument', `the version of ${name} is a number (${version}): put it in quotes`)
}

interface Condition {
  operator: string
  version: string
}

function conditions(text: string): Condition[] {
  return text.split(',').map(part => {
    const [, operator = '=', version = ''] = /^\s*(==|=|!=|>=|>>|>|<=|<<|<)?\s*(.*?)\s*$/s.exec(part) ?? []
    checkVersion(operator === '=' || operator === '==' ? version.replace(/[*?]/g, '0') : version)
    return { operator, version }
  })
}

/** Whether a version is one that `text` means. */
export function fulfils(version: string, text: string, compare: Compare): boolean {
  return conditions(text).every(({ operator, version: asked }) => {
    if (/[*?]/.test(asked)) return pattern(asked).test(version)
    const order = compare(version, asked)
    if (operator === '>=') return order >= 0
    if (operator === '<=') return order <= 0
    if (operator.startsWith('>')) return order > 0
    if (operator.startsWith('<')) return order < 0
    return operator === '!=' ? order !== 0 : order === 0
  })
}

const pattern = (glob: string): RegExp =>
  new RegExp(
    `^${glob
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  )

/** As Salt writes a package that is to be installed: `nginx`, `nginx=1.2`, `nginx>=1.2`. */
export const specText = ({ name, text }: PackageSpec): string =>
  text === undefined ? name : `${name}${/^[=<>!]/.test(text) ? '' : '='}${text}`
