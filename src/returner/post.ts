// The store behind the returner `http`: records become requests, on connections that are kept.
import { Agent, request } from 'undici'
import { discard, readBody } from '../alerts/http-body.ts'
import { type Plan, planQuery } from '../alerts/http-plan.ts'
import { pickProfile } from '../alerts/pick-profile.ts'
import type { HttpProfile } from '../alerts/profiles.ts'
import { oneLine } from '../alerts/secrets.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { type ReturnerContext, type ReturnerStore, refused } from '../functions/define-returner.ts'
import { badSetting } from './bad-setting.ts'
import { createCalls, handOn, lastOfEach, returnKey } from './hand-on.ts'
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
/**
 * Answers from 400 to 499 that say nothing of the record: a wrong login or address (401, 404, 405, 407, 410) would be said of
 * every one, and the others ask for another try.
 */
const NOT_OF_THE_RECORD = new Set([401, 404, 405, 407, 408, 410, 425, 429])

/** Throws `bad_config`. */
export function openPost(options: PostOptions, { profiles }: ReturnerContext): ReturnerStore {
  const { url, method, headers, batch } = options
  const profile = badSetting('http', 'profile', () => pickProfile<HttpProfile>('http', options.profile, profiles.http))
  const timeout = options.timeout ?? profile?.timeout ?? DEFAULT_TIMEOUT
  const sameForAll = { redirects: 0, retries: 0, status: '2xx', decode: 'none', max_size: 0 } as const
  const plan = (json: unknown, key: string) =>
    planQuery({ url, method, headers, json, timeout, ...sameForAll }, profile, key)
  const { tls, timeoutMs } = badSetting('http', 'url', () => plan({}, 'none'))
  // The limit of the whole request covers headers and body.
  const agent = new Agent({
    connect: { ...tls, timeout: timeoutMs },
    ...{ connections: AT_ONCE, headersTimeout: 0, bodyTimeout: 0 },
  })
  const calls = createCalls()
  const post = async (json: unknown, key: string) => postPlan(plan(json, key), agent)

  const hand = async <T>(records: readonly T[], keyOf: (record: T) => string) => {
    const once = lastOfEach(records, keyOf)
    if (!batch) return handOn(once, AT_ONCE, record => post(record, keyOf(record)))
    if (once.length > 0) await post(once, once.map(keyOf).join(' '))
  }

  return {
    returner: returns => calls.hold(hand(returns, returnKey)),
    event_return: events => calls.hold(hand(events, ({ id }) => id)),
    async close() {
      await calls.ended()
      await agent.close()
    },
  }
}

async function postPlan(plan: Plan, dispatcher: Agent): Promise<void> {
  const { url, method, headers, body = null, scrub } = plan
  const place = `${method} ${plan.show(url)}`
  await withinTime(plan.timeoutMs, place, async signal => {
    try {
      const response = await request(url, { method, headers, body, dispatcher, signal })
      if (!plan.expected(response.statusCode)) throw await unwanted(place, plan, response)
      // The record is taken, whatever follows; read to its end, the connection can be used again.
      await response.body.dump().catch(() => discard(response.body))
    } catch (error) {
      if (error instanceof ReactorError) throw error
      throw new ReactorError('unreachable', oneLine(`${place} failed: ${scrub(errorMessage(error))}`))
    }
  })
}

type Response = Awaited<ReturnType<typeof request>>

async function unwanted(place: string, { scrub }: Plan, { statusCode, headers, body }: Response) {
  const encoding = [headers['content-encoding']].flat().join(', ')
  const { bytes } = await readBody(body, encoding, REFUSAL_BYTES)
  const words = oneLine(scrub(bytes.toString()))
  const message = `${place} answered ${statusCode}${words && `: ${words}`}`
  if (statusCode >= 300 && statusCode < 400)
    return new ReactorError('function_failed', `${message}; it is not followed: give the address it leads to`)
  if (statusCode >= 400 && statusCode < 500 && !NOT_OF_THE_RECORD.has(statusCode)) return refused(message)
  return new ReactorError('function_failed', message, { status: statusCode })
}
