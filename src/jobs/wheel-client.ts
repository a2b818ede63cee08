// Calling a wheel function of the master from inside CORE, on behalf of a rule or a schedule.
import { headers as createHeaders, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { requestJson } from '../bus/request.ts'
import { HEADER } from '../protocol/event.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { FunctionCall, RunFunction } from './run-function.ts'

export type CallWheel = RunFunction

const WHEEL_TIMEOUT_MS = 60_000
const LIST_TIMEOUT_MS = 2000
/** A master that died has no answer; the next one knows the work by its key, and whether it may run again. */
const TRIES = 3

export function createWheelClient(nc: NatsConnection, subjects: Subjects, withinMs = WHEEL_TIMEOUT_MS): CallWheel {
  return async (call: FunctionCall) => {
    const { headers, body } = wheelRequest(call)
    const what = `wheel ${call.fun}`
    for (let tries = 1; ; tries++) {
      try {
        return await requestJson(nc, subjects.wheel(call.fun), body, { timeoutMs: withinMs, headers, what })
      } catch (error) {
        if (!(error instanceof ReactorError)) throw error
        if (error.code === 'unreachable') await refuseUnknown(nc, subjects, call.fun)
        if (error.code !== 'timeout' || !call.work || tries === TRIES) throw error
      }
    }
  }
}

/** A call as it goes to the master, with who asks and why in its headers. */
export function wheelRequest(call: Omit<FunctionCall, 'fun'>): { headers: MsgHdrs; body: unknown[] } {
  const headers = createHeaders()
  headers.set(HEADER.user, call.user)
  if (call.cause) headers.set(HEADER.cause, call.cause)
  if (call.hops) headers.set(HEADER.hops, String(call.hops))
  if (call.chain) headers.set(HEADER.chain, call.chain)
  if (call.work) {
    headers.set(HEADER.work, call.work.key)
    headers.set(HEADER.time, String(call.work.causeMs))
  }
  if (call.untrusted?.length) headers.set(HEADER.untrusted, JSON.stringify(call.untrusted))
  return { headers, body: [...call.arg, { __kwarg__: true, ...call.kwarg }] }
}

/** Nobody on the subject of one function, while a master is there: it has no such function, and waiting will not help. */
async function refuseUnknown(nc: NatsConnection, subjects: Subjects, fun: string): Promise<void> {
  const known = await requestJson<unknown>(nc, subjects.wheel('sys.list_functions'), [], {
    timeoutMs: LIST_TIMEOUT_MS,
    what: 'wheel sys.list_functions',
  }).catch(() => undefined)
  if (!Array.isArray(known) || known.includes(fun)) return
  throw new ReactorError('unknown_function', `'${fun}' is not available.${didYouMean(fun, known)}`, { fun })
}
