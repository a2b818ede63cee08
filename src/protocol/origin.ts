// Who published an event: a minion, a service of the program, or an operator. It stands in the subject, as one token.
import { ReactorError } from '../base/errors.ts'
import { escapeId, escapeToken, unescapeId, unescapeToken } from './token.ts'

export const SERVICES = ['_master', '_reactor', '_jobs', '_schedule', '_cache', '_gateway'] as const
export type ServiceOrigin = (typeof SERVICES)[number]

export type Origin =
  | { kind: 'minion'; id: string }
  | { kind: 'service'; id: ServiceOrigin }
  /** An operator or a foreign client; `id` is its name. */
  | { kind: 'user'; id: string }

export const minionOrigin = (id: string): Origin => ({ kind: 'minion', id })
export const serviceOrigin = (id: ServiceOrigin): Origin => ({ kind: 'service', id })
export const userOrigin = (id: string): Origin => ({ kind: 'user', id })

/** The subject token of an origin. */
export function originToken(origin: Origin): string {
  if (origin.kind === 'service') return origin.id
  return origin.kind === 'user' ? `_user-${escapeToken(origin.id)}` : escapeId(origin.id)
}

/** Reads the token back. Throws `bad_event` on a `_name` that is no service. */
export function parseOrigin(token: string): Origin {
  if (!token.startsWith('_')) return minionOrigin(unescapeId(token))
  if (token.startsWith('_user-')) return userOrigin(unescapeToken(token.slice(6)))
  const service = SERVICES.find(name => name === token)
  if (service) return serviceOrigin(service)
  throw new ReactorError(
    'bad_event',
    `'${token}' is no origin: services are ${SERVICES.join(', ')}, operators _user-<name>`,
  )
}

/**
 * The origin as rules, logs and people see it: a minion's id, `_master`, `_user-root`. A minion's id that begins with
 * `_` or `=` keeps its escaped form here, so that it cannot be read as a service or as another minion.
 */
export function formatOrigin(origin: Origin): string {
  if (origin.kind === 'service') return origin.id
  if (origin.kind === 'user') return `_user-${origin.id}`
  return /^[_=]/.test(origin.id) ? escapeId(origin.id) : origin.id
}

/** Of a service of the program, as `formatOrigin` writes it: what such an event says of its causes is so. */
export const isOfService = (text: string): boolean => text.startsWith('_') && !text.startsWith('_user-')

/** Reads what `formatOrigin` wrote. Throws `bad_event` on a `_name` that is no service. */
export function readOrigin(text: string): Origin {
  if (text.startsWith('_user-')) return userOrigin(text.slice(6))
  return text.startsWith('_') ? parseOrigin(text) : minionOrigin(text.startsWith('=') ? unescapeId(text) : text)
}
