// The shape of a rule: as people write it in a YAML document (`ruleFileSchema`, from which editors get JSON Schema) and
// as it travels in the bundle (`RuleDocument`, plain JSON).
import { z } from 'zod'
import { JOB_KINDS } from '../../protocol/job.ts'
import { TARGET_TYPES } from '../../protocol/target.ts'
import { FACT_NAMES } from './facts.ts'
import { DECORATORS, OPERATORS } from './operators.ts'

export const RULE_NAME = /^(?!_)[A-Za-z0-9_.-]{1,100}$/
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

const factName = z.enum(FACT_NAMES)
const path = z.string().describe("JSONPath of names and indexes, for example $.load[0] or $['a.b']")
const common = { name: z.string().optional(), priority: z.int().min(1).optional() }
const operatorPattern = `^((${Object.keys(DECORATORS).join('|')}):)*(${Object.keys(OPERATORS).join('|')})$`
const comparison = z.strictObject({
  fact: factName,
  path: path.optional(),
  operator: z.string().regex(new RegExp(operatorPattern)),
  value: z.unknown().describe('a constant, or { fact, path }'),
  ...common,
})
const group = z.union([
  z.strictObject({ all: z.array(z.lazy(() => condition)).min(1), ...common }),
  z.strictObject({ any: z.array(z.lazy(() => condition)).min(1), ...common }),
  z.strictObject({ not: z.lazy(() => condition), ...common }),
])
const condition: z.ZodType = z.union([comparison, z.lazy(() => group)])

const named = z.record(z.string(), z.unknown())
const callArguments = {
  args: z
    .union([z.array(z.unknown()), named, z.null()])
    .optional()
    .describe('a list (positional) or a map (named)'),
  kwargs: z.union([named, z.null()]).optional().describe('named arguments'),
  arg: z
    .union([z.array(z.unknown()), named, z.null()])
    .optional()
    .describe('the same as args'),
  kwarg: z.union([named, z.null()]).optional().describe('the same as kwargs'),
}
const localParams = z.strictObject({
  tgt: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .describe('which minions: a glob, or a list of ids'),
  tgt_type: z.enum(TARGET_TYPES).optional(),
  ...callArguments,
})
const serviceParams = z
  .union([z.array(z.unknown()), named, z.null()])
  .describe('a map (named), a list (positional) or nothing')
const functionPart = '[A-Za-z_]\\w*\\.[A-Za-z_]\\w*$'
const action = z.union([
  z.string().regex(new RegExp(`^(runner|wheel)\\.${functionPart}`)),
  oneKey(z.record(z.string().regex(new RegExp(`^local\\.${functionPart}`)), localParams)),
  oneKey(z.record(z.string().regex(new RegExp(`^(runner|wheel)\\.${functionPart}`)), serviceParams)),
])

/** One YAML document of a rule file. */
export const ruleFileSchema = z.strictObject({
  rule: z.string().regex(RULE_NAME).optional().describe("the rule's name, unique; by default the file's name"),
  description: z.string().optional(),
  on: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .describe('tag globs: * stays in a segment, ** crosses, "!glob" excludes'),
  when: group.optional().describe('json-rules-engine conditions over tag, data, origin, stamp, minion'),
  do: z.union([action, z.array(action).min(1)]).describe('what to call: kind.module.function: arguments'),
})

/** JSON Schema (draft 2020-12) of one document of a rule file, for editors. */
export function ruleJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(ruleFileSchema, { io: 'input' }), title: 'A rule of the reactor' }
}

function oneKey<T extends z.ZodType>(schema: T): T {
  return schema
    .refine(value => Object.keys(value as object).length === 1, 'one function a map')
    .meta({ minProperties: 1, maxProperties: 1 }) as T
}
