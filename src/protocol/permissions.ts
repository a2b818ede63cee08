// What one user of each account may publish and hear: minions and operators get their part of the table in access.ts,
// narrowed to their own name; services of CORE are in service-permissions.ts.
import { ACCESS, type AccessRow, EVENTS, rowSubject } from './access.ts'
import { grantSubject } from './grant-subject.ts'
import { minionInbox, operatorInbox } from './inbox.ts'
import { originToken, userOrigin } from './origin.ts'
import type { Grants } from './role.ts'
import { escapeId } from './token.ts'

/** As a user of the server's config or of a JWT has them; what is not named is refused. */
export interface Permissions {
  publish: string[]
  subscribe: string[]
  /** Replies it may send to requests it has received. */
  responses?: { max: number; expires: string }
}

/** A minion: of what FLEET reaches and serves, that which bears its own name; its own replies. */
export function minionPermissions(ns: string, id: string): Permissions {
  const own = (row: AccessRow) => rowSubject(ns, row).replace(/[*>]$/, wildcard => ownTokens(escapeId(id), wildcard))
  return {
    publish: ACCESS.filter(row => row.to.includes('FLEET')).map(own),
    subscribe: [...ACCESS.filter(row => row.from === 'FLEET').map(own), `${minionInbox(id)}.>`],
    responses: { max: 1, expires: '1m' },
  }
}

/**
 * An operator: every service that OPS reaches, which asks for itself what its requester may do; events under their own name
 * with tags of `fire`; stored events with tags of `read`, and every decision where they may read every event, for it shows
 * what a rule filled in. Throws `bad_config` on a glob of tags that no subject says.
 */
export function operatorPermissions(ns: string, name: string, { fire, read }: Grants): Permissions {
  const rows = ACCESS.filter(row => row.to.includes('OPS'))
  const services = rows.filter(row => row.kind === 'service' && row.subject !== EVENTS).map(row => rowSubject(ns, row))
  const own = `${ns}.event.${originToken(userOrigin(name))}`
  const readable = patterns(read)
  return {
    publish: [...patterns(fire).map(pattern => `${own}.${pattern}`), ...services],
    subscribe: [
      ...(readable.includes('>')
        ? [`${ns}.live.>`, `${ns}.decision.>`]
        : readable.map(pattern => `${ns}.live.*.${pattern}`)),
      `${operatorInbox(name)}.>`,
    ],
  }
}

/** The auth callout, alone in AUTH: logins to decide on, and what AUTH takes from SYS. */
export function calloutPermissions(): Permissions {
  return {
    // Answers to logins by name, and not by `allow_responses`: the server would look through thousands of open ones at each.
    publish: [...ACCESS.filter(row => row.to.includes('AUTH')).map(row => row.subject), '$SYS._INBOX.>'],
    subscribe: ['$SYS.REQ.USER.AUTH', '_INBOX.>'],
  }
}

const patterns = (globs: readonly string[]): string[] => {
  const all = [...new Set(globs.flatMap(grantSubject))]
  return all.includes('>') ? ['>'] : all
}

/** `*` becomes one's own token; `>`, below which further tokens follow, one's own token and what follows it. */
const ownTokens = (token: string, wildcard: string): string => (wildcard === '>' ? `${token}.>` : token)
