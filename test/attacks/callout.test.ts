// The callout and the system account: nobody else hears logins, answers them, or speaks to the server itself.
import { readFileSync } from 'node:fs'
import { createAccount } from '@nats-io/nkeys'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSigner } from '../../src/bus/nkey.ts'
import { acceptance, readLoginRequest } from '../../src/login/jwt.ts'
import { minionInbox, operatorInbox, serviceInbox } from '../../src/protocol/inbox.ts'
import { createSeen, within } from '../helpers/wait.ts'
import { harmless, keyLists, serverLogFrom } from './harm.ts'
import { type System, startSystem } from './system.ts'
import { asMinion, byKey, knock, type RawKey, rawKey, stolenKey, type Wire } from './wire.ts'

let system: System
const mallory = rawKey()
beforeAll(async () => {
  system = await startSystem()
  // Whoever may do everything that an operator may do.
  await system.run('wheel', 'user.add', ['mallory'], { roles: 'admin', nkey: mallory.nkey })
})
afterAll(() => system?.stop())

const evil = (): RawKey => ({
  nkey: system.evil.getPublicKey(),
  sig: nonce => Buffer.from(system.evil.sign(Buffer.from(nonce))).toString('base64'),
})
/** Who is let in, and what they may say: so that a refusal is none of the connection itself. */
const ACTORS: [who: string, login: () => (nonce: string) => Record<string, unknown>, inbox: string, own: string][] = [
  ['a minion', () => asMinion('evil', evil()), minionInbox('evil'), 'evil'],
  ['an operator who may do everything', () => byKey(mallory), operatorInbox('mallory'), '_user-mallory'],
  ['the local admin', () => byKey(stolenKey(system, 'admin')), operatorInbox('admin'), '_user-admin'],
  ...(['master', 'jobs', 'cache', 'reactor', 'schedule'] as const).map(
    name =>
      [
        `a thief of the key of the service ${name}`,
        () => byKey(stolenKey(system, name)),
        serviceInbox(`_${name}`),
        `_${name}`,
      ] as (typeof ACTORS)[number],
  ),
]
const pub = (subject: string, body = '{}', reply = '') =>
  `PUB ${subject} ${reply === '' ? '' : `${reply} `}${Buffer.byteLength(body)}\r\n${body}\r\n`
const sub = (subject: string) => `SUB ${subject} 1\r\n`

async function opened(login: (nonce: string) => Record<string, unknown>): Promise<Wire> {
  const outcome = await knock(system.server.url, login)
  if (!outcome.in) throw new Error(outcome.said)
  return outcome.wire
}

/** The server refuses each of them by itself, logs it, and lets the same client do what it may. */
async function allRefused(login: (nonce: string) => Record<string, unknown>, mine: string[], foreign: string[]) {
  const wire = await opened(login)
  const logged = await serverLogFrom(system)
  expect(await wire.ask(mine.join(''))).toEqual([])
  const said = await harmless(system, () => wire.ask(foreign.join('')))
  const subjects = foreign.map(line => line.split(/[ \r]/)[1]!)
  expect(said.map(line => /^-ERR 'Permissions Violation for \w+ to "([^"]+)"/i.exec(line)?.[1])).toEqual(subjects)
  await logged(/(Publish|Subscription) Violation/)
  wire.end()
}

describe.each(ACTORS)('%s', (_who, login, inbox, own) => {
  const mine = [sub(`${inbox}.x.>`), pub(`reactor.event.${own}.my.tag`, '{"tag":"my/tag","data":{},"_stamp":""}')]

  it('hears no login, and answers none', () =>
    allRefused(login(), mine, [
      sub('$SYS.REQ.USER.AUTH'),
      'SUB $SYS.REQ.USER.AUTH callout 2\r\n',
      sub('$SYS.REQ.USER.>'),
      sub('$SYS._INBOX.>'),
      pub('$SYS.REQ.USER.AUTH', 'x', `${inbox}.x.1`),
      pub('$SYS._INBOX.x.1', 'x'),
      pub('$SYS._INBOX.x.1', 'x', '$SYS.REQ.USER.AUTH'),
      pub('_INBOX.x.1', 'x'),
    ]))

  it('says nothing to the server, and hears nothing of it', async () => {
    const { serverId } = await opened(login())
    await allRefused(login(), mine, [
      ...['$SYS.>', '$SYS.ACCOUNT.>', '$SYS.SERVER.>', '$SYS.ACCOUNT.FLEET.CONNECT', '$SYS.REQ.>', '>'].map(sub),
      ...[
        `$SYS.REQ.SERVER.${serverId}.KICK`,
        `$SYS.REQ.SERVER.${serverId}.LDM`,
        `$SYS.REQ.SERVER.${serverId}.RELOAD`,
        `$SYS.REQ.SERVER.${serverId}.CONNZ`,
        '$SYS.REQ.SERVER.PING',
        '$SYS.REQ.SERVER.PING.CONNZ',
        '$SYS.REQ.SERVER.PING.VARZ',
        '$SYS.REQ.SERVER.PING.JSZ',
        '$SYS.REQ.ACCOUNT.PING.CONNZ',
        '$SYS.REQ.ACCOUNT.FLEET.CONNZ',
        '$SYS.REQ.ACCOUNT.CORE.SUBSZ',
        '$SYS.REQ.ACCOUNT.FLEET.CLAIMS.UPDATE',
        '$SYS.REQ.CLAIMS.UPDATE',
        '$SYS.REQ.CLAIMS.DELETE',
        '$SYS.ACCOUNT.FLEET.DISCONNECT',
        '$SYS.DEBUG.SUBSCRIBERS',
      ].map(subject => pub(subject, '{"cid":1}', `${inbox}.x.1`)),
    ])
  })
})

describe('a reply that points to where logins are answered', () => {
  it.each<[string, () => (nonce: string) => Record<string, unknown>, string]>([
    ["of a minion's event", () => asMinion('evil', evil()), 'reactor.event.evil.my.tag'],
    ["of a minion's heartbeat", () => asMinion('evil', evil()), 'reactor.beat.evil'],
    ["of an operator's request", () => byKey(mallory), 'reactor.runner.test.stdout_print'],
    ["of an operator's event", () => byKey(mallory), 'reactor.event._user-mallory.my.tag'],
  ])('%s reaches nobody there', async (_what, login, subject) => {
    const wire = await opened(login())
    const heard = await spy()
    const body = '{"tag":"my/tag","data":{},"_stamp":""}'
    await harmless(system, () =>
      wire.ask(['$SYS.REQ.USER.AUTH', '$SYS._INBOX.x.1'].map(reply => pub(subject, body, reply)).join('')),
    )
    // What comes there is the login that follows, which is answered as ever.
    expect(await knock(system.server.url, asMinion('evil', evil()))).toMatchObject({ in: true })
    await heard.seen.reach(1)
    expect(heard.seen.items.filter(text => 'problem' in readLoginRequest(text))).toEqual([])
    await heard.nc.close()
    wire.end()
  })
})

/** Hears every login that the server asks about, beside the master: by the stolen key of the callout. */
async function spy(
  answer?: (request: string) => string | undefined,
): Promise<{ nc: NatsConnection; seen: ReturnType<typeof createSeen<string>> }> {
  const key = stolenKey(system, 'callout')
  const nc = await system.raw({ authenticator: nonce => ({ nkey: key.nkey, sig: key.sig(nonce ?? '') }) })
  const seen = createSeen<string>()
  nc.subscribe('$SYS.REQ.USER.AUTH', {
    callback: (_error, message) => {
      const text = message.string()
      const said = answer?.(text)
      if (said !== undefined) message.respond(said)
      seen.push(text)
    },
  })
  await nc.flush()
  return { nc, seen }
}

describe("whoever has stolen the callout's own key", () => {
  const strange = createSigner(new TextDecoder().decode(createAccount().getSeed()), 'account')
  const everything = { publish: ['>'], subscribe: ['>'] }

  it.each(['FLEET', 'OPS'] as const)('lets nobody into %s without the key that signs logins', async account => {
    const thief = await spy(text => {
      const request = readLoginRequest(text)
      if ('problem' in request) return undefined
      const expires = Math.floor(Date.now() / 1000) + 3600
      return acceptance(strange, request, { name: 'web1', account, permissions: everything, expires })
    })
    const logged = await serverLogFrom(system)
    const outcomes = await harmless(system, () =>
      Promise.all([knock(system.server.url, asMinion('forged', rawKey())), knock(system.server.url, byKey(rawKey()))]),
    )
    expect(outcomes).toMatchObject([{ in: false }, { in: false }])
    await thief.seen.reach(2)
    await thief.nc.close()
    await logged(/authentication error|issuer|callout/i)
    // Without the thief, who is known comes in.
    expect(await knock(system.server.url, asMinion('evil', evil()))).toMatchObject({ in: true })
  })

  it('lets nobody in by the answer to another login', async () => {
    const issuer = createSigner(readFileSync(`${system.dir}/keys/issuer.nk`, 'utf8').trim(), 'account')
    let first: string | undefined
    const thief = await spy(text => {
      const request = readLoginRequest(text)
      if ('problem' in request) return undefined
      const expires = Math.floor(Date.now() / 1000) + 3600
      // As the master has answered `evil`, kept, and said again to everybody.
      first ??= acceptance(issuer, request, { name: 'evil', account: 'FLEET', permissions: everything, expires })
      return first
    })
    expect(await knock(system.server.url, asMinion('evil', evil()))).toMatchObject({ in: true })
    const logged = await serverLogFrom(system)
    const outcome = await harmless(system, () => knock(system.server.url, asMinion('replayed', rawKey())))
    expect(outcome).toMatchObject({ in: false })
    await logged(/authentication error/)
    await thief.nc.close()
    expect((await keyLists(system)).minions).toEqual(['evil', 'web1', 'web2'])
  })

  it('does not come into another account, nor ask the master to let somebody in', async () => {
    const wire = await opened(byKey(stolenKey(system, 'callout')))
    const logged = await serverLogFrom(system)
    const foreign = [
      ...[
        '$SYS.REQ.USER.AUTH',
        'reactor.event._master.salt.key',
        'reactor.publish',
        'reactor.wheel.key.accept',
        '$JS.API.INFO',
      ].map(subject => pub(subject)),
      ...['reactor.>', '$JS.>', '$SYS.>', '>', '$SYS.ACCOUNT.>'].map(sub),
      ...['$SYS.REQ.SERVER.PING', '$SYS.REQ.CLAIMS.UPDATE', '$SYS.REQ.ACCOUNT.FLEET.CONNZ'].map(subject =>
        pub(subject),
      ),
    ]
    expect(await wire.ask(sub('$SYS.REQ.USER.AUTH'))).toEqual([])
    wire.say('UNSUB 1\r\n')
    const said = await harmless(system, () => wire.ask(foreign.join('')))
    expect(said).toHaveLength(foreign.length)
    for (const line of said) expect(line).toMatch(/Permissions Violation/)
    await logged(/Violation/)
    wire.end()
    await within(wire.ended, 'its end')
  })
})
