// Module `test`: shows that a minion is there and does what it is told.
import { z } from 'zod'
import { VERSION } from '../base/version.ts'
import { execution } from '../functions/define.ts'
import * as shared from '../functions/test-functions.ts'

export const ping = execution({
  doc: `Answers true: the minion is up and takes jobs.
    Example: reactor call '*' test.ping`,
  idempotent: true,
  run: () => true,
})

export const version = execution({
  doc: `Returns the version of the program that this minion runs.
    Example: reactor call '*' test.version`,
  idempotent: true,
  run: () => VERSION,
})

export const echo = execution({
  doc: `Returns its argument.
    Example: reactor call web1 test.echo 'hello there'`,
  args: { text: z.string().describe('what to return') },
  idempotent: true,
  run: ({ text }) => text,
})

export const arg = execution(shared.arg)
export const sleep = execution(shared.sleep)
export const fail = execution(shared.fail)
