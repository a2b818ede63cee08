// The two ends of a request: the body as arguments, the answer as JSON or as the NATS services framework's error.
import { errors, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import { type Code, ERROR_CODES, errorMessage, ReactorError } from '../base/errors.ts'
import { isObject, parseForeignJson } from '../base/json.ts'

export interface Arguments {
  arg: unknown[]
  kwarg: Record<string, unknown>
}

/**
 * A JSON object holds named arguments, an array positional ones (and, as in Salt, named ones in a last map that is marked
 * with `__kwarg__: true`), an empty body none. Throws `bad_argument`.
 */
export function parseArguments(text: string): Arguments {
  if (text.trim() === '') return { arg: [], kwarg: {} }
  const value = parseJson(text)
  if (Array.isArray(value)) return splitKwarg(value)
  if (isObject(value)) return { arg: [], kwarg: value }
  throw new ReactorError(
    'bad_argument',
    `the request's body must be a JSON object (named arguments), an array (positional ones) or empty; got ${text.slice(0, 60)}`,
  )
}

function splitKwarg(list: unknown[]): Arguments {
  const last = list.at(-1)
  if (!isObject(last) || last.__kwarg__ !== true) return { arg: list, kwarg: {} }
  const { __kwarg__: _mark, ...kwarg } = last
  return { arg: list.slice(0, -1), kwarg }
}

export function parseJson(text: string): unknown {
  try {
    return parseForeignJson(text)
  } catch (error) {
    throw new ReactorError('bad_argument', `the request's body is no JSON: ${errorMessage(error)}`)
  }
}

/** Why a request had no answer: nobody listens on its subject, the time was up, or something else. */
export function requestFailure(error: unknown): 'nobody' | 'late' | 'other' {
  if (error instanceof errors.NoRespondersError) return 'nobody'
  if (error instanceof errors.RequestError && error.isNoResponders()) return 'nobody'
  return error instanceof errors.TimeoutError ? 'late' : 'other'
}

/** Asks a service and gives back its JSON. Throws the service's own error, `unreachable` or `timeout`. */
export async function requestJson<T>(
  nc: NatsConnection,
  subject: string,
  body: unknown,
  options: { timeoutMs: number; headers?: MsgHdrs; what: string },
): Promise<T> {
  let reply: Awaited<ReturnType<NatsConnection['request']>>
  try {
    reply = await nc.request(subject, JSON.stringify(body), {
      timeout: options.timeoutMs,
      ...(options.headers ? { headers: options.headers } : {}),
    })
  } catch (error) {
    const failure = requestFailure(error)
    if (failure === 'nobody')
      throw new ReactorError('unreachable', `${options.what}: nobody answers on '${subject}'; is that process running?`)
    if (failure === 'late')
      throw new ReactorError('timeout', `${options.what}: no answer within ${options.timeoutMs / 1000} s`)
    throw new ReactorError('unreachable', `${options.what}: ${errorMessage(error)}`)
  }
  const problem = reply.headers?.get('Nats-Service-Error')
  const answer = parseJson(reply.string() || 'null')
  if (!problem) return answer as T
  const error = isObject(answer) && isObject(answer.error) ? answer.error : {}
  const code = String(error.code)
  throw new ReactorError(code in ERROR_CODES ? (code as Code) : 'function_failed', String(error.message ?? problem))
}
