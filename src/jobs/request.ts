// What `<ns>.publish` may be asked, checked at the door.
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { didYouMean } from '../base/suggest.ts'
import { isJid } from '../protocol/jid.ts'
import type { PublishMessage } from '../protocol/job.ts'
import { RETURNING, type Returning, returningOf } from '../protocol/returning.ts'

/** A request with its defaults; times in milliseconds. */
export interface CheckedRequest extends Returning {
  tgt: string | string[]
  tgt_type: string
  fun: string
  arg: unknown[]
  kwarg: Record<string, unknown>
  jid?: string
  timeoutMs?: number
  runTimeoutMs?: number
  subset?: number
  metadata?: Record<string, unknown>
}

const isSeconds = (value: unknown) => typeof value === 'number' && value > 0 && Number.isFinite(value)
/** The server holds no record for much longer. */
const MOST_SECONDS = 366 * 86_400
const isListed = (tgt: unknown): tgt is string[] => Array.isArray(tgt) && tgt.every(id => typeof id === 'string')

/** What each key may hold; `tgt` and `fun` must be there. */
const KEYS: Readonly<Record<keyof PublishMessage, { what: string; fits(value: unknown): boolean }>> = {
  tgt: { what: 'a text or a list of ids', fits: value => typeof value === 'string' || isListed(value) },
  tgt_type: { what: 'a text', fits: value => typeof value === 'string' },
  fun: { what: 'module.function', fits: value => typeof value === 'string' && /^\w+(\.\w+)+$/.test(value) },
  arg: { what: 'a list', fits: Array.isArray },
  kwarg: { what: 'a map', fits: isObject },
  jid: { what: '20 digits', fits: isJid },
  timeout: { what: 'seconds', fits: isSeconds },
  run_timeout: { what: 'seconds', fits: isSeconds },
  subset: { what: 'a whole number from 1 on', fits: value => Number.isSafeInteger(value) && Number(value) >= 1 },
  metadata: { what: 'a map', fits: isObject },
  resolve: { what: 'true or false', fits: value => typeof value === 'boolean' },
  ...RETURNING,
}

/** Throws `bad_argument`, naming the key, what it must hold and what was there. `fun` may be missing where a target is only resolved. */
export function checkRequest(request: PublishMessage): CheckedRequest {
  const wrong = (what: string) => new ReactorError('bad_argument', `publish: ${what}`)
  for (const [key, value] of Object.entries(request)) {
    if (!Object.hasOwn(KEYS, key)) throw wrong(`unknown key '${key}'.${didYouMean(key, Object.keys(KEYS))}`)
    const { what, fits } = KEYS[key as keyof PublishMessage]
    if (value !== undefined && !fits(value))
      // What should have been a map of settings may be a text that holds a password.
      throw wrong(`'${key}' must be ${what}, got ${key === 'ret_kwargs' ? typeof value : JSON.stringify(value)}`)
  }
  for (const key of ['timeout', 'run_timeout'] as const)
    if ((request[key] ?? 0) > MOST_SECONDS)
      throw wrong(`'${key}' is ${MOST_SECONDS} seconds (a year) at most, got ${request[key]}`)
  for (const key of request.resolve ? (['tgt'] as const) : (['tgt', 'fun'] as const))
    if (request[key] === undefined) throw wrong(`'${key}' must be ${KEYS[key].what}, got nothing`)
  const returning = returningOf(request)
  for (const key of ['ret_config', 'ret_kwargs'] as const)
    if (request[key] && !returning.ret) throw wrong(`'${key}' is for returners: name them in 'ret'`)
  const { tgt, jid, timeout, run_timeout, subset, metadata } = request
  return {
    tgt,
    tgt_type: request.tgt_type ?? (isListed(tgt) ? 'list' : 'glob'),
    fun: request.fun,
    arg: request.arg ?? [],
    kwarg: request.kwarg ?? {},
    ...(jid === undefined ? {} : { jid }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
    ...(run_timeout === undefined ? {} : { runTimeoutMs: run_timeout * 1000 }),
    ...(subset === undefined ? {} : { subset }),
    ...(metadata === undefined ? {} : { metadata }),
    ...returning,
  }
}
