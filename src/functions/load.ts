// Finds functions on disk: the folder of its kind that ships with the program, then the user's own `module_dirs`.
import { readdir } from 'node:fs/promises'
import { register } from 'node:module'
import { basename, extname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Kind } from './context.ts'
import { type FunctionDefinition, isFunctionDefinition } from './define.ts'
import { createRegistry, type Registry } from './registry.ts'

const FOLDER: Record<Kind, string> = {
  execution: 'modules',
  runner: 'runners',
  wheel: 'wheels',
  state: 'states',
  orchestration: 'orchestration',
}
const NAME = /^[a-z][a-z0-9_]*$/i

/** Loads every function of one kind. A user's folder holds `modules/`, `runners/`, `wheels/`, `states/` as `src/` does. */
export async function loadFunctions<K extends Kind>(kind: K, moduleDirs: readonly string[] = []): Promise<Registry<K>> {
  const own = fileURLToPath(new URL(`../${FOLDER[kind]}/`, import.meta.url))
  const found = new Map<string, FunctionDefinition<K>>()
  const source = new Map<string, string>()
  for (const dir of [own, ...moduleDirs.map(dir => join(resolve(dir), FOLDER[kind]))]) {
    if (dir !== own) resolveReactorEverywhere()
    for (const file of await moduleFiles(dir)) {
      for (const [name, fn] of await exportsOf(kind, file)) {
        const before = source.get(name)
        if (before)
          throw new ReactorError('bad_module', `${file}: '${name}' is already defined in ${before}; rename one of them`)
        found.set(name, fn)
        source.set(name, file)
      }
    }
  }
  return createRegistry(kind, found)
}

/** The module files of a folder, sorted; none where the folder is not there. Throws `bad_module`. */
export async function moduleFiles(dir: string): Promise<string[]> {
  let entries: string[]
  try {
    entries = await readdir(dir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new ReactorError('bad_module', `cannot read the module folder ${dir}: ${errorMessage(error)}`)
  }
  const modules = entries.filter(name => /\.(m?js|ts)$/.test(name) && !name.endsWith('.d.ts') && !/^[_.]/.test(name))
  return modules.sort().map(name => join(dir, name))
}

/** `bad_module` for a file that could not be imported. */
export function loadProblem(file: string, error: unknown): ReactorError {
  const isTooNew = (error as NodeJS.ErrnoException | undefined)?.code === 'ERR_UNKNOWN_FILE_EXTENSION'
  const why = isTooNew
    ? `Node ${process.versions.node} reads no TypeScript: write it as .mjs, or take Node 22.18 or newer`
    : errorMessage(error)
  return new ReactorError('bad_module', `${file} does not load: ${why}`, {}, error)
}

async function exportsOf<K extends Kind>(kind: K, file: string): Promise<[string, FunctionDefinition<K>][]> {
  const module = basename(file, extname(file))
  if (!NAME.test(module)) throw new ReactorError('bad_module', `${file}: a module's name is letters, digits and '_'`)
  let exports: Record<string, unknown>
  try {
    exports = await import(pathToFileURL(file).href)
  } catch (error) {
    throw loadProblem(file, error)
  }
  return Object.entries(exports).map(([name, value]) => {
    if (!isFunctionDefinition(value)) {
      throw new ReactorError(
        'bad_module',
        `${file}: export '${name}' is no function: make it with ${kind}({ doc, args, run })`,
      )
    }
    if (value.kind !== kind) {
      throw new ReactorError(
        'bad_module',
        `${file}: export '${name}' is a ${value.kind} function in a folder of ${kind} functions`,
      )
    }
    return [`${module}.${name}`, value as FunctionDefinition<K>]
  })
}

let resolved = false
/** Lets a module file anywhere on the disk write `import { execution, z } from 'reactor'`. */
export function resolveReactorEverywhere(): void {
  if (resolved) return
  resolved = true
  const target = new URL(`./public${extname(import.meta.url)}`, import.meta.url).href
  const hook = `export const resolve = (specifier, context, next) =>
    specifier === 'reactor' ? { url: ${JSON.stringify(target)}, shortCircuit: true } : next(specifier, context)`
  register(`data:text/javascript,${encodeURIComponent(hook)}`)
}
