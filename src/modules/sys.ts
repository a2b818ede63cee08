// Module `sys`: help about the functions that this minion has loaded.
import { execution } from '../functions/define.ts'
import * as shared from '../functions/sys-functions.ts'

export const list_functions = execution(shared.list_functions)
export const list_modules = execution(shared.list_modules)
export const doc = execution(shared.doc)
