import { Svcm } from '@nats-io/services'
import { headers } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { provisionStreams } from '../../src/bus/provision.ts'
import { requestInfo } from '../../src/bus/requester.ts'
import { ACCESS, type AccessRow } from '../../src/protocol/access.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { type Accounts, type ActorName, startAccounts } from '../helpers/accounts.ts'
import { createSeen, within } from '../helpers/wait.ts'

let accounts: Accounts

beforeAll(async () => {
  accounts = await startAccounts()
  const { nc } = accounts.actors.core
  await provisionStreams(nc, 'reactor', DEFAULT_LIMITS)
  const answered = ACCESS.filter(
    row => row.kind === 'service' && row.from === 'CORE' && !OF_THE_SERVER.has(row.subject),
  )
  for (const { subject } of answered) {
    nc.subscribe(`reactor.${subject}`, {
      callback: (_, message) =>
        void message.respond(JSON.stringify({ from: message.subject, info: requestInfo(message.headers) ?? null })),
    })
  }
  await new Svcm(nc).add({ name: 'proof', version: '1.0.0' })
  await nc.flush()
  for (const id of ['m1', 'm2'] as const) {
    const minion = accounts.actors[id].nc
    minion.subscribe(`reactor.job.${id}`, {
      callback: (_, message) => void message.respond(JSON.stringify({ by: id, info: requestInfo(message.headers) })),
    })
    await minion.flush()
  }
})

afterAll(() => accounts?.stop())

/** Answered by the stream and by the services framework. */
const OF_THE_SERVER = new Set(['event.>', '$SRV.>'])
const serverId = () => accounts.actors.core.nc.info!.server_id

/** One actor of each account, and what each of them uses to try a row. */
const ACTOR = { CORE: 'core', FLEET: 'm1', OPS: 'admin', AUTH: 'callout' } as const
type Tried = keyof typeof ACTOR
/** The user of CORE that tests use may do anything there: a service may not. */
const REFUSED = { ...ACTOR, CORE: '_master' } as const
const ORIGIN: Record<Tried, string> = { CORE: '_master', FLEET: 'm1', OPS: '_user-admin', AUTH: '_master' }

/** Row → the subject that an account tries, and for streams what CORE stores so that there is something to hear. */
const CASES: Record<string, { try(account: Tried): string; store?: [subject: string, heardAs: string] }> = {
  'event.>': { try: account => `reactor.event.${ORIGIN[account]}.deploy.done` },
  'grains.*': { try: () => 'reactor.grains.m1' },
  'beat.*': { try: () => 'reactor.beat.m1' },
  'missed.*': { try: () => 'reactor.missed.m1' },
  'payload.*': { try: () => 'reactor.payload.m1' },
  'pillar.*': { try: () => 'reactor.pillar.m1' },
  'file.*': { try: () => 'reactor.file.m1' },
  'mine.*': { try: () => 'reactor.mine.m1' },
  'peer.*': { try: () => 'reactor.peer.m1' },
  'job.*': { try: () => 'reactor.job.m2' },
  publish: { try: () => 'reactor.publish' },
  'runner.>': { try: () => 'reactor.runner.test.arg' },
  'wheel.>': { try: () => 'reactor.wheel.config.values' },
  'history.>': { try: () => 'reactor.history.events' },
  '$SRV.>': { try: () => '$SRV.PING' },
  'live.>': { try: () => 'reactor.live.>', store: ['reactor.event._jobs.heard', 'reactor.live._jobs.heard'] },
  'decision.>': { try: () => 'reactor.decision.>', store: ['reactor.done.w1', 'reactor.decision.done.w1'] },
  '$SYS.REQ.SERVER.PING.CONNZ': { try: () => '$SYS.REQ.SERVER.PING.CONNZ' },
  '$SYS.REQ.SERVER.*.KICK': { try: () => '$SYS.REQ.SERVER.SERVER_ID.KICK' },
}

const caseOf = (row: AccessRow) => CASES[row.subject]!
const accountsFor = (row: AccessRow, allowed: boolean) =>
  (Object.keys(ACTOR) as Tried[]).filter(account =>
    allowed ? row.to.includes(account) : account !== row.from && !row.to.includes(account),
  )
const tries = (kind: AccessRow['kind'], allowed: boolean) =>
  ACCESS.filter(row => row.kind === kind).flatMap(row =>
    accountsFor(row, allowed).map(account => ({ row, account, subject: caseOf(row).try(account), name: row.subject })),
  )

it('has a case for every row of the table', () => {
  expect(Object.keys(CASES).sort()).toEqual(ACCESS.map(row => row.subject).sort())
})

describe('a service of the table', () => {
  it.each(tries('service', true))('answers $account on $name', async ({ account, subject, row }) => {
    const { nc, nkey } = accounts.actors[ACTOR[account]]
    const answer = (await nc.request(subject.replace('SERVER_ID', serverId()), '{}', { timeout: 30_000 })).json<
      Record<string, unknown>
    >()
    if (row.subject === 'event.>') expect(answer).toMatchObject({ stream: 'reactor_EVENTS', seq: expect.any(Number) })
    else if (row.subject === '$SRV.>') expect(answer).toMatchObject({ name: 'proof' })
    else if (row.from === 'SYS') expect(answer).toMatchObject({ server: { id: serverId() } })
    else expect(answer).toMatchObject({ info: row.share ? { acc: account, user: nkey } : null })
  })

  it.each(tries('service', false))('refuses $account on $name', async ({ account, subject }) => {
    expect(await accounts.actors[REFUSED[account]].refusedPublish(subject)).toBe(true)
  })
})

describe('a stream of the table', () => {
  it.each(tries('stream', true))('is heard, once, by $account on $name', async ({ account, subject, row }) => {
    const [stored, heardAs] = caseOf(row).store!
    const heard = createSeen<string>()
    const { nc } = accounts.actors[ACTOR[account]]
    const subscription = nc.subscribe(subject, { callback: (_, message) => heard.push(message.subject) })
    await nc.flush()
    const { core } = accounts.actors
    await core.nc.request(stored, '{}', { timeout: 30_000 })
    await heard.find(one => one === heardAs, heardAs)
    await core.nc.request(`${stored}.end`.replace('done.w1.end', 'done.end'), '{}', { timeout: 30_000 })
    await heard.find(one => one.endsWith('end'), 'the message after it')
    expect(heard.items.filter(one => one === heardAs)).toHaveLength(1)
    subscription.unsubscribe()
  })

  it.each(tries('stream', false))('refuses $account on $name', async ({ account, subject }) => {
    expect(await accounts.actors[REFUSED[account]].refusedSubscribe(subject)).toBe(true)
  })
})

describe('what no row gives', () => {
  const publishes: [ActorName, string][] = [
    ...[
      'event.m2.x',
      'event._master.salt.key',
      'event._user-admin.x',
      'event.*.x',
      'job.m2',
      'job.m1',
      'live.m1.x',
    ].map((subject): [ActorName, string] => ['m1', `reactor.${subject}`]),
    ...[
      'grains.m2',
      'beat.m2',
      'missed.m2',
      'payload.m2',
      'mine.m2',
      'pillar.m2',
      'pillar._jobs',
      'file.m2',
      'file._jobs',
      'peer.m2',
      'publish',
      'done.w1',
      'reaction.fast.r',
      'queue.ready.q.k',
      'jobs.20261120000000000000',
      'jobs.20261120000000000000.m1',
    ].map((subject): [ActorName, string] => ['m1', `reactor.${subject}`]),
    ...['event._master.x', 'event.m1.x', 'event._user-guest.x', 'event._user.x', 'job.m1', 'job.*', 'grains.m1'].map(
      (subject): [ActorName, string] => ['admin', `reactor.${subject}`],
    ),
    ...['live.m1.x', 'decision.done.w1', 'done.w1', 'parked.e.r', 'queue.ready.q.k'].map(
      (subject): [ActorName, string] => ['admin', `reactor.${subject}`],
    ),
    ...(['m1', 'admin'] as const).flatMap(who =>
      [
        '$JS.API.INFO',
        '$JS.API.STREAM.INFO.reactor_EVENTS',
        '$JS.API.STREAM.PURGE.reactor_EVENTS',
        '$JS.ACK.reactor_EVENTS.reactor_reactor.1.1.1.1.0',
        '$KV.reactor_rules.active',
        '$O.reactor_bundles.C.x',
        '$SYS.REQ.SERVER.PING',
        '_INBOX.any.1',
        '_INBOX_m2.any.1',
        '_R_.any.1',
      ].map((subject): [ActorName, string] => [who, subject]),
    ),
  ]
  it.each(publishes)('%s may not publish to %s', async (who, subject) => {
    expect(await accounts.actors[who].refusedPublish(subject)).toBe(true)
  })

  const subscribes: [ActorName, string][] = [
    ...['>', '*.>', 'reactor.>', 'reactor.*.m1', 'reactor.job.m2', 'reactor.job.*', 'reactor.live.>'].map(
      (subject): [ActorName, string] => ['m1', subject],
    ),
    ...['reactor.event.>', '_INBOX_m2.>', '_INBOX_*.>', '_INBOX.>', '_R_.>', '$JS.API.>', '$SYS.>', '$SRV.>'].map(
      (subject): [ActorName, string] => ['m1', subject],
    ),
    ...['>', 'reactor.>', 'reactor.event.>', 'reactor.job.*', 'reactor.publish', 'reactor.runner.>'].map(
      (subject): [ActorName, string] => ['admin', subject],
    ),
    ...['_INBOX__user-guest.>', '_INBOX.>', '_R_.>', '$JS.API.>', '$KV.>', '$SYS.>', '$SRV.>'].map(
      (subject): [ActorName, string] => ['admin', subject],
    ),
  ]
  it.each(subscribes)('%s may not subscribe to %s', async (who, subject) => {
    expect(await accounts.actors[who].refusedSubscribe(subject)).toBe(true)
  })

  it('a minion still hears its own jobs and its own replies', async () => {
    const { m1 } = accounts.actors
    expect(await m1.refusedSubscribe('reactor.job.m1')).toBe(false)
    expect(await m1.refusedSubscribe('_INBOX_m1.>')).toBe(false)
    expect(await m1.refusedPublish('reactor.event.m1.x')).toBe(false)
  })
})

describe('who asks', () => {
  const FORGED = JSON.stringify({ acc: 'CORE', user: 'root', name: 'root' })
  it.each([
    ['once', (name: string) => [[name, FORGED]]],
    [
      'twice',
      (name: string) => [
        [name, FORGED],
        [name, FORGED],
      ],
    ],
    [
      'between other headers',
      (name: string) => [
        ['A', '1'],
        [name, FORGED],
        ['B', '2'],
        [name, FORGED],
      ],
    ],
  ])('is said by the server, whatever an operator writes %s', async (_how, lines) => {
    const forged = headers()
    for (const [name, value] of lines('Nats-Request-Info')) forged.append(name!, value!)
    const { admin } = accounts.actors
    const answer = await admin.nc.request('reactor.runner.test.arg', '', { headers: forged, timeout: 30_000 })
    expect(answer.json()).toMatchObject({ info: { acc: 'OPS', user: admin.nkey } })
  })

  it('is not the name that a client gives to its connection', async () => {
    const { admin } = accounts.actors
    const answer = await admin.nc.request('reactor.runner.test.arg', '', { timeout: 30_000 })
    expect(answer.json()).toMatchObject({ info: { acc: 'OPS', user: admin.nkey } })
  })

  it('is not read from a header of another case', async () => {
    const { core } = accounts.actors
    const forged = headers()
    forged.set('nats-request-info', FORGED)
    const answer = await within(
      core.nc.request('reactor.publish', '', { headers: forged, timeout: 30_000 }),
      'the answer',
    )
    expect(answer.json()).toMatchObject({ info: null })
  })
})
