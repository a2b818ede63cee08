// Module `pillar`: what the master gives this minion alone. Secrets of it are for templates and states; here they are
// `[redacted]`.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { didYouMean } from '../base/suggest.ts'
import { execution } from '../functions/define.ts'
import { fixed } from '../functions/guards.ts'
import type { ExecutionContext } from '../functions/minion-context.ts'
import type { PillarRequest } from '../functions/minion-data.ts'
import { lookup } from '../grains/lookup.ts'
import { mergePillar } from '../pillar/merge.ts'

const key = z.string().min(1).describe('a name in the pillar; a path such as web:ports:0 leads into it')
const delimiter = z.string().min(1).default(':').describe('what separates the steps of the path')
const saltenv = z.string().nullish().describe('compile it anew, for this environment')
const pillarenv = z.string().nullish().describe('compile it anew, from this environment of pillar_roots alone')
const environment = fixed('an environment')

export const items = execution({
  doc: `Compiles the pillar anew and returns it, or those top keys of it that are named.
    What of it could not be rendered is said under _errors, and the job fails. Named options: pillar is laid over what the
    files say, pillarenv is the only environment that counts, saltenv is the one that templates see.
    Example: reactor call web1 pillar.items`,
  rest: 'keys',
  extra: 'options',
  guards: { options: fixed('what pillar is compiled with') },
  idempotent: true,
  async run({ keys, options }, context) {
    const { pillar, ...envs } = optionsOf('pillar.items', options, ['pillar', 'pillarenv', 'saltenv'])
    if (pillar !== undefined && pillar !== null && !isObject(pillar))
      throw new ReactorError('bad_argument', `pillar.items: pillar must be a map, got ${JSON.stringify(pillar)}`)
    const { value, errors } = await context.pillar.compile({ ...(pillar ? { override: pillar } : {}), ...envsOf(envs) })
    const named = keys.map(String)
    const shown = named.length === 0 ? value : pick(value, named)
    if (errors.length === 0) return shown
    context.setRetcode(1)
    return { ...shown, _errors: errors }
  },
})

/** The other name by which it is asked for. */
export const data = items

export const get = execution({
  doc: `Returns a value of the pillar that the minion has; the default where there is none.
    With merge a map or list that is there is laid over the default.
    Example: reactor call web1 pillar.get web:ports default='[80]'`,
  args: {
    key,
    default: z.unknown().describe('what to return where there is no such value; without it an empty text'),
    merge: z.boolean().default(false).describe('lay what is there over the default'),
    merge_nested_lists: z.boolean().nullish().describe('merging, lists in maps are joined; default: true'),
    delimiter,
    pillarenv,
    saltenv,
  },
  guards: { pillarenv: environment, saltenv: environment },
  idempotent: true,
  async run({ key, default: fallback = '', merge, merge_nested_lists, delimiter, pillarenv, saltenv }, context) {
    const value = await pillarFor(context, envsOf({ pillarenv, saltenv }))
    const found = lookup(value, key, undefined, delimiter)
    if (!merge || fallback === '' || fallback === null) return found === undefined ? fallback : found
    if (isObject(fallback) && (found === undefined || isObject(found)))
      return mergePillar(fallback, found ?? {}, { strategy: 'recurse', lists: merge_nested_lists ?? true })
    if (Array.isArray(fallback) && (found === undefined || Array.isArray(found))) return [...fallback, ...(found ?? [])]
    throw new ReactorError(
      'bad_argument',
      `merge lays a map over a map, or a list over a list: the default and the value of '${key}' are neither`,
    )
  },
})

/** The other name by which it is asked for. */
export const fetch = get

export const item = execution({
  doc: `Returns a map of the values named, with the default for one that is not there.
    Example: reactor call web1 pillar.item web:ports users`,
  args: { key },
  rest: 'keys',
  extra: 'options',
  guards: { options: environment },
  idempotent: true,
  async run({ key, keys, options }, context) {
    const named = optionsOf('pillar.item', options, ['default', 'delimiter', 'pillarenv', 'saltenv'])
    const { default: fallback = '', delimiter = ':', ...envs } = named
    const value = await pillarFor(context, envsOf(envs))
    return Object.fromEntries(
      [key, ...keys].map(String).map(name => [name, lookup(value, name, fallback, String(delimiter))]),
    )
  },
})

export const keys = execution({
  doc: `Lists the keys of a map in the pillar.
    Example: reactor call web1 pillar.keys web`,
  args: { key, delimiter },
  idempotent: true,
  run({ key, delimiter }, context) {
    const found = lookup(currentOf(context), key, undefined, delimiter)
    if (isObject(found)) return Object.keys(found)
    throw new ReactorError(
      found === undefined ? 'not_found' : 'bad_argument',
      found === undefined ? `Pillar key not found: ${key}` : `Pillar value for key ${key} is not a dictionary`,
    )
  },
})

export const ls = execution({
  doc: `Lists the top keys of the pillar, compiled anew, or of maps in it.
    Example: reactor call web1 pillar.ls`,
  rest: 'keys',
  idempotent: true,
  async run({ keys: names }, { pillar }) {
    const { value } = await pillar.compile()
    return Object.keys(names.length === 0 ? value : pick(value, names.map(String)))
  },
})

export const raw = execution({
  doc: `Returns the pillar that the minion has, or one top key of it, and does not ask the master.
    Example: reactor call web1 pillar.raw key=users`,
  args: { key: z.string().nullish().describe('a top key') },
  idempotent: true,
  run({ key }, context) {
    const value = currentOf(context)
    return key ? (value[key] ?? {}) : value
  },
})

const pick = (value: Readonly<Record<string, unknown>>, names: readonly string[]) =>
  Object.fromEntries(names.map(name => [name, lookup(value, name, '')]))

/** Throws `unreachable` where the minion was never given one: no value is known to be missing then. */
function currentOf({ pillar }: ExecutionContext): Readonly<Record<string, unknown>> {
  const { value, errors } = pillar.current()
  if (errors.length > 0 && Object.keys(value).length === 0) throw new ReactorError('unreachable', errors.join('; '))
  return value
}

async function pillarFor(context: ExecutionContext, envs: Envs): Promise<Readonly<Record<string, unknown>>> {
  return Object.keys(envs).length === 0 ? currentOf(context) : (await context.pillar.compile(envs)).value
}

type Envs = Pick<PillarRequest, 'saltenv' | 'pillarenv'>

/** Those that are given. Throws `bad_argument`. */
function envsOf(given: Readonly<Record<string, unknown>>): Envs {
  const named = Object.entries(given).filter(([, env]) => env !== undefined && env !== null)
  for (const [name, env] of named)
    if (typeof env !== 'string' || env === '')
      throw new ReactorError('bad_argument', `${name} must be the name of an environment, got ${JSON.stringify(env)}`)
  return Object.fromEntries(named)
}

function optionsOf(
  fun: string,
  options: Readonly<Record<string, unknown>>,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  const unknown = Object.keys(options).find(name => !known.includes(name))
  if (unknown === undefined) return options
  throw new ReactorError(
    'bad_argument',
    `${fun} has no argument '${unknown}', but ${known.join(', ')}.${didYouMean(unknown, known)}`,
  )
}
