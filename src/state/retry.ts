// `retry` of a state: how often, how long apart, and until which result.
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { didYouMean } from '../base/suggest.ts'

export interface Retry {
  until: boolean
  /** Calls of the function at most, the first included. */
  attempts: number
  /** Seconds between two of them, and up to so many more at random. */
  interval: number
  splay: number
}

const DEFAULT: Retry = { until: true, attempts: 2, interval: 30, splay: 0 }
/** A timer's longest wait is of 24 days. */
const MOST_SECONDS = 86_400

/** Undefined: it is not tried again. Throws `bad_argument`. */
export function readRetry(given: unknown): Retry | undefined {
  if (given === undefined || given === false || given === null) return undefined
  if (given === true) return DEFAULT
  const map = Array.isArray(given) && given.every(isObject) ? Object.assign({}, ...given) : given
  if (!isObject(map))
    throw refuse(`is ${JSON.stringify(given)}: give True, or a map of ${Object.keys(DEFAULT).join(', ')}`)
  for (const [key, value] of Object.entries(map)) {
    if (!Object.hasOwn(DEFAULT, key))
      throw refuse(
        `has no key '${key}': it has ${Object.keys(DEFAULT).join(', ')}.${didYouMean(key, Object.keys(DEFAULT))}`,
      )
    if (key === 'until') {
      if (typeof value !== 'boolean') throw refuse(`until is ${JSON.stringify(value)}, not True or False`)
    } else if (!isCount(value, key === 'attempts' ? 1 : 0))
      throw refuse(
        `${key} is ${JSON.stringify(value)}, not a number from ${key === 'attempts' ? 1 : 0} to ${MOST_SECONDS}`,
      )
  }
  return { ...DEFAULT, ...map }
}

const isCount = (value: unknown, least: number): boolean =>
  typeof value === 'number' && value >= least && value <= MOST_SECONDS && (least === 0 || Number.isInteger(value))

export const attemptComment = (attempt: number, result: string, comment: string): string =>
  `Attempt ${attempt}: Returned a result of "${result}", with the following comment: "${comment}"`

export const wouldRetry = ({ interval, splay, attempts, until }: Retry): string =>
  `The state would be retried every ${interval} seconds (with a splay of up to ${splay} seconds) a maximum of ${attempts} times or until a result of ${until ? 'True' : 'False'} is returned`

const refuse = (what: string) => new ReactorError('bad_argument', `retry ${what}`)
