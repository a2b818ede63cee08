import { execution, z } from 'reactor'
import { leaveAtWork } from '../_effects.mjs'

export const mark = execution({
  doc: 'Leaves its effect, in the middle of some work.',
  args: { rule: z.string(), n: z.int(), dir: z.string() },
  async run({ rule, n, dir }, { id, jid }) {
    await leaveAtWork(dir, rule, n, id, jid)
    return n
  },
})
