import { setTimeout as delay } from 'node:timers/promises'
import { execution, z } from 'reactor'
import { leave } from '../_effects.mjs'

export const mark = execution({
  doc: 'Leaves its effect, in the middle of some work.',
  args: { rule: z.string(), n: z.int(), dir: z.string() },
  async run({ rule, n, dir }, { id, jid }) {
    await delay(20)
    leave(dir, rule, n, id, jid)
    await delay(20)
    return n
  },
})
