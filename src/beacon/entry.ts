// A beacon as the config, the pillar or a call gives it, in Salt's shapes: a list of one-key maps, or a map. What the engine needs
// to know of it is read from there, and the rest is handed to its module.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { isSecretKey, REDACTED } from '../base/redact.ts'
import { didYouMean } from '../base/suggest.ts'
import { type BeaconDefinition, type Telling, tellingOptions } from '../functions/define-beacon.ts'
import type { Beacons } from './load.ts'

export interface BeaconEntry {
  name: string
  /** The file that it is from: its name, unless `beacon_module` says another. */
  module: string
  definition: BeaconDefinition
  /** As the module takes them. */
  options: unknown
  enabled: boolean
  intervalMs: number
  disableDuringStateRun: boolean
  telling: Telling
}

/** Options of every beacon. */
export const commonOptions = z.object({
  interval: z
    .number()
    .min(0.1, 'expected 0.1 seconds or more')
    .default(1)
    .describe('seconds from one look to the next; 0.1 at least'),
  enabled: z.boolean().default(true).describe('whether it looks at all'),
  beacon_module: z
    .string()
    .optional()
    .describe('the beacon that it is, where its own name is another: one beacon several times'),
  ...tellingOptions,
  disable_during_state_run: z
    .boolean()
    .default(false)
    .describe('do not look while a state run goes on; what happens meanwhile is no event'),
})

const COMMON: readonly string[] = Object.keys(commonOptions.shape)
/** It is a segment of tags. */
const NAME = /^[A-Za-z0-9_.-]{1,100}$/

/** Throws `bad_config` naming what is wrong with it, and `bad_module`. */
export async function readBeacon(name: string, given: unknown, beacons: Beacons): Promise<BeaconEntry> {
  if (!NAME.test(name))
    throw wrong(`the name of a beacon has letters, digits and . _ -, 100 at most; got '${name.slice(0, 100)}'`)
  const all = asMap(given)
  const common = checked(
    commonOptions,
    only(all, key => COMMON.includes(key)),
  )
  const module = common.beacon_module ?? name
  const definition = await beacons.load(module)
  const options = checked(
    definition.options,
    only(all, key => !COMMON.includes(key)),
  )
  const { onchangeonly, emitatstartup, delay } = common
  return {
    ...{ name, module, definition, options },
    enabled: common.enabled,
    intervalMs: common.interval * 1000,
    disableDuringStateRun: common.disable_during_state_run,
    telling: {
      ...(onchangeonly === undefined ? {} : { onchangeonly }),
      ...(emitatstartup === undefined ? {} : { emitatstartup }),
      ...(delay === undefined ? {} : { delay }),
    },
  }
}

/** The beacon that would be loaded for it. */
export function moduleOf(name: string, given: unknown): string {
  const { beacon_module: module = name } = asMap(given)
  return String(module)
}

/** As one map. Throws `bad_config`. */
export function asMap(given: unknown): Record<string, unknown> {
  if (given === null || given === undefined) return {}
  if (isObject(given)) return given
  if (!Array.isArray(given))
    throw wrong(`expected a list of options such as '- interval: 10', or a map; got ${shown(given)}`)
  const all = new Map<string, unknown>()
  for (const item of given) {
    if (!isObject(item)) throw wrong(`expected options such as '- interval: 10'; got ${shown(item)}`)
    for (const [key, value] of Object.entries(item)) {
      if (all.has(key)) throw wrong(`'${key}' is given twice`)
      all.set(key, value)
    }
  }
  return Object.fromEntries(all)
}

/** The same in the shape in which it was given, with this value of `enabled`. */
export function withEnabled(given: unknown, enabled: boolean): unknown {
  if (isObject(given)) return { ...given, enabled }
  const items: unknown[] = Array.isArray(given) ? given : []
  const at = items.findIndex(item => isObject(item) && Object.hasOwn(item, 'enabled'))
  return at < 0 ? [...items, { enabled }] : items.with(at, { ...(items[at] as object), enabled })
}

const only = (all: Readonly<Record<string, unknown>>, fits: (key: string) => boolean) =>
  Object.fromEntries(Object.entries(all).filter(([key]) => fits(key)))

function checked<S extends z.ZodType>(schema: S, given: Record<string, unknown>): z.output<S> {
  const read = schema.safeParse(given)
  if (read.success) return read.data
  const known = [...COMMON, ...Object.keys(schema instanceof z.ZodObject ? schema.shape : {})]
  throw wrong(read.error.issues.flatMap(issue => problems(issue, given, known)).join('; '))
}

/** What Salt calls them. */
const SHAPES: Readonly<Record<string, string>> = {
  record: 'a map',
  object: 'a map',
  array: 'a list',
  boolean: 'true or false',
}

function problems(issue: z.core.$ZodIssue, given: unknown, known: readonly string[]): string[] {
  const path = issue.path.map(String)
  const at = path.join('.')
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key =>
      at === ''
        ? `unknown option '${key}'.${didYouMean(key, known)}`.replace(/\.$/, '')
        : `unknown option '${at}.${key}'`,
    )
  if (issue.code === 'invalid_key')
    return issue.issues.map(({ message }) => `'${path.slice(0, -1).join('.')}': ${message}; got '${path.at(-1)}'`)
  if (issue.code === 'custom') return [at === '' ? issue.message : `'${at}': ${issue.message}`]
  const value = issue.path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null)?.[key], given)
  if (value === undefined) return [`'${at}' is missing`]
  const said = issue.code === 'invalid_type' && issue.message.startsWith('Invalid input: expected')
  const expected = said ? `expected ${SHAPES[issue.expected] ?? `a ${issue.expected}`}` : issue.message
  return [`'${at}': ${expected}; got ${path.some(isSecretKey) ? REDACTED : shown(value)}`]
}

/** Whole, or not at all: a part of a secret would not be known as one. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (isObject(value)) return 'a map'
  const text = JSON.stringify(value) ?? String(value)
  return typeof value === 'string' && (value.length > 60 || text !== `"${value}"`) ? 'a text' : text
}
const wrong = (what: string) => new ReactorError('bad_config', what)
