// The events that an accepted request becomes.
import type { IncomingHttpHeaders } from 'node:http'
import { scrubDeep } from '../alerts/secrets.ts'
import { isObject, parseForeignJson } from '../base/json.ts'
import { alertReceived, hookReceived } from '../protocol/catalogue/webhooks.ts'
import { type AlertEvent, readAlerts } from './alertmanager.ts'
import type { Content } from './content.ts'
import type { EventIds } from './event-id.ts'
import type { Hook, Hooks } from './hook.ts'
import { isRefusal, type Refusal, refused } from './refusal.ts'

export interface HookEvent {
  tag: string
  data: Record<string, unknown>
  /** Undefined: nothing names this delivery, and each is an event of its own. */
  id: string | undefined
}

export interface Accepted {
  hook: Hook
  /** The segments behind `/hook`. */
  path: readonly string[]
  headers: IncomingHttpHeaders
  content: Content
  /** What the proof says names the request. */
  key: string | undefined
}

export function createEvents(hooks: Pick<Hooks, 'scrub' | 'holds'>, ids: EventIds) {
  /** Secrets of hooks that a sender put into what it says, where nobody looks for them. */
  const clean = (data: Record<string, unknown>): Record<string, unknown> =>
    hooks.holds(JSON.stringify(data)) ? (scrubDeep(data, hooks.scrub) as Record<string, unknown>) : data

  return (accepted: Accepted): HookEvent[] | Refusal => {
    const { hook, headers, content } = accepted
    const path = accepted.path.join('/')
    // Who signs says nothing of the path: one delivery sent to another path of its hook is the same one.
    const scope = accepted.key === undefined ? `/hook/${path}` : hook.pattern
    if (hook.settings.kind === 'alertmanager') {
      const alerts = readAlerts(content.post)
      if (isRefusal(alerts)) return alerts
      return alerts.map((alert: AlertEvent) => {
        const [tag, data] = alertReceived.of({ path, status: alert.status }, alert.data)
        return { tag, data: clean(data), id: ids(scope, alert.delivery) }
      })
    }
    const delivery = deliveryOf(accepted)
    if (isRefusal(delivery)) return delivery
    const auth = hook.settings.auth
    const post = auth !== 'none' && auth.type === 'slack' ? withoutSlackToken(content.post) : content.post
    const [tag, data] = hookReceived.of({ path }, { post, headers: hook.eventHeaders(headers), body: content.body })
    return [{ tag, data: clean(data), id: delivery === undefined ? undefined : ids(scope, delivery) }]
  }
}

/** Slack sends an old secret of its own in each body; where somebody has pressed a button, in JSON in a field of a form. */
function withoutSlackToken({ token: _, ...post }: Record<string, unknown>): Record<string, unknown> {
  if (typeof post.payload !== 'string') return post
  try {
    const payload = parseForeignJson(post.payload)
    return isObject(payload) && 'token' in payload
      ? { ...post, payload: JSON.stringify({ ...payload, token: undefined }) }
      : post
  } catch {
    return post
  }
}

/** What names the delivery: what the hook says, what its kind of sender has, or the proof itself. */
function deliveryOf({ hook, headers, content, key }: Accepted): string | undefined | Refusal {
  const given = hook.settings.delivery_id
  if (given && 'header' in given) {
    const value = headers[given.header]
    return typeof value === 'string' && value !== ''
      ? `header:${value}`
      : refused(400, 'invalid', `the header ${given.header}, which names the delivery, is missing`)
  }
  const field = given?.field ?? hook.auth.field
  const value = field !== undefined && Object.hasOwn(content.post, field) ? content.post[field] : undefined
  if ((typeof value === 'string' && value !== '') || typeof value === 'number') return `field:${value}`
  if (given)
    return refused(400, 'invalid', `the field ${given.field} of the body, which names the delivery, is missing`)
  return key === undefined ? undefined : `signed:${key}`
}
