// The tries of one `http.query`: when one more is worth it, how long to wait before it, and what to say when none is.
import { Agent } from 'undici'
import { type Clock, systemClock } from '../base/clock.ts'
import { formatDuration } from '../base/duration.ts'
import { type Code, errorMessage, ReactorError } from '../base/errors.ts'
import type { CallContext } from '../functions/context.ts'
import { createDeadline } from './deadline.ts'
import { decodeBody } from './http-body.ts'
import { type Answer, exchange } from './http-exchange.ts'
import { type Plan, planQuery, type QueryArgs } from './http-plan.ts'
import { backoff, isRetryableError, isRetryableStatus, retryAfter } from './http-status.ts'
import { pickProfile } from './pick-profile.ts'
import type { HttpProfile } from './profiles.ts'
import { oneLine, scrubDeep } from './secrets.ts'

export interface QueryDeps {
  clock: Clock
  /** From 0 to 1, for the jitter of the waits. */
  random: () => number
}

interface Failure {
  code: Code
  message: string
  details: Record<string, unknown>
  retryable: boolean
  /** Milliseconds that the server asked for. */
  wait?: number | undefined
}

/**
 * Makes the request until it has an expected answer, `retries` are used up or the time is over. Resolves to
 * `{status, headers, body or dict, url, tries}`. Throws `bad_argument`, `function_failed`, `unreachable` or `timeout`.
 */
export async function runQuery(
  args: QueryArgs,
  profile: string | undefined,
  context: CallContext,
  { clock, random }: QueryDeps = { clock: systemClock, random: Math.random },
): Promise<Record<string, unknown>> {
  const plan = planQuery(args, pickProfile<HttpProfile>('http', profile, context.profiles.http), context.key)
  const due = clock.now() + plan.timeoutMs
  const deadline = createDeadline(context.signal, plan.timeoutMs)
  // The call's own deadline covers headers and body; the client's own limits would only end it earlier.
  const agent = new Agent({ connect: { ...plan.tls, timeout: plan.timeoutMs }, headersTimeout: 0, bodyTimeout: 0 })
  let tries = 0
  try {
    for (;;) {
      tries++
      const result = await attempt(plan, agent, deadline.signal, clock)
      if ('answer' in result) return { ...present(plan, result.answer), tries }
      const { code, message, details, retryable, wait = backoff(tries, random) } = result
      const failure = `${message}${tries > 1 ? `, after ${tries} tries` : ''}`
      if (!retryable || tries > plan.retries) throw new ReactorError(code, failure, { ...details, tries })
      if (clock.now() + wait >= due) {
        const late = `the next try would be in ${formatDuration(wait)}, past the time limit of ${formatDuration(plan.timeoutMs)}`
        throw new ReactorError(code, `${failure}; ${late}`, { ...details, tries })
      }
      context.log.debug({ tries, wait, problem: message }, 'http.query will try again')
      await clock.sleep(wait, deadline.signal)
    }
  } catch (error) {
    if (error instanceof ReactorError || !deadline.signal.aborted) throw error
    if (deadline.expired()) {
      const limit = formatDuration(plan.timeoutMs)
      throw new ReactorError('timeout', `${place(plan)} had no whole answer within ${limit} (try ${tries})`, { tries })
    }
    if (context.signal.reason instanceof ReactorError) throw context.signal.reason
    throw new ReactorError('function_failed', `${place(plan)}: stopped: ${errorMessage(context.signal.reason)}`)
  } finally {
    deadline.clear()
    await agent.destroy()
  }
}

async function attempt(
  plan: Plan,
  agent: Agent,
  signal: AbortSignal,
  clock: Clock,
): Promise<{ answer: Answer } | Failure> {
  try {
    const answer = await exchange(plan, agent, signal)
    return plan.expected(answer.status) ? { answer } : wrongStatus(plan, answer, clock.now())
  } catch (error) {
    if (error instanceof ReactorError || signal.aborted) throw error
    const retryable = isRetryableError(error)
    const message = oneLine(`${place(plan)} failed: ${plan.scrub(errorMessage(error))}`)
    return { code: isBadAnswer(error) ? 'function_failed' : 'unreachable', message, details: {}, retryable }
  }
}

function wrongStatus(plan: Plan, answer: Answer, now: number): Failure {
  const { status, headers, bytes, url } = answer
  const shown = plan.show(url)
  const words = Buffer.from(plan.scrub(bytes.toString())).subarray(0, 500).toString()
  const body = oneLine(words)
  return {
    code: 'function_failed',
    message: `${plan.method} ${shown} answered ${status}, expected ${plan.statusText}${body ? `: ${body}` : ''}`,
    details: { status, url: shown, body: words },
    retryable: isRetryableStatus(status),
    wait: retryAfter(headers['retry-after'], now),
  }
}

function present(plan: Plan, { status, headers, url, bytes }: Answer): Record<string, unknown> {
  const type = headers['content-type'] ?? ''
  const decode = plan.method === 'HEAD' || status === 204 ? 'none' : plan.decode
  const body = decodeBody(bytes, type, decode, plan.scrub, place(plan))
  return { status, headers: scrubDeep(headers, plan.scrub), ...body, url: plan.show(url) }
}

/** True where the server was reached and its answer makes no sense, as zlib or the HTTP parser says. */
function isBadAnswer(error: unknown): boolean {
  return !/^(E[A-Z]+|UND_ERR_(SOCKET|CONNECT_TIMEOUT)|ERR_TLS_.*|.*CERT.*|ERR_SSL_.*)$/.test(
    (error as { code?: string }).code ?? '',
  )
}

function place(plan: Plan): string {
  return `${plan.method} ${plan.show(plan.url)}`
}
