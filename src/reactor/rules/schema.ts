// The shape of a rule as it travels in the bundle: plain JSON, durations in milliseconds. As people write it: file-schema.ts.
import { z } from 'zod'
import { JOB_KINDS } from '../../protocol/job.ts'
import { RULE_NAME } from '../../protocol/rule-name.ts'

export const FUNCTION_NAME = /^[A-Za-z_]\w*\.[A-Za-z_]\w*$/

const conditions = z.record(z.string(), z.unknown())
const actions = z
  .array(
    z.strictObject({
      kind: z.enum(JOB_KINDS),
      /** `module.function`, for example `service.restart`. */
      fun: z.string().regex(FUNCTION_NAME),
      /** As parsed from the file; its strings may hold `{{ }}`. */
      params: z.unknown(),
    }),
  )
  .min(1)
/** Milliseconds. */
const span = z.int().min(1)
/** A template whose text is the key by which events are told apart; absent: all are one. */
const by = z.string().exactOptional()

export const MODES = ['live', 'shadow', 'off'] as const
export const ON_UNKNOWN = ['park', 'retry', 'drop'] as const

export const ruleDocumentSchema = z.strictObject({
  rule: z.string().regex(RULE_NAME),
  /** Of a rule with `all_of`: the globs of all its events. */
  on: z.array(z.string()).min(1),
  when: conditions.exactOptional(),
  do: actions,
  mode: z.enum(MODES).exactOptional(),
  /** Of the rules that want an event the higher is decided first; default 0. */
  priority: z.int().exactOptional(),
  /** Where it wants an event, rules of lower priority do not get it. */
  stop: z.literal(true).exactOptional(),
  retry: z.strictObject({ attempts: z.int().min(1), backoff: z.tuple([span, span]) }).exactOptional(),
  concurrency: z.int().min(1).exactOptional(),
  lane: z.literal('slow').exactOptional(),
  max_targets: z.union([z.int().min(0), z.string().regex(/^\d{1,3}%$/)]).exactOptional(),
  on_failure: actions.exactOptional(),
  on_unknown: z.enum(ON_UNKNOWN).exactOptional(),
  /** How often the rule may be met again in its own chain of causes; default 0. */
  recursion: z.int().min(0).exactOptional(),
  throttle: z
    .union([z.strictObject({ once_within: span, by }), z.strictObject({ once_after: span, by })])
    .exactOptional(),
  /** At most one of `count`, `all_of`, `absent`, `group`; what it gives then goes through `throttle`. */
  count: z.strictObject({ at_least: z.int().min(2), within: span, by }).exactOptional(),
  all_of: z
    .strictObject({
      events: z
        .array(z.strictObject({ name: z.string(), on: z.array(z.string()).min(1), when: conditions.exactOptional() }))
        .min(2),
      within: span,
      by,
      in_order: z.literal(true).exactOptional(),
    })
    .exactOptional(),
  absent: z
    .strictObject({
      for: span,
      by,
      /** The events that are expected once one of `on` came; absent: the next one of `on`. */
      until: z.array(z.string()).min(1).exactOptional(),
      /** Expected of each minion that is known, from the start; the key is its id. */
      of: z.literal('minions').exactOptional(),
    })
    .exactOptional(),
  group: z.strictObject({ for: span, by, most: z.int().min(1).exactOptional() }).exactOptional(),
  description: z.string().exactOptional(),
  source: z.strictObject({ file: z.string(), line: z.int().min(1) }),
})

/** One rule, plain JSON; durations are milliseconds. */
export type RuleDocument = z.output<typeof ruleDocumentSchema>
export type RuleAction = RuleDocument['do'][number]
