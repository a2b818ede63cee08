// Who may meet whom: the one table from which the server's config, the users' permissions and the tests are made.
// Minions (FLEET) and operators (OPS) reach CORE only through these exports, which rewrite reply subjects: inside one
// account a publisher could aim a reply, and with it a stored event, at a subject that is another's.
import { originToken, userOrigin } from './origin.ts'
import { escapeId } from './token.ts'

export type Account = 'CORE' | 'FLEET' | 'OPS' | 'SYS'

export interface AccessRow {
  /** Subject below the namespace; `$`-subjects stand as they are. */
  subject: string
  kind: 'service' | 'stream'
  from: Account
  to: readonly Account[]
  /** The importer's identity goes with each request (`Nats-Request-Info`), written by the server. */
  share?: boolean
  /** Several answers to one request. */
  streamed?: boolean
  what: string
}

/** Answers later than the server's default of two minutes would be dropped; every service export allows this much. */
export const REPLY_THRESHOLD = '1h'

const EVENTS = 'event.>'

export const ACCESS: readonly AccessRow[] = [
  {
    subject: EVENTS,
    kind: 'service',
    from: 'CORE',
    to: ['FLEET', 'OPS'],
    what: 'fire an event; the answer is the ack of the stream',
  },
  { subject: 'grains.*', kind: 'service', from: 'CORE', to: ['FLEET'], share: true, what: 'grains of a minion' },
  { subject: 'beat.*', kind: 'service', from: 'CORE', to: ['FLEET'], share: true, what: 'heartbeat of a minion' },
  {
    subject: 'missed.*',
    kind: 'service',
    from: 'CORE',
    to: ['FLEET'],
    share: true,
    what: 'the jobs that a minion missed while it was away',
  },
  {
    subject: 'payload.*',
    kind: 'service',
    from: 'CORE',
    to: ['FLEET'],
    share: true,
    what: 'a part of a return that is larger than a message',
  },
  { subject: 'mine.*', kind: 'service', from: 'CORE', to: ['FLEET'], share: true, what: 'the mine, for a minion' },
  {
    subject: 'peer.*',
    kind: 'service',
    from: 'CORE',
    to: ['FLEET'],
    share: true,
    what: 'a job that a minion asks for on others',
  },
  { subject: 'job.*', kind: 'service', from: 'FLEET', to: ['CORE'], share: true, what: 'a job for one minion' },
  { subject: 'publish', kind: 'service', from: 'CORE', to: ['OPS'], share: true, what: 'start a job' },
  {
    subject: 'runner.>',
    kind: 'service',
    from: 'CORE',
    to: ['OPS'],
    share: true,
    streamed: true,
    what: 'call a runner function',
  },
  {
    subject: 'wheel.>',
    kind: 'service',
    from: 'CORE',
    to: ['OPS'],
    share: true,
    streamed: true,
    what: 'call a wheel function',
  },
  {
    subject: 'history.>',
    kind: 'service',
    from: 'CORE',
    to: ['OPS'],
    share: true,
    what: 'read stored events and jobs',
  },
  { subject: '$SRV.>', kind: 'service', from: 'CORE', to: ['OPS'], streamed: true, what: 'discover the services' },
  { subject: 'live.>', kind: 'stream', from: 'CORE', to: ['OPS'], what: 'every stored event, once' },
  {
    subject: 'decision.>',
    kind: 'stream',
    from: 'CORE',
    to: ['OPS'],
    what: 'every reaction and what became of it, once',
  },
]

/** A row's subject in a namespace. */
export const rowSubject = (ns: string, row: AccessRow): string =>
  row.subject.startsWith('$') ? row.subject : `${ns}.${row.subject}`

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

/** An operator: everything that OPS reaches, events under their own name. */
export function operatorPermissions(ns: string, name: string): Permissions {
  const rows = ACCESS.filter(row => row.to.includes('OPS'))
  const subjects = (kind: AccessRow['kind']) =>
    rows
      .filter(row => row.kind === kind)
      .map(row =>
        row.subject === EVENTS ? `${ns}.event.${ownTokens(originToken(userOrigin(name)), '>')}` : rowSubject(ns, row),
      )
  return { publish: subjects('service'), subscribe: [...subjects('stream'), `${operatorInbox(name)}.>`] }
}

/** `*` becomes one's own token; `>`, below which further tokens follow, one's own token and what follows it. */
const ownTokens = (token: string, wildcard: string): string => (wildcard === '>' ? `${token}.>` : token)

// Private inbox prefixes: nobody hears another's replies.
export const minionInbox = (id: string): string => `_INBOX_${escapeId(id)}`
export const operatorInbox = (name: string): string => `_INBOX_${originToken(userOrigin(name))}`
