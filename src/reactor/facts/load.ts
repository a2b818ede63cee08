// Finds the user's own facts: the folder `facts/` of each of `module_dirs`, one file a fact, named as its file.
import { basename, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ReactorError } from '../../base/errors.ts'
import { type FactDefinition, isFactDefinition } from '../../functions/define-fact.ts'
import { loadProblem, moduleFiles, resolveReactorEverywhere } from '../../functions/load.ts'
import { FACT_NAMES } from '../rules/facts.ts'

const NAME = /^[a-z][a-z0-9_]*$/i
/** Names that templates give a meaning of their own. */
const TAKEN: ReadonlySet<string> = new Set([
  ...FACT_NAMES,
  ...['range', 'dict', 'namespace', 'loop', 'true', 'false', 'none', 'True', 'False', 'None'],
  ...['and', 'or', 'not', 'in', 'is', 'if', 'else'],
])

/** By name. Throws `bad_module`. */
export async function loadFacts(moduleDirs: readonly string[]): Promise<Map<string, FactDefinition>> {
  const found = new Map<string, FactDefinition>()
  const source = new Map<string, string>()
  for (const dir of moduleDirs) {
    const files = await moduleFiles(join(resolve(dir), 'facts'))
    if (files.length > 0) resolveReactorEverywhere()
    for (const file of files) {
      const name = basename(file, extname(file))
      const problem = nameProblem(name, source.get(name))
      if (problem !== undefined) throw new ReactorError('bad_module', `${file}: ${problem}`)
      found.set(name, await factIn(file))
      source.set(name, file)
    }
  }
  return found
}

function nameProblem(name: string, before: string | undefined): string | undefined {
  if (!NAME.test(name)) return "a fact's name, which is the file's, is letters, digits and '_'"
  if (TAKEN.has(name)) return `'${name}' has a meaning of its own in rules: give the file another name`
  return before && `the fact '${name}' is already defined in ${before}; rename one of them`
}

async function factIn(file: string): Promise<FactDefinition> {
  let exports: { default?: unknown }
  try {
    exports = await import(pathToFileURL(file).href)
  } catch (error) {
    throw loadProblem(file, error)
  }
  if (isFactDefinition(exports.default)) return exports.default
  throw new ReactorError(
    'bad_module',
    `${file}: its default export is no fact: export default fact({ doc, run: async (event, params) => … })`,
  )
}
