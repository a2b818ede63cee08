import { wheel, z } from 'reactor'
import { leave, leaveAtWork } from '../_effects.mjs'

const args = { rule: z.string(), n: z.int(), dir: z.string() }

export const mark = wheel({
  doc: 'Leaves its effect; may do so again.',
  args,
  idempotent: true,
  run: ({ rule, n, dir }, { jid }) => leave(dir, rule, n, '_master', jid),
})

export const once = wheel({
  doc: 'Leaves its effect, in the middle of some work; must not do so again.',
  args,
  run: ({ rule, n, dir }, { jid }) => leaveAtWork(dir, rule, n, '_master', jid),
})
