// What attackers do, and how it is seen that they were refused: a client's permission violations, messages with headers that
// no library would write, a line to the server without any library, and whether the honest minions still work.

import { connect as connectTcp, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { createUser, type KeyPair } from '@nats-io/nkeys'
import {
  createInbox,
  type MsgHdrs,
  type NatsConnection,
  nkeyAuthenticator,
  PermissionViolationError,
} from '@nats-io/transport-node'
import { expect } from 'vitest'
import type { Event } from '../../src/protocol/event.ts'
import type { Published, PublishMessage } from '../../src/protocol/job.ts'
import { encodeMinionLogin, minionUser } from '../../src/protocol/login.ts'
import type { GeneratedConfig } from '../helpers/restartable.ts'
import { createSeen } from '../helpers/wait.ts'
import { type System, signed } from './system.ts'

export type Attacker = ReturnType<typeof attackWith>

/** Watches the connection for what the server refuses. */
export function attackWith(nc: NatsConnection) {
  const refused = createSeen<string>()
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue
      refused.push(`${status.error.operation} ${status.error.subject}`)
    }
  })()
  return {
    nc,
    /** `publish reactor.x`, `subscription reactor.>`: every refusal that the server told this client. */
    refused,
    /** Whether the server refused the publish, and said so. */
    async refusedPublish(subject: string, body: string | Uint8Array = '{}', options: { reply?: string } = {}) {
      const before = refused.items.length
      nc.publish(subject, body, options)
      await nc.flush()
      // The status reaches its reader a few turns after the pong has settled the flush.
      await setImmediate()
      return refused.items.slice(before).includes(`publish ${subject}`)
    },
    /** The same of a subscription; what it heard, should it stand. */
    async refusedSubscribe(subject: string, queue?: string) {
      let problem: unknown
      const subscription = nc.subscribe(subject, {
        ...(queue === undefined ? {} : { queue }),
        callback: error => {
          problem ??= error ?? undefined
        },
      })
      await nc.flush()
      if (!subscription.isClosed()) subscription.unsubscribe()
      return problem instanceof PermissionViolationError
    },
    /** Answers of services, errors included, as text. */
    async ask(subject: string, body: string | Uint8Array = '', headers?: MsgHdrs, timeout = 20_000): Promise<string> {
      const answer = await nc.request(subject, body, { timeout, ...(headers ? { headers } : {}) })
      return answer.string()
    },
    /** An inbox of its own, listened at: what is sent to it. */
    inbox() {
      const subject = createInbox('_INBOX_evil.own')
      const seen = createSeen<string>()
      nc.subscribe(subject, { callback: (error, message) => void (error ?? seen.push(message.string())) })
      return { subject, seen }
    },
  }
}

/** A header block as a client of one's own could send it. */
export const block = (text: string): MsgHdrs => ({ encode: () => Buffer.from(text, 'latin1') }) as unknown as MsgHdrs

/** A user of an account whom the server refuses nothing: give `alter` to the system, and then connect. */
export function insider(account: 'CORE' | 'FLEET') {
  const pair = createUser()
  return {
    alter({ accounts, authorization }: GeneratedConfig) {
      accounts[account]!.users.push({ nkey: pair.getPublicKey() })
      authorization!.auth_callout.auth_users.push(pair.getPublicKey())
    },
    connect: (system: System) =>
      system.raw({ authenticator: nkeyAuthenticator(pair.getSeed()), inboxPrefix: '_INBOX_insider' }),
  }
}

/** Honest minions take jobs and return, to whoever asks; nobody else's word is in it. */
export async function expectWell(system: System): Promise<void> {
  const published = await publishJob(system, { tgt: ['web1', 'web2'], tgt_type: 'list', fun: 'test.ping' })
  expect(published).toMatchObject({ minions: ['web1', 'web2'], offline: [], refused: {} })
  for (const id of ['web1', 'web2']) {
    const { data } = await system.events.find(isReturn(published.jid, id), `the return of ${id}`)
    expect(data).toMatchObject({ return: true, retcode: 0, success: true })
  }
}

/** The minions that a target means, by what is known of them. */
export async function targeted(system: System, tgt: string, tgt_type: string): Promise<string[]> {
  const body = JSON.stringify({ tgt, tgt_type, fun: 'test.ping', resolve: true })
  const answer = await system.admin.request(system.subjects.publish, body, { timeout: 30_000 })
  return answer.json<{ minions?: string[] }>().minions ?? []
}

export async function publishJob(system: System, job: PublishMessage): Promise<Published> {
  const answer = await system.admin.request(system.subjects.publish, JSON.stringify(job), { timeout: 30_000 })
  return answer.json<Published>()
}

/** The return of a minion, by the minion itself. */
export const isReturn =
  (jid: string, id: string) =>
  ({ tag, origin, believed }: Event): boolean =>
    believed && origin.kind === 'minion' && origin.id === id && tag === `salt/job/${jid}/ret/${id}`

/**
 * A line to the server, logged in as the accepted minion `evil`, on which any bytes can be sent. `said` collects what the
 * server says; `closed` settles when it hangs up.
 */
export async function wire(system: System, pair: KeyPair = system.evil) {
  const { hostname, port } = new URL(system.server.url)
  const said = createSeen<string>()
  const socket: Socket = connectTcp({ host: hostname, port: Number(port) })
  const closed = new Promise<void>(resolve => socket.on('close', () => resolve()))
  socket.on('error', () => undefined)
  let rest = ''
  socket.setEncoding('latin1').on('data', (text: string) => {
    const lines = (rest + text).split('\r\n')
    rest = lines.pop()!
    for (const line of lines) said.push(line)
  })
  const info = await said.find(line => line.startsWith('INFO '), 'the greeting of the server')
  const { nonce } = JSON.parse(info.slice(5))
  const login = { ...signed(pair, nonce), user: minionUser('evil'), pass: encodeMinionLogin({}) }
  const send = (bytes: string) => socket.write(Buffer.from(bytes, 'latin1'))
  const options = { verbose: false, pedantic: false, headers: true, no_responders: true, lang: 'wire', version: '1' }
  send(`CONNECT ${JSON.stringify({ ...options, ...login })}\r\nPING\r\n`)
  await said.find(line => line === 'PONG', 'the login')
  return {
    said,
    closed,
    send,
    close: () => void socket.destroy(),
    /** Publishes bytes with a header block as they are. */
    publish(subject: string, headers: string, body = '{}', reply = '') {
      const heads = Buffer.byteLength(headers, 'latin1')
      const all = heads + Buffer.byteLength(body, 'latin1')
      send(`HPUB ${subject} ${reply === '' ? '' : `${reply} `}${heads} ${all}\r\n${headers}${body}\r\n`)
    },
    /** Resolves once the server has read all that was sent. */
    async flush() {
      const before = said.items.filter(line => line === 'PONG').length
      send('PING\r\n')
      await said.find(() => said.items.filter(line => line === 'PONG').length > before, 'the pong')
    },
  }
}
