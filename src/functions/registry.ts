// The functions of one kind that a process has loaded, by their full names.
import { ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import type { Kind } from './context.ts'
import type { FunctionDefinition } from './define.ts'
import { functionDoc } from './doc.ts'
import type { FunctionDoc } from './help.ts'

export interface Registry<K extends Kind = Kind> {
  readonly kind: K
  /** Sorted full names, `module.function`. */
  names(): string[]
  /** Throws `unknown_function` with a suggestion. */
  get(name: string): FunctionDefinition<K>
  docs(): FunctionDoc[]
}

export function createRegistry<K extends Kind>(
  kind: K,
  functions: ReadonlyMap<string, FunctionDefinition<K>>,
): Registry<K> {
  const sorted = [...functions.keys()].sort()
  return {
    kind,
    names: () => sorted,
    get(name) {
      const found = functions.get(name)
      if (found) return found
      throw new ReactorError('unknown_function', `'${name}' is not available.${didYouMean(name, sorted)}`, {
        fun: name,
      })
    },
    docs: () => sorted.map(name => functionDoc(name, functions.get(name)!)),
  }
}

/** The docs whose name is `prefix`, or lies in the module `prefix`, or all of them without one. */
export function selectDocs(docs: readonly FunctionDoc[], prefix?: string): FunctionDoc[] {
  if (!prefix) return [...docs]
  return docs.filter(doc => doc.name === prefix || doc.name.startsWith(`${prefix}.`))
}
