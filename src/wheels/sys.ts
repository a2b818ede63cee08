// Wheel `sys`: help about the functions that this master has loaded.
import { wheel } from '../functions/define.ts'
import * as shared from '../functions/sys-functions.ts'

export const list_functions = wheel(shared.list_functions)
export const list_modules = wheel(shared.list_modules)
export const doc = wheel(shared.doc)
