// Presence in a master: hears the heartbeats of all minions, judges who is there, and has it told.
import { hostname } from 'node:os'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createStack, type Running } from '../base/service.ts'
import { openBucket } from '../bus/bucket.ts'
import type { Fire } from '../bus/fire.ts'
import { lastOn } from '../bus/last-on.ts'
import { type LeaseTimes, openLeases } from '../bus/lease.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { sessionIn } from '../protocol/beat.ts'
import { presenceChange } from '../protocol/catalogue/presence.ts'
import { HEADER } from '../protocol/event.ts'
import { serviceOrigin } from '../protocol/origin.ts'
import { bucketNames, streamNames } from '../protocol/streams.ts'
import type { Subjects } from '../protocol/subject.ts'
import { followLinkOf, startHearingClock } from './presence-clock.ts'
import { createPresenceTable } from './presence-table.ts'
import { startTeller } from './presence-teller.ts'
import { createToldStore } from './presence-told.ts'

export interface PresenceParts {
  nc: NatsConnection
  ns: string
  subjects: Subjects
  fire: Fire
  replicas: number
  /** A minion that is silent for longer is lost, milliseconds. */
  lostAfterMs: number
  /** Undefined: nothing is told, and nothing is kept. */
  tell: { presentEveryMs: number | undefined } | undefined
  log: Log
  leaseTimes?: LeaseTimes
}

export interface Presence extends Running {
  /** Sorted ids of those that are there. */
  connected(): readonly string[]
  /** How often a minion was lost since the start. */
  losses(): number
}

const MOST_TICK_MS = 1000
const LEAST_TICK_MS = 10

/** Resolves once heartbeats are heard. Whatever throws on the way leaves nothing running. */
export async function startPresence(parts: PresenceParts): Promise<Presence> {
  const stack = createStack(problem => parts.log.warn(problem))
  try {
    return await build(parts, stack)
  } catch (error) {
    await stack.stop()
    throw error
  }
}

async function build(parts: PresenceParts, stack: ReturnType<typeof createStack>): Promise<Presence> {
  const { nc, ns, subjects, fire, replicas, lostAfterMs, tell, log } = parts
  const table = createPresenceTable(lostAfterMs)
  const tickMs = Math.max(LEAST_TICK_MS, Math.min(MOST_TICK_MS, lostAfterMs / 10))
  let losses = 0
  const clock = stack.add(
    startHearingClock({
      nc,
      follow: followLinkOf(nc),
      tickMs,
      deafMs: Math.max(3 * tickMs, lostAfterMs / 4),
      onTick(now, missed) {
        if (missed) table.renew(now)
        losses += table.judge(now)
      },
    }),
  )
  // Every master hears every heartbeat.
  const beats = nc.subscribe(subjects.anyMinion('beat'), {
    callback: (error, message) => {
      if (error) {
        log.error({ error: errorMessage(error) }, 'the server refuses the heartbeats of minions')
        return
      }
      // What is thrown here would end the reading of the connection.
      try {
        table.beat(subjects.minionIn(message.subject), sessionIn(message.data), clock.now())
        message.respond()
      } catch (problem) {
        log.warn({ subject: message.subject, error: errorMessage(problem) }, 'a heartbeat is passed over')
      }
    },
  })
  stack.defer(() => beats.unsubscribe())
  if (tell) {
    const room = () => maxPayload(nc)
    const store = createToldStore(await openBucket(nc, bucketNames(ns).presence, { replicas }), room, log)
    const { told } = await store.read()
    if (told) table.adopt(told.present, told.slow, clock.now())
    const jsm = await jetstreamManager(nc, { checkAPI: false })
    const subject = subjects.event(serviceOrigin('_master'), presenceChange.tag({}))
    const last = () => lastOn(jsm, streamNames(ns).events, subject, { what: 'the last change of presence' })
    stack.add(
      startTeller({
        leases: await openLeases(nc, ns, replicas, `${hostname()}:${process.pid}`, log, parts.leaseTimes),
        store,
        table,
        now: clock.now,
        fire,
        lastTold: async () => (await last())?.header?.get(HEADER.id) || undefined,
        gatherMs: tickMs,
        keepSlowMs: lostAfterMs,
        presentEveryMs: tell.presentEveryMs,
        maxPayload: room,
        log,
      }),
    )
  }
  await nc.flush()
  return { connected: table.present, losses: () => losses, stop: () => stack.stop() }
}
