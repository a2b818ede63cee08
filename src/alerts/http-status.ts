// Which statuses an HTTP call wants, which ones are worth another try, and how long to wait before it.
import { ReactorError } from '../base/errors.ts'

export type StatusSpec = number | string | readonly (number | string)[]

const RETRYABLE = new Set([429, 500, 502, 503, 504])
const RETRYABLE_ERRORS = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
])
const FIRST_WAIT = 500
const LONGEST_WAIT = 10_000

/** A test of `200`, `2xx`, `200-204`, a comma list or a list of these. Throws `bad_argument`. */
export function parseStatus(spec: StatusSpec): (status: number) => boolean {
  const words = [spec].flat().flatMap(word => String(word).split(','))
  const ranges = words.map(word => parseRange(word.trim()))
  return status => ranges.some(([low, high]) => status >= low && status <= high)
}

function parseRange(word: string): readonly [number, number] {
  const parts = /^(?:([1-5])xx|([1-5]\d\d)(?:-([1-5]\d\d))?)$/i.exec(word)
  if (!parts) {
    throw new ReactorError('bad_argument', `status: '${word}' is no HTTP status; write 200, 2xx, 200-204 or a list`)
  }
  const [, hundred, low, high] = parts
  if (hundred) return [Number(hundred) * 100, Number(hundred) * 100 + 99]
  return [Number(low), Number(high ?? low)]
}

export function isRetryableStatus(status: number): boolean {
  return RETRYABLE.has(status)
}

/** True for errors of the connection; a bad certificate or a bad answer will be no better next time. */
export function isRetryableError(error: unknown): boolean {
  return RETRYABLE_ERRORS.has((error as { code?: string }).code ?? '')
}

/** Milliseconds before try number `tries + 1`: doubling from 0.5 s to 10 s, of which the upper half is random. */
export function backoff(tries: number, random: () => number): number {
  const whole = Math.min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT)
  return Math.round(whole / 2 + (whole / 2) * random())
}

/** Milliseconds that a `Retry-After` asks for, in seconds or as a date; `undefined` where it says nothing usable. */
export function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  if (/^\d+$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
