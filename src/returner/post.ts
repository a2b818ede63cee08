// The store behind the returner `http`: records become requests, on connections that are kept.
import { Agent, request } from 'undici'
import { discard, readBody } from '../alerts/http-body.ts'
import { type Plan, planQuery } from '../alerts/http-plan.ts'
import { retryAfter } from '../alerts/http-status.ts'
import { pickProfile } from '../alerts/pick-profile.ts'
import type { HttpProfile } from '../alerts/profiles.ts'
import { oneLine } from '../alerts/secrets.ts'
import { formatDuration } from '../base/duration.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { type ReturnerContext, type ReturnerStore, refused } from '../functions/define-returner.ts'
import { badSetting } from './bad-setting.ts'
import { createCalls, handOn, handOnTogether } from './hand-on.ts'
import { createTaken, eventItem, type Item, returnItem } from './taken.ts'
import { withinTime } from './time-limit.ts'

export interface PostOptions {
  url?: string | undefined
  profile?: string | undefined
  method: 'POST' | 'PUT' | 'PATCH'
  headers?: Readonly<Record<string, string | number | boolean>> | undefined
  batch: boolean
  timeout?: string | number | undefined
}

const DEFAULT_TIMEOUT = '10s'
const AT_ONCE = 8
const REFUSAL_BYTES = 4096
/** How long the body of an answer is waited for: what the answer means is known by then. */
const BODY_WITHIN_MS = 1000
/** However long a server wants to be left alone: it may be wrong, or mended before. */
const LONGEST_REST_MS = 600_000
/**
 * Answers from 400 to 499 that say nothing of the record, because every one would get them: login, rights and payment, the address,
 * what all requests have in common; and those that ask for another try.
 */
const NOT_OF_THE_RECORD = new Set([401, 402, 403, 404, 405, 406, 407, 408, 410, 411, 415, 421, 423, 425, 426, 428, 429])

/** Throws `bad_config`. */
export function openPost(options: PostOptions, { profiles }: ReturnerContext): ReturnerStore {
  const { url, method, headers, batch } = options
  const profile = badSetting('http', 'profile', () => pickProfile<HttpProfile>('http', options.profile, profiles.http))
  const timeout = options.timeout ?? profile?.timeout ?? DEFAULT_TIMEOUT
  const sameForAll = { redirects: 0, retries: 0, status: '2xx', decode: 'none', max_size: 0 } as const
  const plan = (json: unknown, key: string) =>
    planQuery({ url, method, headers, json, timeout, ...sameForAll }, profile, key)
  const { tls, timeoutMs } = badSetting('http', 'url', () => plan({}, 'none'))
  // The limits below cover headers and body.
  const agent = new Agent({
    connect: { ...tls, timeout: timeoutMs },
    ...{ connections: AT_ONCE, headersTimeout: 0, bodyTimeout: 0 },
  })
  const calls = createCalls()
  const taken = createTaken()
  const rest = createRest()
  const post = async (json: unknown, key: string) => {
    rest.check()
    await postPlan(plan(json, key), agent).catch((error: unknown) => {
      rest.heed(error)
      throw error
    })
  }

  const hand = <T>(items: readonly Item<T>[]) =>
    batch
      ? handOnTogether(items, taken, left =>
          post(
            left.map(({ record }) => record),
            left.map(({ key }) => key).join(' '),
          ),
        )
      : handOn(items, taken, AT_ONCE, ({ key, record }) => post(record, key))

  return {
    returner: returns => calls.hold(() => hand(returns.map(returnItem))),
    event_return: events => calls.hold(() => hand(events.map(eventItem))),
    async close() {
      await calls.ended()
      await agent.close()
    },
  }
}

/** What a server that is too busy asks for by `Retry-After`: until then it gets no request. */
function createRest() {
  let untilMs = 0
  let asked = ''
  return {
    check() {
      const leftMs = untilMs - performance.now()
      if (leftMs > 0)
        throw new ReactorError('function_failed', `${asked}; the next request goes in ${formatDuration(leftMs)}`)
    },
    heed(error: unknown) {
      if (!(error instanceof ReactorError)) return
      const { status, retry_after_ms } = error.details
      // Of another status it is about the one request.
      if ((status !== 429 && status !== 503) || typeof retry_after_ms !== 'number') return
      untilMs = performance.now() + Math.min(retry_after_ms, LONGEST_REST_MS)
      asked = error.message
    },
  }
}

async function postPlan(plan: Plan, dispatcher: Agent): Promise<void> {
  const { url, method, headers, body = null, scrub } = plan
  const place = `${method} ${plan.show(url)}`
  const response = await withinTime(plan.timeoutMs, place, async signal => {
    try {
      return await request(url, { method, headers, body, dispatcher, signal })
    } catch (error) {
      throw new ReactorError('unreachable', oneLine(`${place} failed: ${scrub(errorMessage(error))}`))
    }
  })
  if (!plan.expected(response.statusCode)) throw await unwanted(place, plan, response)
  // The record is taken, whatever follows; read to its end, the connection can be used again.
  await withinTime(BODY_WITHIN_MS, place, () => response.body.dump()).catch(() => discard(response.body))
}

type Response = Awaited<ReturnType<typeof request>>

async function unwanted(place: string, { scrub }: Plan, { statusCode, headers, body }: Response) {
  const words = oneLine(scrub(await wordsOf(body, [headers['content-encoding']].flat().join(', '), place)))
  const message = `${place} answered ${statusCode}${words && `: ${words}`}`
  if (statusCode >= 300 && statusCode < 400)
    return new ReactorError('function_failed', `${message}; it is not followed: give the address it leads to`)
  const retry_after_ms = retryAfter([headers['retry-after']].flat()[0], Date.now())
  const isRefusal = statusCode >= 400 && statusCode < 500 && !NOT_OF_THE_RECORD.has(statusCode)
  // Who says when to come again refuses nothing for good.
  if (isRefusal && retry_after_ms === undefined) return refused(message)
  const details = { status: statusCode, ...(retry_after_ms === undefined ? {} : { retry_after_ms }) }
  return new ReactorError('function_failed', message, details)
}

/** What the server says of it; empty where that does not come or cannot be read. */
async function wordsOf(body: Response['body'], encoding: string, place: string): Promise<string> {
  try {
    const { bytes } = await withinTime(BODY_WITHIN_MS, place, () => readBody(body, encoding, REFUSAL_BYTES))
    return bytes.toString()
  } catch {
    discard(body)
    return ''
  }
}
