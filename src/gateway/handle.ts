// What becomes of one request: refused at the first thing that is wrong with it, or stored and then accepted.
import type { IncomingMessage } from 'node:http'
import { asReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Fire } from '../bus/fire.ts'
import type { GatewayConfig } from '../config/gateway-schema.ts'
import { requestReceived } from '../protocol/catalogue/webhooks.ts'
import { newEventId } from '../protocol/event.ts'
import { createAddressOf, isWithin, senderOf } from './address.ts'
import { announcedSize, readBody } from './body.ts'
import { FORM, type Kind, kindOf, readContent, unreadable } from './content.ts'
import type { EventIds } from './event-id.ts'
import { createEvents, type HookEvent } from './events.ts'
import type { Hook, Hooks } from './hook.ts'
import { createHooks } from './hooks.ts'
import { readPath } from './path.ts'
import { createRate } from './rate.ts'
import { isRefusal, type Refusal, type Result, refused, retryAfter } from './refusal.ts'

export interface Answer {
  status: number
  result: Result
  /** The hook as the config has it; empty where none was found. */
  hook: string
  body: Record<string, unknown>
  headers?: Readonly<Record<string, string>>
}

export interface HandleOptions {
  config: GatewayConfig
  hooks: Hooks
  ids: EventIds
  fire: Fire
  /** Milliseconds since 1970; and of a clock that nobody sets. */
  now(): number
  steady(): number
  log: Log
}

const STORE_AGAIN_S = 5
const JSON_ALONE: readonly Kind[] = ['json']
const TYPES: Record<Kind, string> = { json: 'application/json', form: FORM, text: 'text/plain' }

/** Resolves when all that has come to the process by now has been read: its events then go to the server in one write. */
function createEndOfTurn(): () => Promise<void> {
  let turn: Promise<void> | undefined
  return () => {
    turn ??= new Promise(resolve => {
      setImmediate(() => {
        turn = undefined
        resolve()
      })
    })
    return turn
  }
}

/** Never rejects. Undefined: the sender is gone. */
export function createHandle({ config, hooks, ids, fire, now, steady, log }: HandleOptions) {
  const find = createHooks(hooks.all)
  const addressOf = createAddressOf(config.trusted_proxies)
  const takeAddress = createRate(config.address_rate, steady)
  const eventsOf = createEvents(hooks, ids)
  const endOfTurn = createEndOfTurn()
  let storing = true

  const store = async (events: readonly HookEvent[]): Promise<{ ids: string[]; repeated: boolean } | Refusal> => {
    try {
      await endOfTurn()
      const deadlineMs = config.store_timeout
      const fired = await Promise.all(
        events.map(({ tag, data, id }) => fire(tag, data, { deadlineMs, ...(id === undefined ? {} : { id }) })),
      )
      if (!storing) log.info('events of webhooks are stored again')
      storing = true
      return { ids: fired.map(({ id }) => id), repeated: fired.length > 0 && fired.every(one => one.duplicate) }
    } catch (thrown) {
      const error = asReactorError(thrown)
      if (error.code === 'bad_event')
        return refused(413, 'too_large', 'its event would be larger, or its tag longer, than a message may be')
      if (storing) log.warn({ code: error.code }, `webhooks are answered with 503: ${error.message}`)
      storing = false
      return refused(503, 'unavailable', 'the event could not be stored; send it again', retryAfter(STORE_AGAIN_S))
    }
  }

  /** What can be told without the body. */
  const admit = (request: IncomingMessage, path: string[], hook: Hook, address: string): Refusal | undefined => {
    if (request.method !== 'POST') return refused(405, 'invalid', 'a hook takes POST', { allow: 'POST' })
    if (config.request_events && path[1] === 'hook')
      return refused(
        404,
        'invalid',
        'with request_events no path below /hook/hook is taken: its tag would be that of a hook',
      )
    if (hook.allow && !isWithin(hook.allow, address)) return refused(403, 'forbidden', 'this address may not send here')
    const early =
      unreadable(request.headers) ?? announcedSize(request, hook.maxBody) ?? hook.auth.early(request.headers)
    if (early) return early
    const kinds = hook.settings.kind === 'alertmanager' ? JSON_ALONE : hook.auth.kinds
    if (kinds && !kinds.includes(kindOf(request.headers)))
      return refused(415, 'invalid', `this hook takes ${kinds.map(kind => TYPES[kind]).join(' and ')}`)
    return undefined
  }

  const work = async (request: IncomingMessage, path: string[], hook: Hook, address: string) => {
    const early = admit(request, path, hook, address)
    if (early) return early
    const bytes = await readBody(request, hook.maxBody)
    if (bytes === undefined || isRefusal(bytes)) return bytes
    const proof = hook.auth.check(request.headers, bytes, now())
    if (isRefusal(proof)) return proof
    // Of those who may: others must not use it up.
    const wait = hook.take('')
    if (wait > 0) return refused(429, 'limited', 'more requests than this hook takes', retryAfter(wait))
    const content = readContent(request.headers, bytes)
    if (isRefusal(content)) return content
    const challenge = slackChallenge(hook, content.post)
    if (challenge !== undefined) return { status: 200, result: 'answered' as const, body: { challenge } }
    const events = eventsOf({ hook, path: path.slice(1), headers: request.headers, content, key: proof.key })
    if (isRefusal(events)) return events
    const [single] = events
    const id = hook.settings.kind === 'event' && single ? (single.id ?? newEventId()) : undefined
    if (single && id !== undefined) single.id = id
    if (config.request_events) events.push(requestEvent(path, hook, address, bytes.length, id))
    const stored = await store(events)
    if (isRefusal(stored)) return stored
    const count = config.request_events ? -1 : undefined
    const result = stored.repeated ? ('repeated' as const) : ('stored' as const)
    return { status: 202, result, body: id === undefined ? { events: stored.ids.slice(0, count) } : { event: id } }
  }

  return async (request: IncomingMessage): Promise<Answer | undefined> => {
    const peer = request.socket.remoteAddress ?? ''
    const forwarded = request.headers['x-forwarded-for']
    const address = addressOf(peer, Array.isArray(forwarded) ? forwarded.join(',') : forwarded)
    let hook: Hook | undefined
    const decide = async () => {
      const wait = takeAddress(senderOf(address))
      if (wait > 0) return refused(429, 'limited', 'more requests than one address may send', retryAfter(wait))
      // A line without a version is HTTP 0.9, which knows neither headers nor status.
      if (request.httpVersionMajor !== 1) return refused(505, 'invalid', 'HTTP/1.0 and HTTP/1.1 are spoken here')
      const path = readPath(request.url ?? '')
      if (isRefusal(path)) return path
      hook = find(path)
      if (!hook) return refused(404, 'invalid', 'there is no hook at this path')
      return work(request, path, hook, address)
    }
    const outcome = await decide().catch(error => {
      log.error({ error: asReactorError(error) }, 'a webhook could not be handled')
      return refused(500, 'unavailable', 'the gateway failed on this request')
    })
    if (outcome === undefined) return undefined
    const { status, result } = outcome
    const answer = { status, result, hook: hook?.pattern ?? '' }
    if (!isRefusal(outcome)) return { ...answer, body: outcome.body }
    // What a sender quotes of its answer, people find in the log.
    const id = newEventId()
    log.debug({ status, hook: answer.hook, address, request: id }, `a webhook was refused: ${outcome.error}`)
    return {
      ...answer,
      body: { error: outcome.quote ? `${outcome.error}: ${outcome.quote}` : outcome.error, request: id },
      ...(outcome.headers ? { headers: outcome.headers } : {}),
    }
  }
}

/** Slack asks once, signed, whether somebody is there. */
function slackChallenge({ settings: { auth } }: Hook, post: Record<string, unknown>): string | undefined {
  const asks = auth !== 'none' && auth.type === 'slack' && isObject(post) && post.type === 'url_verification'
  return asks && typeof post.challenge === 'string' ? post.challenge : undefined
}

function requestEvent(
  path: readonly string[],
  { pattern }: Hook,
  address: string,
  bytes: number,
  event: string | undefined,
): HookEvent {
  const [tag, data] = requestReceived.of(
    { path: path.slice(1).join('/') },
    { method: 'POST', path: `/${path.join('/')}`, hook: pattern, address, bytes, ...(event ? { event } : {}) },
  )
  return {
    ...{ tag, data },
    // A repeat of the delivery is a request, but nothing new.
    id: event === undefined ? undefined : `${event}-request`,
  }
}
