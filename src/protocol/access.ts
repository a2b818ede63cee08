// Who may meet whom: the one table of what the accounts give each other, from which the server's config, the users'
// permissions (permissions.ts), the docs and the tests are made.
// Minions (FLEET) and operators (OPS) reach CORE only through these exports, which rewrite reply subjects: inside one
// account a publisher could aim a reply, and with it a stored event, at a subject that is another's.

export type Account = 'CORE' | 'FLEET' | 'OPS' | 'AUTH' | 'SYS'

export interface AccessRow {
  /** Subject below the namespace; `$`-subjects stand as they are. */
  subject: string
  /**
   * What the accounts export and import in its place: never a literal subject. The server delivers an answer to its reply
   * subject as if the asker's account had published it, and a literal import, unlike one with a wildcard, takes it there.
   */
  across?: string
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

/** The one row that names who speaks: the first token below it is the origin. */
export const EVENTS = 'event.>'

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
  {
    subject: 'pillar.*',
    kind: 'service',
    from: 'CORE',
    to: ['FLEET'],
    share: true,
    what: 'the pillar of a minion',
  },
  {
    subject: 'file.*',
    kind: 'service',
    from: 'CORE',
    to: ['FLEET'],
    share: true,
    what: 'files of file_roots, for a minion',
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
  { subject: 'publish', across: '*', kind: 'service', from: 'CORE', to: ['OPS'], share: true, what: 'start a job' },
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
  {
    subject: '$SYS.REQ.SERVER.PING.CONNZ',
    kind: 'service',
    from: 'SYS',
    to: ['AUTH'],
    streamed: true,
    what: 'list the connections, to find those of a key that is no longer let in',
  },
  {
    subject: '$SYS.REQ.SERVER.*.KICK',
    kind: 'service',
    from: 'SYS',
    to: ['AUTH'],
    what: 'cut a connection',
  },
]

/** What the accounts give each other by a row, in a namespace. */
export const acrossSubject = (ns: string, row: AccessRow): string =>
  rowSubject(ns, { ...row, subject: row.across ?? row.subject })

/** A row's subject in a namespace. */
export const rowSubject = (ns: string, row: AccessRow): string =>
  row.subject.startsWith('$') ? row.subject : `${ns}.${row.subject}`
