// Finds returners: those that ship with the program, and the folder `returners/` of each of `module_dirs`; one file each, named as
// the file.
import { basename, extname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { isReturnerDefinition, type ReturnerDefinition } from '../functions/define-returner.ts'
import { loadProblem, moduleFiles, resolveReactorEverywhere } from '../functions/load.ts'

export interface Returners {
  /** Sorted. */
  names(): string[]
  /** Imports its file, and what that needs, at the first call. Throws `bad_config` with the nearest name, `bad_module`. */
  load(name: string): Promise<ReturnerDefinition>
}

const OWN = fileURLToPath(new URL('../returners/', import.meta.url))
const NAME = /^[a-z][a-z0-9_]*$/
/** The job cache that is there without any. */
export const LOCAL = 'local'

/** Those that there are; their files are not imported yet. Throws `bad_module` on names that are none, or taken. */
export async function findReturners(moduleDirs: readonly string[] = []): Promise<Returners> {
  const files = new Map<string, string>()
  for (const dir of [OWN, ...moduleDirs.map(dir => join(resolve(dir), 'returners'))]) {
    const inDir = await moduleFiles(dir)
    if (dir !== OWN && inDir.length > 0) resolveReactorEverywhere()
    for (const file of inDir) {
      const name = basename(file, extname(file))
      const problem = nameProblem(name, files.get(name))
      if (problem !== undefined) throw new ReactorError('bad_module', `${file}: ${problem}`)
      files.set(name, file)
    }
  }
  const names = [...files.keys()].sort()
  return {
    names: () => names,
    async load(name) {
      const file = files.get(name)
      if (file) return returnerIn(file)
      throw new ReactorError(
        'bad_config',
        `there is no returner '${name.slice(0, 100)}'.${didYouMean(name, [...names, LOCAL]) || ` There are ${names.join(', ')}`}`,
      )
    },
  }
}

/** With one more, or in the place of another. */
export const withReturner = (returners: Returners, name: string, definition: ReturnerDefinition): Returners => ({
  names: () => [...new Set([...returners.names(), name])].sort(),
  load: async asked => (asked === name ? definition : returners.load(asked)),
})

function nameProblem(name: string, before: string | undefined): string | undefined {
  if (!NAME.test(name)) return "a returner's name, which is the file's, is small letters, digits and '_'"
  if (name === LOCAL) return `'${LOCAL}' is the job cache that is there without any: give the file another name`
  return before && `the returner '${name}' is already defined in ${before}; rename one of them`
}

async function returnerIn(file: string): Promise<ReturnerDefinition> {
  let exports: { default?: unknown }
  try {
    exports = await import(pathToFileURL(file).href)
  } catch (error) {
    throw loadProblem(file, error)
  }
  if (isReturnerDefinition(exports.default)) return exports.default
  throw new ReactorError(
    'bad_module',
    `${file}: its default export is no returner: export default returner({ doc, can: ['returner'], open: options => ({ … }) })`,
  )
}
