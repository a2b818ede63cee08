// The two ends of a request: the body as arguments, the answer as JSON or as the NATS services framework's error.
import { errors, type Msg, type MsgHdrs, type NatsConnection, PermissionViolationError } from '@nats-io/transport-node'
import { type Code, ERROR_CODES, errorMessage, ReactorError } from '../base/errors.ts'
import { isObject, parseForeignJson } from '../base/json.ts'
import { HEADER } from '../protocol/event.ts'
import type { PayloadRef } from '../protocol/job.ts'
import { collectPayload, PAYLOAD_HEADER, type PayloadRequest } from '../protocol/payload.ts'
import { createSubjects } from '../protocol/subject.ts'

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

const isPermission = (error: unknown): boolean =>
  error instanceof PermissionViolationError ||
  (error instanceof errors.RequestError && error.cause instanceof PermissionViolationError)

export interface AskOptions {
  timeoutMs: number
  headers?: MsgHdrs
  /** What is asked, for errors. */
  what: string
  /** Called where the answer is the return of a function that has failed. */
  onFailed?: () => void
}

/**
 * Asks a service and gives back its JSON; an answer larger than a message is fetched from where it is stored. Throws the
 * service's own error, `unreachable`, `timeout`, and `not_found` or `damaged_payload` where it is not there whole.
 */
export async function requestJson<T>(
  nc: NatsConnection,
  subject: string,
  body: unknown,
  options: AskOptions,
): Promise<T> {
  const reply = await ask(nc, subject, body, options)
  if (reply.headers?.get(HEADER.failed)) options.onFailed?.()
  const stored = reply.headers?.get(PAYLOAD_HEADER)
  if (!stored) return parseJson(reply.string() || 'null') as T
  const ns = subject.slice(0, subject.indexOf('.'))
  return (await fetchPayload(nc, ns, parseJson(stored) as PayloadRef, options)) as T
}

/** Asks a service that answers with bytes as they are. Throws as `requestJson` does. */
export async function requestBytes(
  nc: NatsConnection,
  subject: string,
  body: unknown,
  options: AskOptions,
): Promise<Uint8Array> {
  return (await ask(nc, subject, body, options)).data
}

/** Fetches a value by the ref under whose name it is stored. Throws as `requestJson` does. */
export function fetchPayload(
  nc: NatsConnection,
  ns: string,
  ref: PayloadRef,
  options: Omit<AskOptions, 'headers'>,
): Promise<unknown> {
  const { historyPayload } = createSubjects(ns)
  return collectPayload(ref, async part => {
    const request: PayloadRequest = { name: ref.name, part }
    return (await ask(nc, historyPayload, request, options)).data
  })
}

const SERVED_BY_MASTER = new Set(['wheel', 'pillar', 'file'])
const SERVED_BY_JOBS = new Set(['publish', 'runner', 'missed', 'peer'])

/** The command of the process that answers on a subject. */
function answering(subject: string): string {
  const service = subject.split('.')[1] ?? ''
  if (SERVED_BY_MASTER.has(service)) return 'reactor master'
  if (service === 'decide') return 'reactor react'
  if (service === 'schedule') return 'reactor worker schedule'
  return SERVED_BY_JOBS.has(service) ? 'reactor worker jobs' : 'reactor worker cache'
}

/** One request and its answer, which is not an error. */
async function ask(nc: NatsConnection, subject: string, body: unknown, options: AskOptions): Promise<Msg> {
  let reply: Msg
  try {
    reply = await nc.request(subject, JSON.stringify(body), {
      timeout: options.timeoutMs,
      ...(options.headers ? { headers: options.headers } : {}),
    })
  } catch (error) {
    const failure = requestFailure(error)
    if (failure === 'nobody')
      throw new ReactorError(
        'unreachable',
        `${options.what}: nobody answers on '${subject}'; is '${answering(subject)}' running?`,
      )
    if (failure === 'late')
      throw new ReactorError('timeout', `${options.what}: no answer within ${options.timeoutMs / 1000} s`)
    if (isPermission(error))
      throw new ReactorError('forbidden', `${options.what}: the NATS server does not let you: ${errorMessage(error)}`)
    throw new ReactorError('unreachable', `${options.what}: ${errorMessage(error)}`)
  }
  const problem = reply.headers?.get('Nats-Service-Error')
  if (!problem) return reply
  const answer = parseJson(reply.string() || 'null')
  const error = isObject(answer) && isObject(answer.error) ? answer.error : {}
  const code = String(error.code)
  throw new ReactorError(code in ERROR_CODES ? (code as Code) : 'function_failed', String(error.message ?? problem))
}
