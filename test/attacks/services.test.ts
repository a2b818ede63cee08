// Somebody who has stolen the seed of a service, or of the callout: it does that service's work in CORE and nothing else.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromSeed } from '@nats-io/nkeys'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SERVICE_NAMES, type ServiceName } from '../../src/bus/server/identities.ts'
import { serviceInbox } from '../../src/protocol/inbox.ts'
import { bucketNames, streamNames } from '../../src/protocol/streams.ts'
import { type Attacker, attackWith, expectWell } from './attacker.ts'
import { type System, signed, startSystem } from './system.ts'

let system: System
const thieves = {} as Record<ServiceName | 'callout', Attacker>

const stolen = async (name: string) => {
  const seed = await readFile(join(system.dir, 'keys', `${name}.nk`), 'utf8')
  return fromSeed(new TextEncoder().encode(seed.trim()))
}
const asThief = async (name: string, inboxPrefix: string): Promise<NatsConnection> => {
  const pair = await stolen(name)
  return system.raw({ authenticator: nonce => signed(pair, nonce), inboxPrefix: `${inboxPrefix}.thief` })
}

beforeAll(async () => {
  system = await startSystem()
  for (const name of SERVICE_NAMES) thieves[name] = attackWith(await asThief(name, serviceInbox(`_${name}`)))
  thieves.callout = attackWith(await asThief('callout', '_INBOX'))
})
afterAll(() => system?.stop())

const JID = '20261120120000000000'
const STREAMS = Object.values(streamNames('reactor'))
const BUCKETS = bucketNames('reactor')
/** Buckets that each may write. */
const WRITES: Record<ServiceName, string[]> = {
  master: [
    BUCKETS.keys,
    BUCKETS.tokens,
    BUCKETS.users,
    BUCKETS.passwords,
    BUCKETS.minions,
    BUCKETS.pillars,
    BUCKETS.presence,
    BUCKETS.leases,
  ],
  reactor: [BUCKETS.rules, BUCKETS.windows, BUCKETS.leases, BUCKETS.alarms],
  jobs: [BUCKETS.rules, BUCKETS.alarms, BUCKETS.leases],
  schedule: [BUCKETS.schedules, BUCKETS.leases],
  cache: [BUCKETS.minions, BUCKETS.alarms],
  gateway: [],
}
const ALL_BUCKETS = [...new Set(Object.values(WRITES).flat())]
/** Streams that each may remove messages of: what waited and was settled, and what all have read. */
const PURGES: Partial<Record<ServiceName, (keyof ReturnType<typeof streamNames>)[]>> = {
  jobs: ['jobs', 'reactions', 'parked', 'queues'],
  cache: ['events'],
}
/** Subjects below the namespace that a service publishes on, which the others may not. */
const WORK: Record<string, ServiceName[]> = {
  'job.web1': ['jobs'],
  [`jobs.${JID}`]: ['jobs', 'master'],
  [`jobs.${JID}.web1`]: ['jobs'],
  'reaction.fast.x': ['reactor', 'schedule', 'jobs'],
  'reaction.slow.x': ['reactor', 'jobs'],
  'reaction.retry.x.y': ['jobs'],
  'done.w1': ['jobs', 'reactor'],
  'parked.x.y': ['reactor', 'jobs'],
  'queue.ready.q.k': ['jobs'],
  'queue.dead.q.k': ['jobs'],
  schedule: ['jobs'],
  'wheel.key.accept': ['jobs'],
  'wheel.user.add': ['jobs'],
  'runner.test.arg': ['gateway'],
  publish: ['gateway'],
  'history.events': ['jobs', 'gateway'],
  decide: ['jobs'],
  'pillar._jobs': ['jobs'],
  'pillar.web1': [],
  'file._jobs': ['jobs'],
  'file.web1': [],
  'grains.web1': [],
  'beat.web1': [],
  'live.web1.x': [],
  'decision.done.x': [],
}
/** Subjects that each may hear. */
const HEARS: Record<ServiceName, string[]> = {
  master: ['reactor.beat.*', 'reactor.wheel.>', 'reactor.pillar.*', 'reactor.file.*'],
  reactor: ['reactor.decide'],
  jobs: ['reactor.publish', 'reactor.runner.>', 'reactor.missed.*', 'reactor.peer.*', 'reactor.live.>'],
  schedule: ['reactor.schedule'],
  cache: ['reactor.grains.*', 'reactor.payload.*', 'reactor.mine.*', 'reactor.history.>'],
  gateway: ['reactor.live.>', 'reactor.decision.>'],
}
const ALL_HEARD = [
  ...new Set(Object.values(HEARS).flat()),
  ...[
    '>',
    '*.>',
    'reactor.>',
    'reactor.job.*',
    'reactor.job.web1',
    'reactor.event.>',
    'reactor.live.>',
    'reactor.decision.>',
  ],
  ...[
    '$SYS.>',
    '$SYS.REQ.USER.AUTH',
    '$JS.>',
    '$JS.API.>',
    '$KV.>',
    '$O.>',
    '_INBOX.>',
    '_INBOX_web1.>',
    '_INBOX__user-admin.>',
  ],
]

describe.each(SERVICE_NAMES)('with the seed of the service %s nobody', name => {
  const origin = `_${name}` as const
  const others = SERVICE_NAMES.filter(other => other !== name)
  const thief = () => thieves[name]
  const each = async (subjects: readonly string[], refused: (subject: string) => Promise<boolean>) => {
    const through: string[] = []
    for (const subject of subjects) if (!(await refused(subject))) through.push(subject)
    return through
  }
  const publishes = (subjects: readonly string[]) =>
    each(subjects, subject => thief().refusedPublish(subject, '{"data":{"forged":1}}'))

  it('fires events as another service, as a minion or as an operator', async () => {
    // As itself it may: that is the service's work.
    const ack = await thief().nc.request(`reactor.event.${origin}.theft`, '{"data":{}}', { timeout: 30_000 })
    expect(ack.json()).toMatchObject({ stream: 'reactor_EVENTS' })
    const subjects = [
      ...others.map(other => `reactor.event._${other}.salt.key`),
      ...['_callout', 'web1', 'evil', '_user-admin', '*'].map(token => `reactor.event.${token}.forged`),
    ]
    expect(await publishes(subjects)).toEqual([])
    expect(system.events.items.filter(({ data }) => data.forged === 1)).toEqual([])
  })

  it('does the work of another service', async () => {
    const subjects = Object.entries(WORK)
      .filter(([, who]) => !who.includes(name))
      .map(([subject]) => `reactor.${subject}`)
    expect(await publishes(subjects)).toEqual([])
  })

  it('writes keys, users, tokens, rules or minions that another service writes', async () => {
    const subjects = ALL_BUCKETS.filter(bucket => !WRITES[name].includes(bucket)).flatMap(bucket => [
      `$KV.${bucket}.evil`,
      `$JS.API.STREAM.PURGE.KV_${bucket}`,
    ])
    expect(await publishes(subjects)).toEqual([])
  })

  it('deletes, empties or makes streams and consumers, or acks what is given to another', async () => {
    const purges = (PURGES[name] ?? []).map(key => streamNames('reactor')[key])
    const subjects = [
      ...STREAMS.flatMap(stream => [
        `$JS.API.STREAM.DELETE.${stream}`,
        `$JS.API.STREAM.MSG.DELETE.${stream}`,
        `$JS.API.STREAM.RESTORE.${stream}`,
        // Who may change its settings can empty it, or have it copy another.
        ...(name === 'master' ? [] : [`$JS.API.STREAM.UPDATE.${stream}`]),
        `$JS.API.STREAM.SNAPSHOT.${stream}`,
        ...(purges.includes(stream) ? [] : [`$JS.API.STREAM.PURGE.${stream}`]),
      ]),
      ...ALL_BUCKETS.flatMap(bucket => [`$JS.API.STREAM.DELETE.KV_${bucket}`, `$JS.API.STREAM.UPDATE.KV_${bucket}`]),
      '$JS.API.STREAM.CREATE.evil',
      '$JS.API.STREAM.LIST',
      '$JS.API.STREAM.NAMES',
      '$JS.API.CONSUMER.DELETE.reactor_EVENTS.reactor_reactor',
      '$JS.API.CONSUMER.PAUSE.reactor_EVENTS.reactor_reactor',
      '$JS.API.CONSUMER.DELETE.reactor_EVENTS.reactor_cache',
      '$JS.API.CONSUMER.DELETE.reactor_REACTIONS.reactor_jobs_fast',
      '$JS.API.CONSUMER.DELETE.reactor_DONE.reactor_decisions',
      '$JS.API.CONSUMER.CREATE.reactor_EVENTS.evil',
      '$JS.API.CONSUMER.DURABLE.CREATE.reactor_EVENTS.evil',
      ...(name === 'reactor'
        ? []
        : [
            '$JS.API.CONSUMER.MSG.NEXT.reactor_EVENTS.reactor_reactor',
            '$JS.ACK.reactor_EVENTS.reactor_reactor.1.1.1.1.1',
          ]),
      ...(name === 'cache'
        ? []
        : [
            '$JS.API.CONSUMER.MSG.NEXT.reactor_DONE.reactor_decisions',
            '$JS.API.CONSUMER.CREATE.reactor_DONE.reactor_decisions',
            '$JS.API.CONSUMER.MSG.NEXT.reactor_EVENTS.reactor_cache',
            '$JS.ACK.reactor_EVENTS.reactor_cache.1.1.1.1.1',
          ]),
      ...(name === 'jobs'
        ? []
        : [
            '$JS.API.CONSUMER.MSG.NEXT.reactor_REACTIONS.reactor_jobs_fast',
            '$JS.API.CONSUMER.MSG.NEXT.reactor_QUEUES.reactor_queue_q',
            '$JS.API.CONSUMER.CREATE.reactor_QUEUES.evil',
            '$JS.API.CONSUMER.LIST.reactor_QUEUES',
            '$JS.ACK.reactor_QUEUES.reactor_queue_q.1.1.1.1.1',
          ]),
      // Who takes items takes no queue away.
      '$JS.API.CONSUMER.DELETE.reactor_QUEUES.reactor_queue_q',
      // Both follow the ledger.
      ...(name === 'jobs' || name === 'schedule' ? [] : ['$JS.API.CONSUMER.CREATE.reactor_DONE.x']),
    ]
    expect(await publishes(subjects)).toEqual([])
  })

  it('reads buckets of secrets that another service reads: passwords, tokens', async () => {
    const readers: Record<string, ServiceName[]> = {
      [BUCKETS.users]: ['master', 'jobs', 'cache'],
      [BUCKETS.tokens]: ['master'],
      [BUCKETS.keys]: ['master'],
      [BUCKETS.pillars]: ['master', 'jobs', 'cache'],
    }
    const subjects = Object.entries(readers)
      .filter(([, who]) => !who.includes(name))
      .flatMap(([bucket]) => [
        `$JS.API.DIRECT.GET.KV_${bucket}`,
        `$JS.API.DIRECT.GET.KV_${bucket}.$KV.${bucket}.evil`,
        `$JS.API.STREAM.MSG.GET.KV_${bucket}`,
        `$JS.API.CONSUMER.CREATE.KV_${bucket}.x`,
      ])
    expect(await publishes(subjects)).toEqual([])
  })

  it('hears what is for another: requests, jobs, answers, logins', async () => {
    const subjects = [
      ...ALL_HEARD.filter(heard => !HEARS[name].includes(heard)),
      ...others.map(other => `${serviceInbox(`_${other}`)}.>`),
    ]
    expect(await each(subjects, subject => thief().refusedSubscribe(subject))).toEqual([])
    expect(await each([`${serviceInbox(origin)}.mine`], subject => thief().refusedSubscribe(subject))).toHaveLength(1)
  })

  it('asks the server about others, cuts them off, or decides on logins', async () => {
    const subjects = [
      ...[
        '$SYS.REQ.SERVER.PING.CONNZ',
        '$SYS.REQ.SERVER.X.KICK',
        '$SYS.REQ.USER.AUTH',
        '$SYS._INBOX.x',
        '$SYS.REQ.ACCOUNT.CORE.CONNZ',
      ],
      '$SYS.REQ.CLAIMS.UPDATE',
    ]
    expect(await publishes(subjects)).toEqual([])
  })
})

describe('with the seed of the callout nobody', () => {
  it('reaches CORE: no event, job, key or operator', async () => {
    const thief = thieves.callout
    const subjects = [
      ...[
        'event._master.x',
        'event._callout.x',
        'publish',
        'runner.test.arg',
        'wheel.user.add',
        'job.web1',
        'history.events',
      ],
    ].map(subject => `reactor.${subject}`)
    for (const subject of [...subjects, '$KV.reactor_users.x', '$JS.API.INFO', '$SRV.PING', '$SYS.REQ.SERVER.PING'])
      expect(await thief.refusedPublish(subject), subject).toBe(true)
    for (const subject of ['>', 'reactor.>', '$SYS.>', 'reactor.live.>', '_INBOX__master.>'])
      expect(await thief.refusedSubscribe(subject), subject).toBe(true)
  })
})

describe('the seed that signs logins', () => {
  it('is nobody who logs in', async () => {
    const pair = await stolen('issuer')
    const login = system.raw({ authenticator: nonce => signed(pair, nonce), inboxPrefix: '_INBOX' })
    await expect(login).rejects.toThrow(/Authorization/)
  })
})

describe('the answer to a request of a stolen service, aimed at a minion', () => {
  it('is no job to it: minions take jobs alone that the server attests to come from CORE', async () => {
    const refused = () => system.lines.items.filter(({ msg }) => msg === 'a job was refused')
    for (const name of SERVICE_NAMES.filter(name => name !== 'jobs')) {
      const { nc } = thieves[name]
      const before = refused().length
      // To the server it is no publish of the thief on that subject.
      nc.publish(`reactor.event._${name}.theft`, '{"data":{}}', { reply: 'reactor.job.web1' })
      await system.lines.find(() => refused().length > before, `the refusal of what ${name} aimed at web1`)
    }
    for (const { reason } of refused()) expect(reason).toMatch(/its reply subject is not one that the server made/)
    await expectWell(system)
  })
})
