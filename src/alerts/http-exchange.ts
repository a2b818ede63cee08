// One try of an HTTP call: the request, the redirects it leads through, and the answer at their end.
import type { Readable } from 'node:stream'
import { type Dispatcher, request } from 'undici'
import { ReactorError } from '../base/errors.ts'
import { type Bytes, discard, readBody } from './http-body.ts'
import { type Headers, harmlessHeaders, shownHeaders, withoutBody } from './http-headers.ts'
import type { Method, Plan } from './http-plan.ts'
import { oneLine } from './secrets.ts'

// Enough of a refusal's body to show 500 bytes of it once secrets are out.
const REFUSAL_BYTES = 4096
const REDIRECTS = new Set([301, 302, 303, 307, 308])

export interface Answer {
  status: number
  headers: Headers
  /** Where it came from, after redirects. */
  url: URL
  bytes: Buffer
}

interface Step {
  url: URL
  method: Method
  headers: Headers
  body?: string
}

/** Rejects with undici's error where no whole answer came, with a ReactorError where the answer breaks a bound. */
export async function exchange(plan: Plan, dispatcher: Dispatcher, signal: AbortSignal): Promise<Answer> {
  let step: Step = plan
  for (let followed = 0; ; followed++) {
    const { url, method, headers, body } = step
    const response = await request(url, { method, headers, body: body ?? null, dispatcher, signal })
    const status = response.statusCode
    const shown = shownHeaders(response.headers)
    // A caller that expects a 3xx wants to see it.
    const next = !plan.expected(status) && REDIRECTS.has(status) ? shown.location : undefined
    if (next === undefined || plan.redirects === 0) {
      const isEmpty = method === 'HEAD' || status === 204 || status === 304
      return { status, headers: shown, url, bytes: await readAnswer(plan, response.body, status, shown, isEmpty) }
    }
    discard(response.body)
    if (followed === plan.redirects) {
      throw new ReactorError('function_failed', `${plan.show(plan.url)}: more than ${plan.redirects} redirects`)
    }
    step = follow(plan, step, status, next)
  }
}

async function readAnswer(plan: Plan, body: Readable, status: number, headers: Headers, isEmpty: boolean) {
  const wanted = plan.expected(status)
  if (wanted && plan.decode === 'none') {
    discard(body)
    return Buffer.alloc(0)
  }
  const limit = wanted ? plan.maxSize : REFUSAL_BYTES
  const read: Bytes = await readBody(body, isEmpty ? undefined : headers['content-encoding'], limit)
  if (wanted && read.cut) {
    throw new ReactorError(
      'function_failed',
      `${plan.show(plan.url)}: the answer is larger than ${plan.maxSize} bytes; raise max_size, or use decode=none`,
    )
  }
  return read.bytes
}

/** The next request as RFC 9110 and browsers have it; what may be a secret stays with the origin it was meant for. */
function follow(plan: Plan, from: Step, status: number, location: string): Step {
  if (!URL.canParse(location, from.url.href)) throw refuse(plan, from, 'to something that is no address')
  const url = new URL(location, from.url)
  url.username = ''
  url.password = ''
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refuse(plan, from, `to '${url.protocol}', which is not supported`)
  }
  if (from.url.protocol === 'https:' && url.protocol === 'http:') {
    throw refuse(plan, from, `from https to plain http (${plan.show(url)})`)
  }
  if (!plan.mayFollow(url))
    throw refuse(plan, from, `to ${plan.show(url)}, which the profile's allow_hosts does not have`)
  const headers = url.origin === from.url.origin ? from.headers : harmlessHeaders(from.headers)
  const becomesGet =
    (status === 303 && from.method !== 'HEAD') || ((status === 301 || status === 302) && from.method === 'POST')
  if (becomesGet) return { url, method: 'GET', headers: withoutBody(headers) }
  return { ...from, url, headers }
}

function refuse(plan: Plan, from: Step, where: string): ReactorError {
  return new ReactorError('function_failed', oneLine(`${plan.show(from.url)} redirects ${where}: not followed`))
}
