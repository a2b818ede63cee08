// The whole system on a real server with accounts and callout, for those who attack it: two honest minions, an attacker who
// holds the accepted key of a third, and an observer who sees every event that is stored.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createUser, type KeyPair } from '@nats-io/nkeys'
import { type ConnectionOptions, connect, type NatsConnection } from '@nats-io/transport-node'
import { createStack } from '../../src/base/service.ts'
import { connectBus } from '../../src/bus/connect.ts'
import { isRepublished, rawFromLive } from '../../src/bus/raw.ts'
import { requestJson } from '../../src/bus/request.ts'
import { makeIdentities } from '../../src/bus/server/identities.ts'
import { parseConfig } from '../../src/config/load.ts'
import { startCache } from '../../src/processes/cache.ts'
import { startJobs } from '../../src/processes/jobs.ts'
import { startMaster } from '../../src/processes/master.ts'
import { startMinion } from '../../src/processes/minion.ts'
import { startReact } from '../../src/processes/react.ts'
import { type Event, readEvent } from '../../src/protocol/event.ts'
import { minionInbox, operatorInbox } from '../../src/protocol/inbox.ts'
import { encodeMinionLogin, minionUser } from '../../src/protocol/login.ts'
import { createSubjects, type Subjects } from '../../src/protocol/subject.ts'
import { keptLog, type LogLine } from '../helpers/core.ts'
import { type GeneratedConfig, startRestartableServer } from '../helpers/restartable.ts'
import { createSeen, type Seen } from '../helpers/wait.ts'

export type System = Awaited<ReturnType<typeof startSystem>>

const NS = 'reactor'

export interface SystemOptions {
  /** Laid over the config of every process. */
  config?: Record<string, unknown>
  /** Rule files by name. */
  rules?: Record<string, string>
  /** Changes the server's config: to add a user who is refused nothing, and see what else stands in the way. */
  alter?: (config: GeneratedConfig) => void
}

/** Stop it with `stop`. Minions web1 and web2 are honest; `evil` has an accepted key, which the attacker holds. */
export async function startSystem({ config: more = {}, rules = {}, alter }: SystemOptions = {}) {
  const stack = createStack()
  const dir = await mkdtemp(join(tmpdir(), 'reactor-attacks-'))
  stack.defer(() => rm(dir, { recursive: true, force: true }))
  const seed = (name: string) => join(dir, 'keys', `${name}.nk`)
  await mkdir(join(dir, 'rules'), { recursive: true })
  for (const [name, text] of Object.entries(rules)) await writeFile(join(dir, 'rules', name), text)
  const identities = await makeIdentities(seed)
  const server = await startRestartableServer({ identities, ...(alter ? { alter } : {}) })
  stack.defer(() => server.remove())
  const evil = createUser()
  const log = keptLog()
  const config = (over: Record<string, unknown> = {}) =>
    parseConfig(
      {
        namespace: NS,
        servers: [server.url],
        operators: { [identities.admin]: 'admin' },
        cache: { dir: join(dir, 'cache') },
        ...more,
        react: { rules: join(dir, 'rules'), ...((more.react ?? {}) as object) },
        master: {
          callout: { seed: seed('callout'), issuer: seed('issuer') },
          accepted_keys: { evil: evil.getPublicKey() },
          ...((more.master ?? {}) as object),
        },
        ...over,
      },
      'the test',
    )
  stack.add(await startMaster(config({ seed: seed('master') }), log.log))
  stack.add(await startCache(config({ seed: seed('cache') }), log.log))
  stack.add(await startJobs(config({ seed: seed('jobs') }), log.log))
  stack.add(await startReact(config({ seed: seed('reactor') }), log.log))

  const admin = await connectBus({
    servers: server.url,
    namespace: NS,
    name: 'admin',
    seedFile: seed('admin'),
    inboxPrefix: operatorInbox('admin'),
    patient: false,
    log: log.log,
  })
  stack.defer(() => admin.close())
  const subjects = createSubjects(NS)
  const events = watch(admin.nc, subjects)
  await admin.nc.flush()
  const run = <T>(kind: 'runner' | 'wheel', fun: string, arg: unknown[] = [], kwarg: Record<string, unknown> = {}) =>
    requestJson<T>(admin.nc, subjects[kind](fun), [...arg, { __kwarg__: true, ...kwarg }], {
      timeoutMs: 20_000,
      what: fun,
    })

  /** An honest minion, accepted by the admin. */
  const minion = async (id: string) => {
    const starting = startMinion(config({ minion: { id, dir: join(dir, id) } }), log.log)
    await events.find(({ tag, data }) => tag === 'salt/auth' && data.id === id && data.act === 'pend', `${id} pending`)
    await run('wheel', 'key.accept', [id])
    const running = stack.add(await starting)
    await events.find(({ tag }) => tag === `salt/minion/${id}/start`, `the start of ${id}`)
    return running
  }
  await Promise.all(['web1', 'web2'].map(minion))

  /** A raw client: no code of the program between the attacker and the server. */
  const raw = async (options: ConnectionOptions): Promise<NatsConnection> => {
    const nc = await connect({ servers: server.url, reconnect: false, timeout: 10_000, ...options })
    stack.defer(() => nc.close())
    return nc
  }
  const asMinion = async (id: string, pair: KeyPair, options: { join?: string; inboxPrefix?: string } = {}) => {
    const before = events.items.length
    const nc = await raw({
      authenticator: nonce => ({
        ...signed(pair, nonce),
        user: minionUser(id),
        pass: encodeMinionLogin(options.join === undefined ? {} : { join: options.join }),
      }),
      inboxPrefix: options.inboxPrefix ?? `${minionInbox(id)}.x`,
    })
    // The master tells of a login without waiting: who looks at events next finds this one among those before.
    const told = () =>
      events.items.slice(before).some(({ tag, data }) => tag === 'salt/auth' && data.act === 'accept' && data.id === id)
    await events.find(told, `the word that ${id} is in`)
    return nc
  }
  return {
    dir,
    server,
    subjects,
    config,
    admin: admin.nc,
    /** Every event that is stored from now on. */
    events,
    lines: log.lines as Seen<LogLine>,
    run,
    raw,
    asMinion,
    /** The attacker's key, accepted as `evil`. */
    evil,
    /** The attacker, logged in as `evil`. */
    attacker: () => asMinion('evil', evil),
    asOperator: (name: string, login: { pair: KeyPair } | { password: string }) =>
      raw({
        authenticator: nonce => ('pair' in login ? signed(login.pair, nonce) : { user: name, pass: login.password }),
        inboxPrefix: `${operatorInbox(name)}.x`,
      }),
    stop: () => stack.stop(),
  }
}

export function signed(pair: KeyPair, nonce: string | undefined) {
  const sig = nonce ? Buffer.from(pair.sign(Buffer.from(nonce))).toString('base64') : ''
  return { nkey: pair.getPublicKey(), sig }
}

function watch(nc: NatsConnection, subjects: Subjects): Seen<Event> {
  const seen = createSeen<Event>()
  nc.subscribe(`${subjects.livePrefix}>`, {
    callback: (_error, message) => {
      if (!isRepublished(message)) return
      const read = readEvent(subjects.livePrefix, rawFromLive(message))
      if (read.ok) seen.push(read.event)
    },
  })
  return seen
}
