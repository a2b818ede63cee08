// What each service may do inside CORE: the one table from which its NATS permissions, the docs and the tests are made. Every
// service fires events under its own origin only, hears answers to its own requests only, and makes the streams of the
// program exist; what is not said here is refused. The server does not check reply subjects inside one account: that keeps a
// service to its work, and does not make its stolen key harmless.
import { serviceInbox } from './inbox.ts'
import {
  consumed,
  followed,
  got,
  kv,
  lookedAt,
  migrated,
  objects,
  owned,
  present,
  purged,
  readBy,
  returnedBy,
  worked,
} from './jetstream-subjects.ts'
import type { ServiceOrigin } from './origin.ts'
import type { Permissions } from './permissions.ts'
import { returnerNames } from './returner-consumers.ts'
import { bucketNames, consumerNames, streamNames, WINDOW_READERS } from './streams.ts'

type Stream = keyof ReturnType<typeof streamNames>
type ObjectBucket = 'bundles' | 'payloads'
type Bucket = Exclude<keyof ReturnType<typeof bucketNames>, ObjectBucket>
const DURABLES = ['reactor', 'cache', 'decisions', 'fast', 'slow'] as const
type Durable = (typeof DURABLES)[number]
/**
 * `get`: single messages and batches; `follow`: all of it; `fold`: all of it, as a leader of stateful rules does; `return`: all of
 * it, for stores of job results and events; `returners`: sees how far the consumers of those are; `purge`: removes messages; `work`: takes its messages by consumers that it makes, as the one
 * service that does; `take`: consumes by that durable consumer; `look`: sees how far it is.
 */
type StreamRight =
  | 'get'
  | 'follow'
  | 'fold'
  | 'return'
  | 'returners'
  | 'purge'
  | 'work'
  | { take: Durable }
  | { look: Durable }

export interface ServiceRights {
  what: string
  /** Subjects below the namespace that it publishes or requests on, beside its events. */
  publish: string[]
  /** Subjects below the namespace that it hears. */
  subscribe: string[]
  streams: Partial<Record<Stream, StreamRight[]>>
  buckets: Partial<Record<Bucket, 'read' | 'write'>>
  /** Object stores that it reads and writes. */
  objects: ObjectBucket[]
  /** It answers requests: of operators and minions, and of these services. */
  answers?: ServiceOrigin[]
  /** It changes the settings of streams: who may can have any of them keep nothing. */
  migrates?: true
}

/** `refused`: what is not its own among all that `publish` names. */
export type ServicePermissions = Permissions & { refused: string[] }

export const SERVICE_RIGHTS: Readonly<Record<ServiceOrigin, ServiceRights>> = {
  _master: {
    what: 'keys, join tokens and operators; presence; pillar and files; wheel functions',
    publish: ['jobs.*'],
    subscribe: ['beat.*', 'wheel.>', 'pillar.*', 'file.*'],
    streams: { jobs: ['get'], events: ['get'] },
    buckets: {
      keys: 'write',
      tokens: 'write',
      users: 'write',
      passwords: 'write',
      minions: 'write',
      pillars: 'write',
      presence: 'write',
      leases: 'write',
    },
    objects: ['payloads'],
    answers: ['_jobs'],
    migrates: true,
  },
  _reactor: {
    what: 'decides on every event by the rules',
    publish: ['reaction.fast.*', 'reaction.slow.*', 'parked.*.*', 'done.*'],
    subscribe: ['decide'],
    streams: { events: [{ take: 'reactor' }, { look: 'cache' }, 'returners', 'fold', 'get'], jobs: ['get'] },
    buckets: { rules: 'write', minions: 'read', windows: 'write', leases: 'write', alarms: 'write' },
    objects: ['bundles'],
    answers: ['_jobs'],
  },
  _jobs: {
    what: 'sends jobs to minions, runs reactions and runner functions; queues',
    publish: [
      'job.*',
      'jobs.>',
      'reaction.>',
      'done.*',
      'parked.*.*',
      'queue.ready.*.*',
      'queue.dead.*.*',
      'decide',
      'in_hand',
      'schedule',
      'wheel.>',
      'history.>',
      'pillar._jobs',
      'file._jobs',
    ],
    subscribe: ['publish', 'runner.>', 'missed.*', 'peer.*', 'in_hand', 'live.>'],
    streams: {
      events: ['get', { look: 'reactor' }],
      jobs: ['get', 'purge'],
      done: ['follow'],
      reactions: [{ take: 'fast' }, { take: 'slow' }, 'get', 'purge'],
      parked: ['get', 'purge'],
      queues: ['work', 'get', 'purge'],
    },
    buckets: { minions: 'read', pillars: 'read', users: 'read', rules: 'write', alarms: 'write', leases: 'write' },
    objects: ['payloads', 'bundles'],
    // Job workers ask each other who has a piece of work in hand.
    answers: ['_gateway', '_jobs'],
  },
  _schedule: {
    what: 'hands over what is due',
    publish: ['reaction.fast.*'],
    subscribe: ['schedule'],
    streams: { done: ['follow'] },
    buckets: { schedules: 'write', leases: 'write' },
    // Answers that are larger than a message.
    objects: ['payloads'],
    answers: ['_jobs'],
  },
  _cache: {
    what: 'job cache, returners of the master, grains, mine, large returns, history',
    publish: [],
    subscribe: ['grains.*', 'payload.*', 'mine.*', 'history.>'],
    streams: {
      events: [{ take: 'cache' }, { look: 'reactor' }, 'return', 'get', 'purge'],
      done: [{ take: 'decisions' }],
    },
    // Rules: whether there are any, for which a reactor has yet to read.
    buckets: { minions: 'write', pillars: 'read', users: 'read', rules: 'read', windows: 'read', alarms: 'write' },
    objects: ['payloads'],
    answers: ['_jobs', '_gateway'],
  },
  _gateway: {
    what: 'webhooks in, what happens out',
    publish: ['publish', 'runner.>', 'history.>'],
    subscribe: ['live.>', 'decision.>'],
    streams: {},
    buckets: {},
    objects: [],
  },
}

export function servicePermissions(ns: string, service: ServiceOrigin): ServicePermissions {
  const rights = SERVICE_RIGHTS[service]
  const below = (subject: string) => `${ns}.${subject}`
  const answers = rights.answers
    ? // Operators and minions are answered by what the server put in the place of their inbox.
      ['_R_', ...rights.answers.map(serviceInbox)].map(inbox => `${inbox}.>`)
    : []
  return {
    publish: [
      below(`event.${service}.>`),
      ...rights.publish.map(below),
      ...answers,
      '$JS.API.INFO',
      ...Object.values(streamNames(ns)).flatMap(rights.migrates ? migrated : present),
      ...streamSubjects(ns, rights),
      ...bucketSubjects(ns, rights),
    ],
    subscribe: [...rights.subscribe.map(below), ...(rights.answers ? ['$SRV.>'] : []), `${serviceInbox(service)}.>`],
    refused: othersConsumers(ns, rights),
  }
}

/** Who follows a stream may make any passing consumer on it, and is kept from the durable ones of others by their names. */
function othersConsumers(ns: string, { streams }: ServiceRights): string[] {
  const names = streamNames(ns)
  const followed = Object.entries(streams).filter(([, rights]) => rights.includes('follow'))
  return followed.flatMap(([key, rights]) => {
    const own = rights.flatMap(right => (typeof right === 'object' && 'take' in right ? [right.take] : []))
    const others = DURABLES.filter(name => !own.includes(name)).map(name => durable(ns, name))
    return owned(names[key as Stream], others)
  })
}

function streamSubjects(ns: string, { streams }: ServiceRights): string[] {
  const names = streamNames(ns)
  const subjects = (stream: string, right: StreamRight): string[] => {
    if (typeof right === 'object')
      return 'take' in right ? consumed(stream, durable(ns, right.take)) : lookedAt(stream, durable(ns, right.look))
    if (right === 'fold') return readBy(stream, windowReaders(ns))
    if (right === 'return') return returnedBy(stream, returnerNames(ns))
    if (right === 'returners') return returnerNames(ns).flatMap(name => lookedAt(stream, name))
    return { get: got, follow: followed, purge: purged, work: worked }[right](stream)
  }
  return Object.entries(streams).flatMap(([key, rights]) =>
    rights.flatMap(right => subjects(names[key as Stream], right)),
  )
}

const windowReaders = (ns: string): string[] =>
  Array.from({ length: WINDOW_READERS }, (_, slot) => consumerNames(ns).windowReader(slot))

function durable(ns: string, name: Durable): string {
  const { lane, windowReader: _, eventReturn: __, ...named } = consumerNames(ns)
  return name === 'fast' || name === 'slow' ? lane(name) : named[name]
}

function bucketSubjects(ns: string, rights: ServiceRights): string[] {
  const names = bucketNames(ns)
  const keyValues = Object.entries(rights.buckets).flatMap(([key, right]) => {
    const { stream, written } = kv(names[key as Bucket])
    const read = [...present(stream), ...got(stream), ...followed(stream)]
    return right === 'write' ? [...read, ...written] : read
  })
  const stores = rights.objects.flatMap(key => {
    const { stream, written } = objects(names[key])
    return [...migrated(stream), ...got(stream), ...followed(stream), ...purged(stream), ...written]
  })
  return [...keyValues, ...stores]
}
