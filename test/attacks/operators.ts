// Operators who attack: raw clients with a name, a password and roles; and what every refusal of theirs must come to.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Msg, MsgHdrs, NatsConnection } from '@nats-io/transport-node'
import { expect } from 'vitest'
import { hashPassword } from '../../src/operators/password.ts'
import type { Event } from '../../src/protocol/event.ts'
import type { Published, PublishMessage } from '../../src/protocol/job.ts'
import { eventsFrom } from './harm.ts'
import type { System } from './system.ts'

export const PASSWORD = 'correct horse'
let hash: Promise<string> | undefined
/** Made once: each costs a tenth of a second. */
export const passwordHash = () => (hash ??= hashPassword(PASSWORD))

/** Adds an operator with that role, and logs them in by their password. */
export async function addOperator(system: System, name: string, roles: string): Promise<NatsConnection> {
  await system.run('wheel', 'user.add', [], { name, roles, password_hash: await passwordHash() })
  return system.asOperator(name, { password: PASSWORD })
}

/** Of a service: what it answers, and in `error` what it refuses. */
export interface Answer {
  error?: { code: string; message: string }
  [key: string]: unknown
}

/** One request, as any NATS client makes it. */
export async function ask(nc: NatsConnection, subject: string, body: unknown, headers?: MsgHdrs): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return answerOf(await nc.request(subject, text, { timeout: 30_000, ...(headers ? { headers } : {}) }))
}

const answerOf = (message: Msg): Answer => JSON.parse(message.string() || 'null')

export const publish = (nc: NatsConnection, job: PublishMessage): Promise<Answer> => ask(nc, 'reactor.publish', job)

/** A job that is granted: published, and returned by each of its minions. */
export async function works(system: System, nc: NatsConnection, job: PublishMessage): Promise<Published> {
  const published = (await publish(nc, job)) as unknown as Published
  expect(published).toMatchObject({ offline: [], refused: {} })
  for (const id of published.minions) {
    const { data } = await system.events.find(
      ({ tag }) => tag === `salt/job/${published.jid}/ret/${id}`,
      `the return of ${id}`,
    )
    expect(data).toMatchObject({ success: true })
  }
  return published
}

/** A command that leaves a file where it runs, and whether it ran anywhere. */
export function createMark(system: System, name: string) {
  const file = join(system.dir, `touched-${name}`)
  return { file, job: { fun: 'cmd.run', arg: [['touch', file]] } }
}

/** What was touched so far, by name. */
export async function touched(system: System): Promise<string[]> {
  return (await readdir(system.dir)).filter(file => file.startsWith('touched-')).sort()
}

/** Jobs on minions that were announced for that user, by their functions. */
export const startedBy = (events: readonly Event[], user: string): unknown[] =>
  events.filter(({ tag, data }) => /^salt\/job\/\d+\/new$/.test(tag) && data.user === user).map(({ data }) => data.fun)

export interface Refusal {
  system: System
  /** Whom the record of it must name. */
  user: string
  kind: string
  /** The function, or what the record calls the deed. */
  action?: string
  code?: string
  reason?: RegExp
}

/**
 * Makes the attack: it is answered with an error that says why, the audit has it under the user's own name, and no job was
 * started for them, nor a file touched.
 */
export async function expectRefused(
  { system, user, kind, action, code = 'forbidden', reason }: Refusal,
  attack: () => Promise<Answer>,
): Promise<void> {
  const next = eventsFrom(system)
  const before = system.events.items.length
  const files = await touched(system)
  const { error } = await attack()
  expect(error).toMatchObject({ code, message: expect.stringMatching(reason ?? /./) })
  const result = code === 'forbidden' ? 'refused' : 'failed'
  const { data } = await next(
    ({ tag, data }) =>
      tag === `salt/audit/${kind}` &&
      data.user === user &&
      data.result === result &&
      (action === undefined || data.action === action),
    `the record of '${action ?? kind}' of ${user}`,
  )
  expect(data.reason).toMatch(/./)
  // Announced before it is sent, and stored before its record: what was started would be there by now.
  expect(startedBy(system.events.items.slice(before), user)).toEqual([])
  expect(await touched(system)).toEqual(files)
}
