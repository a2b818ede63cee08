// What `<ns>.history.job`, `.jobs`, `.reactions` and `.rules` may be asked. An unknown key, or a value that does not fit, is refused.
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { didYouMean } from '../base/suggest.ts'
import { isJid } from '../protocol/jid.ts'
import { JOB_KINDS } from '../protocol/job.ts'
import type { JobRequest, JobsRequest } from '../protocol/job-view.ts'
import { REACTION_STATES, type ReactionsRequest } from '../protocol/reaction-view.ts'
import { MAX_WAIT_S } from './wait.ts'

interface Rule {
  what: string
  fits(value: unknown): boolean
}

const isText = (value: unknown): boolean => typeof value === 'string' && !value.includes('\0')
const oneOrMore = (fits: (value: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) ? value.every(fits) : fits(value)
const isKind = (value: unknown): boolean => (JOB_KINDS as readonly unknown[]).includes(value)

const jid: Rule = { what: 'a jid of 20 digits', fits: isJid }
/** Each is tried on every job, and the worker does nothing else meanwhile. */
const MOST_GLOBS = 100
const LONGEST_GLOB = 1000
const isGlob = (value: unknown): boolean => isText(value) && (value as string).length <= LONGEST_GLOB
const globs: Rule = {
  what: `a glob, or a list of at most ${MOST_GLOBS}, of at most ${LONGEST_GLOB} characters each`,
  fits: value => oneOrMore(isGlob)(value) && (!Array.isArray(value) || value.length <= MOST_GLOBS),
}
const limit: Rule = {
  what: 'a whole number from 1 on',
  fits: value => Number.isSafeInteger(value) && (value as number) >= 1,
}
const flag: Rule = { what: 'true or false', fits: value => typeof value === 'boolean' }
const returner: Rule = {
  what: 'the name of a returner',
  fits: value => isText(value) && (value as string).length <= 100,
}
const time: Rule = {
  what: 'milliseconds since the epoch',
  fits: value => typeof value === 'number' && Number.isFinite(value),
}

const JOB: Record<keyof JobRequest, Rule> = {
  jid,
  wait: {
    what: `seconds from 0 to ${MAX_WAIT_S}`,
    fits: value => typeof value === 'number' && value >= 0 && value <= MAX_WAIT_S,
  },
  after: { what: 'the marker of an answer', fits: value => typeof value === 'string' && value.length <= 100 },
  ext_source: returner,
}
const JOBS: Record<keyof JobsRequest, Rule> = {
  fun: globs,
  tgt: globs,
  user: { what: 'the name of a user', fits: isText },
  metadata: { what: 'a map', fits: isObject },
  kind: {
    what: `one of ${JOB_KINDS.join(', ')}, or a list of them`,
    fits: value => oneOrMore(isKind)(value) && (!Array.isArray(value) || value.length <= JOB_KINDS.length),
  },
  since: time,
  until: time,
  active: flag,
  without_find_job: flag,
  limit,
  before: jid,
  ext_source: returner,
}
/** Each is a search of its own. */
const MOST_RULES = 100
const isState = (value: unknown): boolean => (REACTION_STATES as readonly unknown[]).includes(value)
const REACTIONS: Record<keyof ReactionsRequest, Rule> = {
  rule: {
    what: `the name of a rule, or a list of at most ${MOST_RULES}`,
    fits: value => oneOrMore(isText)(value) && (!Array.isArray(value) || value.length <= MOST_RULES),
  },
  state: { what: `one of ${REACTION_STATES.join(', ')}, or a list of them`, fits: oneOrMore(isState) },
  since: time,
  until: time,
  key: { what: 'the key of a reaction', fits: isText },
  limit,
  before: { what: 'the cursor of a page', fits: isText },
}

/** Throws `bad_argument`. */
export function checkJobRequest(request: unknown): JobRequest {
  const checked = check('history.job', request, JOB) as Partial<JobRequest>
  if (checked.jid === undefined)
    throw wrong('history.job', "the body must be a map {jid, wait?, after?, ext_source?}; 'jid' is missing")
  return checked as JobRequest
}

/** Throws `bad_argument`. */
export const checkJobsRequest = (request: unknown): JobsRequest => check('history.jobs', request, JOBS)

/** Throws `bad_argument`. */
export const checkReactionsRequest = (request: unknown): ReactionsRequest =>
  check('history.reactions', request, REACTIONS)

/** Throws `bad_argument`. */
export function checkRulesRequest(request: unknown): void {
  if (!isObject(request) || Object.keys(request).length > 0)
    throw wrong('history.rules', 'the body must be an empty map, or nothing')
}

function check(service: string, request: unknown, rules: Record<string, Rule>): Record<string, unknown> {
  const keys = Object.keys(rules)
  if (!isObject(request)) throw wrong(service, `the body must be a map of ${keys.join(', ')}`)
  for (const [key, value] of Object.entries(request)) {
    if (!Object.hasOwn(rules, key))
      throw wrong(service, `unknown key '${key}'; there are ${keys.join(', ')}.${didYouMean(key, keys)}`)
    if (!rules[key]!.fits(value))
      throw wrong(service, `'${key}' must be ${rules[key]!.what}, got ${JSON.stringify(value).slice(0, 80)}`)
  }
  return request
}

const wrong = (service: string, what: string): ReactorError => new ReactorError('bad_argument', `${service}: ${what}`)
