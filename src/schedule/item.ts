// A schedule entry as people write it, in config, pillar or a call, with Salt's words; checked key by key.
import { inspect } from 'node:util'
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { didYouMean } from '../base/suggest.ts'
import { lengthSchema, splaySchema } from './splay.ts'

const amount = z.number().positive().max(1e9)
const text = z.string().min(1)
const span = z.strictObject({ start: text, end: text })
const strings = z.union([text, z.array(text).min(1)])
const map = z.record(z.string(), z.unknown())

const schema = z.strictObject({
  function: text.describe(
    'module.function; on the master after runner., wheel. or local.; without one of them a runner',
  ),
  args: z.array(z.unknown()).optional().describe('its positional arguments'),
  kwargs: map.optional().describe('its named arguments'),
  tgt: strings.optional().describe('on the master: which minions a local function is for'),
  tgt_type: text.optional().describe('glob, list, grain … of tgt'),
  seconds: amount.optional().describe('interval; with minutes, hours and days: all of it together'),
  minutes: amount.optional().describe('see seconds'),
  hours: amount.optional().describe('see seconds'),
  days: amount.optional().describe('see seconds'),
  every: lengthSchema.optional().describe('the same in one word, such as 5m or 1h30m'),
  when: strings.optional().describe('times on the wall clock, or names of them in whens'),
  cron: text.optional().describe('minute hour day month weekday'),
  once: text.optional().describe('one time, such as 2026-11-22T17:00:00'),
  once_fmt: text.optional().describe('how once is written, in the directives of strptime'),
  timezone: text.optional().describe("such as Europe/Berlin; without it the machine's"),
  splay: splaySchema.optional().describe('run up to so much later, by chance'),
  range: z
    .strictObject({ start: text, end: text, invert: z.boolean().optional() })
    .optional()
    .describe('run only between start and end; with invert: true only outside of them'),
  skip_during_range: span.optional().describe('do not run between start and end'),
  run_after_skip_range: z.boolean().optional().describe('run once when the range is over, if a run was skipped in it'),
  after: text.optional().describe('not before this time'),
  until: text.optional().describe('not after this time'),
  run_on_start: z.boolean().optional().describe('run when the scheduler starts, too'),
  catch_up: z.enum(['none', 'last', 'all']).optional().describe('of what was due while nothing ran'),
  maxrunning: z.number().int().min(1).optional().describe('so many runs at once; what comes beyond is skipped'),
  jid_include: z.boolean().optional().describe('false: runs are not counted for maxrunning'),
  return_job: z
    .union([z.boolean(), z.literal('nocache')])
    .optional()
    .describe('on a minion: false keeps the return there, nocache keeps it out of the job cache'),
  metadata: map.optional().describe('on a minion: goes with the return'),
  returner: strings.optional().describe('a returner, or a list of them, that get the return too'),
  return_config: text.optional().describe('settings of these under another name'),
  return_kwargs: map.optional().describe('settings of these that come before all others'),
  enabled: z.boolean().optional().describe('false: it does not run'),
  dry_run: z.boolean().optional().describe('only say in the log that it would have run'),
  name: text.optional().describe('as lists have it'),
})

/** As it is kept and listed: defaults and all names settled. */
export type Item = z.output<typeof schema>

/** Other names that Salt has for a key. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['func', 'function'],
  ['fun', 'function'],
  ['job_args', 'args'],
  ['job_kwargs', 'kwargs'],
])
/** What Salt writes into its lists and files, and nobody sets. */
const PASSED_OVER = new Set(['saved', 'persist', 'where'])

export const ITEM_KEYS: readonly string[] = Object.keys(schema.shape)

/** Throws `bad_argument` with all that is wrong with it; who calls says which entry it is. */
export function readItem(given: unknown): Item {
  if (!isObject(given)) throw wrong([`an entry is a map with a function, got ${shown(given)}`])
  const named: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined || PASSED_OVER.has(key) || key.startsWith('_')) continue
    const name = ALIASES.get(key) ?? key
    if (Object.hasOwn(named, name)) throw wrong([`'${name}' is given twice`])
    named[name] = name === 'args' && !Array.isArray(value) ? [value] : value
  }
  const parsed = schema.safeParse(named)
  if (!parsed.success) throw wrong(parsed.error.issues.map(issue => issueText(issue, named)))
  return parsed.data
}

/** Any value, in short: JSON has no NaN, and throws on what holds itself or is thousands of levels deep. */
export const shown = (value: unknown): string =>
  inspect(value, { depth: 2, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 10, maxStringLength: 200 })

const wrong = (problems: readonly string[]) => new ReactorError('bad_argument', problems.join('; '))

function issueText(issue: z.core.$ZodIssue, item: Record<string, unknown>): string {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys')
    return issue.keys
      .map(key => `unknown option '${[...path, key].join('.')}'.${didYouMean(key, path.length > 0 ? [] : ITEM_KEYS)}`)
      .join(' ')
  const value = path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), item)
  if (value === undefined) return `'${path.join('.')}' is missing`
  return `'${path.join('.')}': ${WHAT[path[0] ?? ''] ?? issue.message}; got ${shown(value)}`
}

/** Where the schema's own words name no more than types. */
const WHAT: Readonly<Record<string, string>> = {
  when: "a time such as '5:00pm', or a list of them",
  every: 'a duration such as 5m',
  returner: 'a name, or a list of them',
  tgt: 'a target, or a list of minions',
  return_job: 'true, false or nocache',
}

/** Each option and what it does, for the docs. */
export const describeItem = (): { option: string; doc: string }[] =>
  Object.entries(schema.shape)
    .filter(([option]) => option !== 'name')
    .map(([option, one]) => ({ option, doc: one.description ?? '' }))
