// Module `sys`: help about the functions and states that this minion has loaded.
import { execution } from '../functions/define.ts'
import * as shared from '../functions/sys-functions.ts'

export const list_functions = execution(shared.list_functions)
export const list_modules = execution(shared.list_modules)
export const doc = execution(shared.doc)

export const list_state_modules = execution({
  doc: `Lists the names of the state modules that are loaded, sorted.
    Example: reactor call web1 sys.list_state_modules`,
  idempotent: true,
  run: (_args, context) => shared.modulesOf(context.states.docs()),
})

export const list_state_functions = execution({
  doc: `Lists the names of the state functions that are loaded, sorted: all of them, or those of one module.
    Example: reactor call web1 sys.list_state_functions file`,
  args: { prefix: shared.prefix },
  idempotent: true,
  run: ({ prefix }, context) => shared.select(context.states.docs(), prefix).map(found => found.name),
})

export const state_doc = execution({
  doc: `Returns the help of a state function, of a module's state functions or of all: a map of name to text.
    Example: reactor call web1 sys.state_doc file.managed`,
  args: { prefix: shared.prefix },
  idempotent: true,
  run: ({ prefix }, context) => shared.helpOf(context.states.docs(), prefix),
})
