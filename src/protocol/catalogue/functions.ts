// Events of runner and wheel functions, which are jobs too.
import { z } from 'zod'
import { event } from './define.ts'
import { jid, payload, times } from './fields.ts'

const seen = (kind: 'runner' | 'wheel') => ({
  jid,
  fun: z.string().describe(`the function behind its kind: \`${kind}.…\``),
  fun_args: z
    .array(z.unknown())
    .describe('positional arguments, then one map of named ones, marked `__kwarg__`; of long ones the size'),
  user: z.string().describe('who asked, as in `salt/job/<jid>/new`'),
})
const returned = (kind: 'runner' | 'wheel') => ({
  ...seen(kind),
  return: z.unknown().describe('what it returned, without what only its caller is given; or in words why it failed'),
  success: z.boolean().describe('whether it did what it should'),
  outcome_unknown: z.literal(true).optional().describe('nobody can say whether it was done'),
  payload: payload.optional(),
})

export const runNew = event('salt/run/<jid>/new', {
  doc: 'a runner function is about to run',
  by: ['_jobs'],
  data: { ...seen('runner'), ...times },
})

export const runReturn = event('salt/run/<jid>/ret', {
  doc: 'a runner function has ended',
  by: ['_jobs'],
  data: returned('runner'),
  example: [
    'salt/run/20261120093317843573/ret',
    {
      fun: 'runner.queue.list_items',
      jid: '20261120093317843573',
      user: 'root',
      fun_args: ['q1'],
      return: ['item1', 'a', 'b'],
      success: true,
    },
  ],
})

export const runProgress = event('salt/run/<jid>/progress', {
  doc: 'what `jobs.lookup_jid display_progress=True` and others say while they work',
  by: ['_jobs'],
  data: { message: z.string().describe('a sentence') },
})

export const wheelNew = event('salt/wheel/<jid>/new', {
  doc: 'a wheel function is about to run',
  by: ['_master'],
  data: { ...seen('wheel'), ...times },
})

export const wheelReturn = event('salt/wheel/<jid>/ret', {
  doc: 'a wheel function has ended',
  by: ['_master'],
  data: returned('wheel'),
  example: [
    'salt/wheel/20261120093320718992/ret',
    {
      fun: 'wheel.key.list_all',
      jid: '20261120093320718992',
      user: 'root',
      fun_args: [],
      return: { minions: ['minion1'], minions_pre: [], minions_rejected: [], minions_denied: [], local: [] },
      success: true,
    },
  ],
})
