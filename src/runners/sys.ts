// Runner `sys`: help about the functions that this job worker has loaded.
import { runner } from '../functions/define.ts'
import * as shared from '../functions/sys-functions.ts'

export const list_functions = runner(shared.list_functions)
export const list_modules = runner(shared.list_modules)
export const doc = runner(shared.doc)
