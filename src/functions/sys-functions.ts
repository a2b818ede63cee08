// The declarations of module `sys`, the help that minions, job workers and masters give about what each has loaded.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { common } from './define.ts'
import { formatDoc } from './doc.ts'
import type { FunctionDoc } from './help.ts'
import { selectDocs } from './registry.ts'

export const prefix = z.string().optional().describe('a module or a function; default: all')

export const list_functions = common({
  doc: `Lists the names of the functions that are loaded, sorted: all of them, or those of one module.
    Example: sys.list_functions cmd`,
  args: { prefix },
  idempotent: true,
  run: (args, context) => select(context.docs(), args.prefix).map(doc => doc.name),
})

export const list_modules = common({
  doc: `Lists the names of the modules that are loaded, sorted.
    Example: sys.list_modules`,
  idempotent: true,
  run: (_args, context) => modulesOf(context.docs()),
})

export const doc = common({
  doc: `Returns the help of a function, of a module's functions or of all: a map of name to text.
    Example: sys.doc cmd.run`,
  args: { prefix },
  idempotent: true,
  run: (args, context) => helpOf(context.docs(), args.prefix),
})

/** Help by name. Throws `unknown_function` where there is none of that name. */
export const helpOf = (docs: readonly FunctionDoc[], wanted: string | undefined): Record<string, string> =>
  Object.fromEntries(select(docs, wanted).map(found => [found.name, formatDoc(found)]))

export function select(docs: readonly FunctionDoc[], wanted: string | undefined): FunctionDoc[] {
  const found = selectDocs(docs, wanted)
  if (found.length > 0 || !wanted) return found
  const known = [...modulesOf(docs), ...docs.map(one => one.name)]
  throw new ReactorError(
    'unknown_function',
    `there is no module or function '${wanted}' here.${didYouMean(wanted, known)}`,
  )
}

export function modulesOf(docs: readonly FunctionDoc[]): string[] {
  return [...new Set(docs.map(one => one.name.slice(0, one.name.indexOf('.'))))].sort()
}
