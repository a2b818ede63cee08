// Runner `test`: shows that a job worker is there and does what it is told.
import { runner } from '../functions/define.ts'
import * as shared from '../functions/test-functions.ts'

export const arg = runner(shared.arg)
export const sleep = runner(shared.sleep)
export const fail = runner(shared.fail)
