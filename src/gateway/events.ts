// The events that an accepted request becomes.
import type { IncomingHttpHeaders } from 'node:http'
import { scrubDeep } from '../alerts/secrets.ts'
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

const TAG = 'salt/netapi/hook'

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
    const { hook, path, headers, content } = accepted
    const tag = [TAG, ...path].join('/')
    if (hook.settings.kind === 'alertmanager') {
      const alerts = readAlerts(content.post)
      if (isRefusal(alerts)) return alerts
      return alerts.map(({ status, data, delivery }: AlertEvent) => ({
        tag: `${tag}/${status}`,
        data: clean(data),
        id: ids(hook.pattern, delivery),
      }))
    }
    const delivery = deliveryOf(accepted)
    if (isRefusal(delivery)) return delivery
    // Slack sends an old secret of its own in each body.
    const { token: _, ...withoutToken } = content.post
    const auth = hook.settings.auth
    const post = auth !== 'none' && auth.type === 'slack' ? withoutToken : content.post
    return [
      {
        tag,
        data: clean({ post, headers: hook.eventHeaders(headers), body: content.body }),
        id: delivery === undefined ? undefined : ids(hook.pattern, delivery),
      },
    ]
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
