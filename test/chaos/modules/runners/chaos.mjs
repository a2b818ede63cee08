import { existsSync, writeFileSync } from 'node:fs'
import { ReactorError, runner, z } from 'reactor'
import { leave, leaveAtWork } from '../_effects.mjs'

const args = { rule: z.string(), n: z.int(), dir: z.string() }

export const mark = runner({
  doc: 'Leaves its effect; may do so again.',
  args,
  idempotent: true,
  run: ({ rule, n, dir }, { jid }) => leave(dir, rule, n, '_jobs', jid),
})

export const once = runner({
  doc: 'Leaves its effect, in the middle of some work; must not do so again.',
  args,
  run: ({ rule, n, dir }, { jid }) => leaveAtWork(dir, rule, n, '_jobs', jid),
})

export const second = runner({
  doc: 'Fails at the first try, whichever process makes it, then leaves its effect.',
  args,
  idempotent: true,
  run({ rule, n, dir }, { jid }) {
    const file = `${dir}/tried-${n}`
    if (!existsSync(file)) {
      writeFileSync(file, '')
      throw new ReactorError('function_failed', 'not yet')
    }
    leave(dir, rule, n, '_jobs', jid)
  },
})

export const collect = runner({
  doc: 'Leaves the effects of a list; may do so again.',
  args: { rule: z.string(), events: z.array(z.looseObject({ data: z.object({ n: z.int() }) })), dir: z.string() },
  idempotent: true,
  run: ({ rule, events, dir }, { jid }) => {
    for (const { data } of events) leave(dir, rule, data.n, '_jobs', jid)
  },
})

export const never = runner({
  doc: 'Always fails.',
  args,
  idempotent: true,
  run() {
    throw new ReactorError('function_failed', 'never')
  },
})
