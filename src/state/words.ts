// The words that may stand among the arguments of a state and are none: what the run does with them, or why it refuses them.
import { nearest } from '../base/suggest.ts'
import type { FunctionDefinition } from '../functions/define.ts'
import { ANY_REQUISITES, type Chunk, REQUISITES } from './types.ts'

export const REQUISITE_WORDS: ReadonlySet<string> = new Set([...REQUISITES, ...ANY_REQUISITES])
/** Requisites that are declared at the other end: `require_in` of a state is a `require` of what it names. */
export const REQUISITE_IN_WORDS: ReadonlySet<string> = new Set(REQUISITES.map(word => `${word}_in`))
export const USE_WORDS: ReadonlySet<string> = new Set(['use', 'use_in'])

/** What the run of a state does. */
export const ENGINE_WORDS: ReadonlySet<string> = new Set([
  'check_cmd',
  'creates',
  'failhard',
  'fire_event',
  'onlyif',
  'order',
  'retry',
  'unless',
])

/** Salt's words that this version does not do, and what to write instead. A function may have an argument of that name. */
const REFUSED_WORDS: ReadonlyMap<string, string> = new Map([
  ['aggregate', 'give the list in one state'],
  ['cmd_opts_exclude', 'leave it out'],
  ['onfail_stop', 'leave it out'],
  ['parallel', 'states run one after another; leave it out'],
  ['prerequired', "write 'prereq' at the other state"],
  ['provider', 'leave it out: the machine decides'],
  ['reload_grains', 'call saltutil.refresh_grains and run the next states by themselves'],
  ['reload_modules', 'leave it out: there is nothing to load anew'],
  ['reload_pillar', 'call saltutil.refresh_pillar and run the next states by themselves'],
  ['runas', 'only functions that have such an argument run as another user'],
  ['runas_password', 'leave it out'],
  ['saltenv', 'put the state into an SLS of that environment'],
  ['umask', "give the 'mode'"],
  ...ANY_REQUISITES.map(word => [`${word}_in`, `write '${word}' at the other state`] as const),
])

/** What the compiler itself says of a chunk: no SLS can. */
export const OWN_WORDS = /^__|^(?:state|fun|name_order)$/

/** Why a function cannot be given this word, or undefined. */
export function refusedWord(word: string, fn: FunctionDefinition | undefined): string | undefined {
  if (fn && Object.hasOwn(fn.args, word)) return undefined
  return REFUSED_WORDS.get(word)
}

/** The word of a run that somebody meant; one that is lost would change when a state runs, so nothing is run. */
export function meantWord(word: string, fn: FunctionDefinition): string | undefined {
  if (isWord(word) || fn.extra !== undefined || Object.hasOwn(fn.args, word)) return undefined
  const meant = nearest(word, [
    ...Object.keys(fn.args),
    ...[...ENGINE_WORDS, ...REQUISITE_WORDS, ...REQUISITE_IN_WORDS],
  ])
  return meant !== undefined && !Object.hasOwn(fn.args, meant) ? meant : undefined
}

/** What ties a state to others; `use` does not carry it over, for what one state waits for says nothing of another. */
export const isRequisiteWord = (word: string): boolean =>
  REQUISITE_WORDS.has(word) || REQUISITE_IN_WORDS.has(word) || USE_WORDS.has(word)

const isWord = (word: string) => ENGINE_WORDS.has(word) || isRequisiteWord(word)

/** The arguments of the function: what is no word, and words that it has as arguments, such as `runas` of `cmd.run`. */
export function argumentsOf(chunk: Chunk, fn: FunctionDefinition): Record<string, unknown> {
  const own = (key: string) => Object.hasOwn(fn.args, key)
  return Object.fromEntries(Object.entries(chunk).filter(([key]) => !OWN_WORDS.test(key) && (own(key) || !isWord(key))))
}
