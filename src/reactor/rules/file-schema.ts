// The shape of a rule as people write it in a YAML document, from which editors get JSON Schema; read-rule.ts reads it, with
// messages of its own.
import { z } from 'zod'
import { RULE_NAME } from '../../protocol/rule-name.ts'
import { callSchema } from './call-schema.ts'
import { conditionsSchema } from './condition-schema.ts'
import { MODES, ON_UNKNOWN } from './schema.ts'

/** As `parseDuration` takes it, and more than nothing. */
const TIME = '(?:(?:\\d+(?:\\.\\d+)?(?:ms|[smhdw]))+|\\d+(?:\\.\\d+)?)'
const duration = z
  .union([z.string().regex(new RegExp(`^(?=.*[1-9])\\s*${TIME}\\s*$`)), z.number().positive()])
  .meta({ id: 'duration', description: 'a duration such as 500ms, 30s, 5m, 2h, 1d; a number is seconds' })
const by = z
  .string()
  .min(1)
  .optional()
  .describe('a template, such as "{{ origin }}": events with the same text belong together; without it all do')
const globs = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)])
const actions = z.union([callSchema, z.array(callSchema).min(1)])
const when = conditionsSchema
  .optional()
  .describe('json-rules-engine conditions over tag, data, origin, stamp, minion, job')

/** One YAML document of a rule file. */
export const ruleFileSchema = z
  .strictObject({
    rule: z.string().regex(RULE_NAME).optional().describe("the rule's name, unique; by default the file's name"),
    description: z.string().optional(),
    on: globs.optional().describe('tag globs: * stays in a segment, ** crosses, "!glob" excludes; none beside all_of'),
    when,
    do: actions.describe('what to call: kind.module.function: arguments'),
    mode: z.enum(MODES).optional().describe('live (default); shadow: decide and record, do nothing; off'),
    priority: z.int().optional().describe('of the rules that want an event the higher comes first; default 0'),
    stop: z.boolean().optional().describe('rules of lower priority do not get an event that this one wants'),
    recursion: z
      .int()
      .min(0)
      .optional()
      .describe('how often the rule may be among the causes of its own event; default 0'),
    retry: z
      .strictObject({
        attempts: z.int().min(1).describe('in all, the first one included'),
        backoff: z
          .union([duration, z.string().regex(new RegExp(`^(?=.*[1-9].*[1-9])${TIME}\\.\\.${TIME}$`))])
          .optional()
          .describe('wait before the next attempt, shortest..longest, doubled from one to the next; default 1s..5m'),
      })
      .optional()
      .describe('try again what failed; without it, it is parked at once'),
    on_failure: actions.optional().describe('what to call when a reaction of this rule has failed for good'),
    on_unknown: z
      .enum(ON_UNKNOWN)
      .optional()
      .describe('what becomes of an action that may have been done and may not be done twice; default park'),
    concurrency: z.int().min(1).optional().describe('how many reactions of the rule run at once in a job worker'),
    lane: z.literal('slow').optional().describe('its reactions take long: they run apart from the others'),
    max_targets: z
      .union([z.int().min(0), z.string().regex(/^(100|\d{1,2})%$/)])
      .optional()
      .describe('most minions a reaction may reach before it is held for approval: a number, or a share such as 10%'),
    throttle: z
      .union([z.strictObject({ once_within: duration, by }), z.strictObject({ once_after: duration, by })])
      .optional()
      .describe(
        'once_within: the first at once, then none for so long; once_after: waits so long from the first on, then one with the latest',
      ),
    count: z
      .strictObject({ at_least: z.int().min(2), within: duration, by })
      .optional()
      .describe('when so many events came within the time'),
    all_of: z
      .strictObject({
        events: z.array(z.strictObject({ name: z.string().min(1).optional(), on: globs, when })).min(2),
        within: duration,
        by,
        in_order: z.boolean().optional().describe('they must come in the order in which they stand here'),
      })
      .optional()
      .describe('when each of several events came within the time'),
    absent: z
      .strictObject({
        for: duration,
        by,
        until: globs
          .optional()
          .describe('the events that are expected after one of on; without it, the next one of on'),
        of: z.literal('minions').optional().describe('expected of each minion that is known, from the start'),
      })
      .optional()
      .describe('when an expected event did not come'),
    group: z
      .strictObject({ for: duration, by, most: z.int().min(1).optional().describe('ends the time early') })
      .optional()
      .describe('collect events for a time, then react once'),
  })
  .refine(rule => (rule.on === undefined) !== (rule.all_of === undefined), "one of 'on' and 'all_of'")
  .meta({ oneOf: [{ required: ['on'] }, { required: ['all_of'] }] })

/** JSON Schema (draft 2020-12) of one document of a rule file, for editors. */
export function ruleJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(ruleFileSchema, { io: 'input' }), title: 'A rule of the reactor' }
}
