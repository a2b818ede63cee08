// What an attack must leave as it was, and where its traces are looked for.
import { setImmediate } from 'node:timers/promises'
import { expect } from 'vitest'
import { requestJson } from '../../src/bus/request.ts'
import type { Event } from '../../src/protocol/event.ts'
import { within } from '../helpers/wait.ts'
import type { System } from './system.ts'
import { knock, type Words } from './wire.ts'

/** The ids that answered `test.ping`. */
export async function ping(system: System): Promise<string[]> {
  const { jid, minions } = await requestJson<{ jid: string; minions: string[] }>(
    system.admin,
    system.subjects.publish,
    { tgt: 'web1,web2', tgt_type: 'list', fun: 'test.ping' },
    { timeoutMs: 20_000, what: 'test.ping' },
  )
  const returns = minions.map(id =>
    system.events.find(({ tag }) => tag === `salt/job/${jid}/ret/${id}`, `${id}'s pong`),
  )
  return (await Promise.all(returns))
    .filter(({ data }) => data.return === true)
    .map(({ data }) => String(data.id))
    .sort()
}

interface KeyLists {
  minions: string[]
  minions_pre: string[]
  minions_rejected: string[]
  minions_denied: string[]
}

export const keyLists = (system: System) => system.run<KeyLists>('wheel', 'key.list_all')

/** Keys that somebody has decided on, and operators. */
async function decided(system: System) {
  const { minions, minions_rejected } = await system.run<Record<string, unknown>>('wheel', 'key.key_str', ['*'])
  return { minions, minions_rejected, operators: await system.run('wheel', 'user.list') }
}

/** Makes the attack; what is decided on is the same afterwards, and the honest minions answer. */
export async function harmless<T>(system: System, attack: () => Promise<T>): Promise<T> {
  const before = await decided(system)
  const outcome = await attack()
  expect(await decided(system)).toEqual(before)
  expect(await ping(system)).toEqual(['web1', 'web2'])
  return outcome
}

/** Where events are now: what comes from here on. */
export function eventsFrom({ events }: System) {
  const from = events.items.length
  return (fits: (event: Event) => boolean, what: string) =>
    events.find(event => events.items.indexOf(event, from) >= from && fits(event), what)
}

/** A refused login as the audit has it, from here on. */
export function refusalsFrom(system: System) {
  const next = eventsFrom(system)
  return (user: string, reason: RegExp) =>
    next(
      ({ tag, data }) =>
        tag === 'salt/audit/login' &&
        data.result === 'refused' &&
        data.user === user &&
        reason.test(String(data.reason)),
      `the record of a refused login of '${user}' (${reason})`,
    )
}

/** A minion's login as `salt/auth` tells it, from here on. */
export function authFrom(system: System) {
  const next = eventsFrom(system)
  return (act: string, id: string) =>
    next(({ tag, data }) => tag === 'salt/auth' && data.act === act && data.id === id, `salt/auth ${act} of ${id}`)
}

/** Resolves once the server has logged it, from here on. */
export async function serverLogFrom(system: System) {
  const from = (await system.server.log()).length
  return (fits: RegExp) =>
    within(
      (async () => {
        while (!fits.test((await system.server.log()).slice(from))) await setImmediate()
      })(),
      `a line ${fits} in the server's log`,
    )
}

/** The honest login is let in; the attack is not and harms nothing, and the audit says of whom it was refused and why. */
export async function refusedLogin(
  system: System,
  honest: (nonce: string) => Words,
  attack: (nonce: string) => Words,
  user: string,
  reason: RegExp,
): Promise<void> {
  const control = await knock(system.server.url, honest)
  expect(control).toMatchObject({ in: true })
  const record = refusalsFrom(system)
  const outcome = await harmless(system, () => knock(system.server.url, attack))
  expect(outcome).toMatchObject({ in: false, said: expect.stringMatching(/Authorization Violation/) })
  expect((await record(user, reason)).data.source).toBe('127.0.0.1')
  if (control.in) control.wire.end()
}
