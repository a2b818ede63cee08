// What a service of CORE stands on, for tests: a connection to a bare server, the streams of a namespace of one's own, a
// publisher, and a log that is kept.
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import pino from 'pino'
import { onTestFinished } from 'vitest'
import type { Log } from '../../src/base/log.ts'
import { createFire } from '../../src/bus/fire.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { createPublisher } from '../../src/bus/publish.ts'
import { type Event, readEvent } from '../../src/protocol/event.ts'
import { type Origin, serviceOrigin } from '../../src/protocol/origin.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { holdToCatalogue } from './conformance.ts'
import { createSeen, type Seen } from './wait.ts'

let namespaces = 0

/**
 * Opens all of it in a fresh namespace of the server; closed when the test has ended. `byHand`: the test makes up events below
 * salt/ of which nothing but the tag counts, so that they are not held to the catalogue.
 */
export async function openCore(server: { url: string }, { byHand = false } = {}) {
  const nc = await connect({ servers: server.url })
  const ns = `n${process.pid}-${namespaces++}`
  const subjects = createSubjects(ns)
  await provisionStreams(nc, ns, DEFAULT_LIMITS)
  const publisher = createPublisher(nc)
  const fire = createFire(publisher, subjects, serviceOrigin('_jobs'))
  onTestFinished(async () => {
    publisher.stop()
    await nc.close()
  })
  return { nc, ns, subjects, publisher, fire, events: followEvents(nc, `${ns}.live.`, { anySender: true, byHand }) }
}

export type Core = Awaited<ReturnType<typeof openCore>>

/** Fires as somebody who goes on without the ack; the test does not end before all of it is stored. */
export function fireAside({ publisher, subjects }: Pick<Core, 'publisher' | 'subjects'>, origin: Origin) {
  const fire = createFire(publisher, subjects, origin)
  const firing: Promise<unknown>[] = []
  onTestFinished(async () => void (await Promise.all(firing)))
  return (tag: string, data: Record<string, unknown>): void => void firing.push(fire(tag, data))
}

/** Every event that is stored from now on. */
export function followEvents(
  nc: NatsConnection,
  prefix: string,
  { anySender = false, byHand = false } = {},
): Seen<Event> {
  const seen = createSeen<Event>()
  nc.subscribe(`${prefix}>`, {
    callback: (_error, message) => {
      const read = readEvent(prefix, {
        subject: message.subject,
        text: () => message.string(),
        header: name => message.headers?.get(name),
        storedMs: 0,
        seq: Number(message.headers?.get('Nats-Sequence')),
      })
      if (!read.ok) return
      if (!byHand) holdToCatalogue(read.event, { anySender })
      seen.push(read.event)
    },
  })
  return seen
}

/** All messages of a stream, in order. */
export async function storedIn<T>(
  nc: NatsConnection,
  stream: string,
): Promise<{ subject: string; body: T; id: string | undefined }[]> {
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const { state } = await jsm.streams.info(stream)
  const all: { subject: string; body: T; id: string | undefined }[] = []
  for (let seq = state.first_seq; seq > 0 && seq <= state.last_seq; seq++) {
    const message = await jsm.streams.getMessage(stream, { seq }).catch(() => null)
    if (message) all.push({ subject: message.subject, body: message.json<T>(), id: message.header?.get('Nats-Msg-Id') })
  }
  return all
}

export interface LogLine extends Record<string, unknown> {
  msg: string
}

/** A log whose lines a test can wait for. */
export function keptLog(): { log: Log; lines: Seen<LogLine> } {
  const lines = createSeen<LogLine>()
  const log = pino({ level: 'debug' }, { write: text => lines.push(JSON.parse(text)) })
  return { log, lines }
}
