// Module `returners`: returns of this minion that wait for a returner, and those that never got to theirs.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { execution } from '../functions/define.ts'

const returner = z.string().min(1).optional().describe('only those for this returner')
const jid = z.coerce
  .string()
  .regex(/^\d{20}$/, 'a jid has 20 digits')
  .optional()
  .describe('only those of this job')

export const waiting = execution({
  doc: `Lists what waits on the minion's disk for returners: returner, returns, bytes of each, and the problem of one that is down.
    Example: reactor call web1 returners.waiting`,
  idempotent: true,
  run: (_args, { returners }) => returners.waiting(),
})

export const parked = execution({
  doc: `Lists returns that never got to their returner, the oldest first: jid, fun, returner, reason, _stamp of each.
    Example: reactor call web1 returners.parked mysql`,
  args: { returner, jid },
  idempotent: true,
  run: (which, { returners }) => returners.parked(which),
})

export const retry = execution({
  doc: `Gives parked returns to their returners again: how many wait for that now ('retried'), and which cannot ('left').
    Without a returner and a jid all of them. Those of a call with ret_kwargs cannot: its settings are not kept.
    Example: reactor call web1 returners.retry mysql`,
  args: { returner, jid },
  idempotent: true,
  async run(which, { returners, setRetcode }) {
    const { retried, left } = await returners.retry(which)
    if (left.length > 0) setRetcode(1)
    return { retried, left }
  },
})

export const drop = execution({
  doc: `Lets go of parked returns, of a returner or a job, and says how many; the job cache has them all the same.
    With waiting=true also of what waits for a returner that is down, or is not there any more.
    Example: reactor call web1 returners.drop mysql waiting=true`,
  args: { returner, jid, waiting: z.boolean().default(false).describe('also what waits') },
  idempotent: true,
  run({ returner, jid, waiting }, { returners }) {
    if (returner === undefined && jid === undefined)
      throw new ReactorError('bad_argument', 'returners.drop: name a returner or a jid')
    return returners.drop({ returner, jid, waiting })
  },
})
