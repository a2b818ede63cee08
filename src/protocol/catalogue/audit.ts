// The audit record: who asked for what, from where, and how it ended. Never arguments.
import { z } from 'zod'
import type { Sender } from './define.ts'
import { event } from './define.ts'
import { jid, target, texts } from './fields.ts'

const RESULTS = ['ok', 'refused', 'failed'] as const

const record = {
  user: z
    .string()
    .describe("who: an operator's name, `rule:<name>`, `schedule:<name>`, `peer:<minion>`, `minion:<id>`"),
  source: z.string().describe('from where, as the server attests it: `OPS`, `FLEET`, `CORE`; a host where it is known'),
  action: z.string().describe('the function or the deed: `test.ping`, `key.accept`'),
  result: z.enum(RESULTS).describe('how it ended'),
  reason: z.string().optional().describe('why it was refused; of what failed the code'),
  jid: jid.optional(),
  tgt: target.optional().describe('the target; of a long one the beginning'),
  tgt_type: z.string().optional().describe('its type'),
  about: texts.optional().describe('minions, operators or tokens that it is about'),
}

const audited = <const K extends string>(kind: K, doc: string, by: readonly Sender[]) =>
  event(`salt/audit/${kind}`, { doc, by, data: record })

/** By what was done. */
export const AUDITS = {
  publish: audited('publish', 'somebody has asked for a job on minions', ['_jobs']),
  runner: audited('runner', 'somebody has called a runner function', ['_jobs']),
  wheel: audited('wheel', 'somebody has called a wheel function', ['_master']),
  key: audited('key', 'keys of minions were changed, or accepted by themselves', ['_master']),
  token: audited('token', 'join tokens were made or deleted', ['_master']),
  user: audited('user', 'operators or their roles were changed, or that was refused', ['_master']),
  login: audited('login', 'an operator has come, or somebody was not let in', ['_master']),
  history: audited('history', 'somebody was refused what history or the job cache has', ['_cache', '_jobs']),
}
export type AuditKind = keyof typeof AUDITS

export const auditRules = event('salt/audit/rules', {
  doc: 'what rules and schedules did for the same causes in one turn: up to 500 records in one event',
  by: ['_jobs', '_master'],
  data: {
    records: z
      .array(
        z.strictObject({
          kind: z.string(),
          ...record,
          cause: z.string().optional(),
        }),
      )
      .describe('the same fields, with `kind` (`publish`, …) and `cause` (id of the event, or jid) each'),
  },
})
