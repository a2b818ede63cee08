// An operator who aims answers: the reply subject of a request is free to choose, and what answers is a service of CORE.
import { createUser } from '@nats-io/nkeys'
import { headers as createHeaders, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { serverConfig } from '../../src/bus/server/config.ts'
import type { GeneratedConfig } from '../helpers/restartable.ts'
import { createSeen } from '../helpers/wait.ts'
import { ping } from './harm.ts'
import { addOperator, ask, createMark, publish, startedBy, touched, works } from './operators.ts'
import { type System, startSystem } from './system.ts'

const ROLES = {
  echo: [
    { web1: ['test.*'] },
    { '@runner': ['test.*'] },
    { '@wheel': ['config.values', 'sys.*'] },
    { '@fire': ['own/**'] },
  ],
}

let system: System
let bob: NatsConnection
/** Sees whatever CORE is asked on two tokens, next to the job workers. */
const heard = createSeen<{ subject: string; body: string }>()
beforeAll(async () => {
  const ear = createUser()
  const alter = ({ accounts, authorization }: GeneratedConfig) => {
    accounts.CORE!.users.push({ nkey: ear.getPublicKey() })
    authorization!.auth_callout.auth_users.push(ear.getPublicKey())
  }
  system = await startSystem({ config: { roles: ROLES }, alter })
  bob = await addOperator(system, 'bob', 'echo')
  const inside = await system.raw({ authenticator: nkeyAuthenticator(ear.getSeed()), inboxPrefix: '_INBOX_ear' })
  inside.subscribe('reactor.*', {
    callback: (_error, message) => heard.push({ subject: message.subject, body: message.string() }),
  })
  await inside.flush()
})
afterAll(() => system?.stop())
afterEach(async () => {
  expect(await ping(system)).toEqual(['web1', 'web2'])
  expect(await touched(system)).toEqual([])
})

const AIMS = [
  'reactor.publish',
  'reactor.runner.test.arg',
  'reactor.wheel.user.add',
  'reactor.history.jobs',
  'reactor.event._master.salt.auth',
  'reactor.event._user-admin.forged',
  'reactor.job.web1',
  'reactor.live._master.salt.auth',
  '$SRV.PING',
]

describe('an answer of a service that is aimed at another', () => {
  it.each(AIMS)('%s: it does not come there', async reply => {
    const { job } = createMark(system, 'reply')
    const order = JSON.stringify({ ...job, tgt: 'web1' })
    const before = { events: system.events.items.length, heard: heard.items.length }
    bob.publish('reactor.runner.test.arg', order, { reply })
    bob.publish('reactor.wheel.config.values', '', { reply })
    bob.publish('reactor.history.jobs', '{}', { reply })
    bob.publish('reactor.publish', order, { reply })
    bob.publish('$SRV.INFO', '', { reply })
    const headers = createHeaders()
    headers.set('Nats-Request-Info', JSON.stringify({ acc: 'OPS', user: 'admin' }))
    headers.set('Reactor-User', 'admin')
    bob.publish('reactor.event._user-bob.own.x', order, { reply, headers })
    // Each service has answered, and what its answer would have led to is in its order before these.
    await ask(bob, 'reactor.runner.test.arg', [])
    await ask(bob, 'reactor.wheel.config.values', [])
    await ask(bob, 'reactor.history.jobs', {})
    const { jid } = await works(system, bob, { tgt: 'web1', fun: 'test.ping' })
    await system.events.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'the end of a job of his own')
    const told = system.events.items.slice(before.events)
    expect(startedBy(told, 'bob')).toEqual(['test.ping'])
    expect(startedBy(told, 'admin')).toEqual([])
    const audited = told.filter(({ tag }) => tag === 'salt/audit/publish')
    // The pings between the tests are recorded a moment later.
    expect(audited.filter(({ data }) => data.user !== 'bob' && data.action !== 'test.ping')).toEqual([])
    expect(told.filter(({ tag }) => tag === 'forged')).toEqual([])
    const asked = heard.items.slice(before.heard).map(({ body }) => JSON.parse(body) as Record<string, unknown>)
    // His own two requests, and nothing that a service has answered.
    expect(asked.map(({ fun }) => fun)).toEqual(['cmd.run', 'test.ping'])
  })

  it('is an answer to whoever asked where it is aimed at nobody', async () => {
    const before = heard.items.length
    expect(await publish(bob, { tgt: 'web2', fun: 'test.ping' })).toMatchObject({ error: { code: 'forbidden' } })
    await expect.poll(() => heard.items.slice(before)).toMatchObject([{ subject: 'reactor.publish' }])
  })
})

it('no account of clients imports a literal subject, where an answer of others would arrive as a request', () => {
  const config = JSON.parse(
    serverConfig({
      ...{ namespace: 'reactor', host: '127.0.0.1', port: 0, storeDir: '/s', portsDir: '/p', pidFile: '/f' },
      identities: { services: {}, minions: [], operators: [] },
    }),
  ) as { accounts: Record<string, { imports: { service?: { subject: string } }[] }> }
  for (const name of ['FLEET', 'OPS', 'CORE']) {
    const subjects = config.accounts[name]!.imports.flatMap(({ service }) => service?.subject ?? [])
    expect(subjects.length).toBeGreaterThan(0)
    expect(subjects.filter(subject => !/[*>]/.test(subject))).toEqual([])
  }
})
