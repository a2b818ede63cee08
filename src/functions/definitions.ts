// Finds what is declared one to a file and named as the file, such as returners and clouds: those that ship with the program, and
// the folder of that name in each of `module_dirs`.
import { basename, extname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { loadProblem, moduleFiles, resolveReactorEverywhere } from './load.ts'

export interface Definitions<D> {
  /** Sorted. */
  names(): string[]
  /** Imports its file, and what that needs, at the first call. Throws `bad_config` with the nearest name, `bad_module`. */
  load(name: string): Promise<D>
}

export interface DefinitionKind<D> {
  /** `returners`: of `src/` and of each of `module_dirs`. */
  folder: string
  /** What one is called in errors: `returner`. */
  word: string
  isDefinition(value: unknown): value is D
  /** How a file makes one, for who did not. */
  made: string
  /** Names that no file may have, and why. */
  reserved?: Readonly<Record<string, string>>
}

const NAME = /^[a-z][a-z0-9_]*$/

/** Those that there are; their files are not imported yet. Throws `bad_module` on names that are none, or taken. */
export async function findDefinitions<D>(
  kind: DefinitionKind<D>,
  moduleDirs: readonly string[] = [],
): Promise<Definitions<D>> {
  const { folder, word, reserved = {} } = kind
  const own = fileURLToPath(new URL(`../${folder}/`, import.meta.url))
  const files = new Map<string, string>()
  for (const dir of [own, ...moduleDirs.map(dir => join(resolve(dir), folder))]) {
    const inDir = await moduleFiles(dir)
    if (dir !== own && inDir.length > 0) resolveReactorEverywhere()
    for (const file of inDir) {
      const name = basename(file, extname(file))
      const problem = nameProblem(kind, name, files.get(name))
      if (problem !== undefined) throw new ReactorError('bad_module', `${file}: ${problem}`)
      files.set(name, file)
    }
  }
  const names = [...files.keys()].sort()
  return {
    names: () => names,
    async load(name) {
      const file = files.get(name)
      if (file) return definitionIn(kind, file)
      const all = [...names, ...Object.keys(reserved)]
      throw new ReactorError(
        'bad_config',
        `there is no ${word} '${name.slice(0, 100)}'.${didYouMean(name, all) || ` There are ${names.join(', ')}`}`,
      )
    },
  }
}

function nameProblem<D>(
  { word, reserved }: DefinitionKind<D>,
  name: string,
  before: string | undefined,
): string | undefined {
  if (!NAME.test(name)) return `a ${word}'s name, which is the file's, is small letters, digits and '_'`
  const why = reserved?.[name]
  if (why !== undefined) return `'${name}' is ${why}: give the file another name`
  return before && `the ${word} '${name}' is already defined in ${before}; rename one of them`
}

async function definitionIn<D>({ word, isDefinition, made }: DefinitionKind<D>, file: string): Promise<D> {
  let exports: { default?: unknown }
  try {
    exports = await import(pathToFileURL(file).href)
  } catch (error) {
    throw loadProblem(file, error)
  }
  if (isDefinition(exports.default)) return exports.default
  throw new ReactorError('bad_module', `${file}: its default export is no ${word}: export default ${made}`)
}
