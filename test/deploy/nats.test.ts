import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import type { Running } from '../../src/base/service.ts'
import { connectBus } from '../../src/bus/connect.ts'
import { createFire } from '../../src/bus/fire.ts'
import { identityIn } from '../../src/bus/identity.ts'
import { createPublisher } from '../../src/bus/publish.ts'
import { requestJson } from '../../src/bus/request.ts'
import { parseConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import { startCache } from '../../src/processes/cache.ts'
import { startJobs } from '../../src/processes/jobs.ts'
import { startMaster } from '../../src/processes/master.ts'
import { startMinion } from '../../src/processes/minion.ts'
import { startReact } from '../../src/processes/react.ts'
import { operatorInbox } from '../../src/protocol/inbox.ts'
import { userOrigin } from '../../src/protocol/origin.ts'
import { type Deployed, deployed } from '../helpers/deployed.ts'
import { testFolder } from '../helpers/folder.ts'
import { createSeen, within } from '../helpers/wait.ts'

const NS = 'deployed'
const ID = 'web1'
const RULE = `rule: greet
on: hello/*
do:
  - local.test.echo: { tgt: "*", args: ["hello {{ data.name }}"] }
`

/** Every process but the schedule worker, on the servers of that folder. */
async function startProcesses(dir: string, { ca, accounts, nodes }: Deployed, replicas: number): Promise<void> {
  const rules = join(dir, 'rules')
  await mkdir(rules)
  await writeFile(join(rules, 'greet.yaml'), RULE)
  const minionSeed = join(dir, 'minion.nk')
  const config = (seed: string): Config =>
    parseConfig(
      {
        namespace: NS,
        // One alone: the others have to be told of by it.
        servers: [nodes[0]!.url],
        tls: { ca },
        seed,
        streams: { replicas },
        operators: { [accounts.identities.admin]: 'admin' },
        master: {
          callout: { seed: accounts.seedFile('callout'), issuer: accounts.seedFile('issuer') },
          accepted_keys: { [ID]: minionNkey },
        },
        react: { rules },
        cache: { dir: join(dir, 'cache') },
        minion: { id: ID, dir: join(dir, 'minion') },
      },
      'the test',
    )
  const minionNkey = await identityIn(minionSeed)
  const add = (running: Running) => void onTestFinished(() => running.stop())
  add(await startMaster(config(accounts.seedFile('master')), silentLog))
  add(await startCache(config(accounts.seedFile('cache')), silentLog))
  add(await startJobs(config(accounts.seedFile('jobs')), silentLog))
  add(await startReact(config(accounts.seedFile('reactor')), silentLog))
  add(await startMinion(config(minionSeed), silentLog))
}

/** The operator admin, who sees every event. */
async function openAdmin({ ca, accounts, nodes }: Deployed) {
  const { nc, subjects, close } = await connectBus({
    servers: nodes.map(node => node.url),
    namespace: NS,
    name: 'admin',
    seedFile: accounts.seedFile('admin'),
    inboxPrefix: operatorInbox('admin'),
    tls: { ca },
    patient: false,
    log: silentLog,
  })
  onTestFinished(close)
  const publisher = createPublisher(nc)
  onTestFinished(() => publisher.stop())
  const events = createSeen<{ tag: string; data: Record<string, unknown> }>()
  nc.subscribe(`${NS}.live.>`, { callback: (_error, message) => events.push(message.json()) })
  await nc.flush()
  return { nc, subjects, events, fire: createFire(publisher, subjects, userOrigin('admin')) }
}

type Admin = Awaited<ReturnType<typeof openAdmin>>

/** A job on the minion, and its return. */
async function runsJobs({ nc, events }: Admin, word: string): Promise<void> {
  const request = { tgt: ID, fun: 'test.echo', arg: [word] }
  const answer = await requestJson<{ jid: string; minions: string[] }>(nc, `${NS}.publish`, request, {
    timeoutMs: 20_000,
    what: 'publish',
  })
  expect(answer.minions).toEqual([ID])
  const { data } = await events.find(({ tag }) => tag === `salt/job/${answer.jid}/ret/${ID}`, 'the return')
  expect(data).toMatchObject({ return: word, success: true })
}

/** An event, the reaction on it, and what the minion returned to it. */
async function reacts({ fire, events }: Admin, name: string): Promise<void> {
  await fire('hello/world', { name }, { deadlineMs: 30_000 })
  const returned = ({ tag, data }: { tag: string; data: Record<string, unknown> }) =>
    tag.endsWith(`/ret/${ID}`) && data.return === `hello ${name}`
  await events.find(returned, 'the return of the reaction')
}

async function start(kind: 'one-node' | 'cluster') {
  const dir = await testFolder()
  const servers = await deployed(dir, NS, kind)
  onTestFinished(() => servers.stop())
  await startProcesses(dir, servers, kind === 'cluster' ? 3 : 1)
  return servers
}

describe('deploy/nats/one-node.conf', () => {
  it('runs logins, jobs, events and reactions over TLS, and lets nobody else in', async () => {
    const servers = await start('one-node')
    const admin = await openAdmin(servers)
    await runsJobs(admin, 'one')
    await reacts(admin, 'Ada')
    const { ca, nodes } = servers
    const anybody = connectBus({
      servers: nodes[0]!.url,
      namespace: NS,
      name: 'anybody',
      tls: { ca },
      patient: false,
      log: silentLog,
    })
    await expect(anybody).rejects.toMatchObject({ code: 'forbidden' })
  })
})

describe('deploy/nats/cluster.conf', () => {
  it('keeps all of it going when the node that everybody is connected to is killed', async () => {
    const servers = await start('cluster')
    const before = await openAdmin(servers)
    await runsJobs(before, 'three nodes')
    await reacts(before, 'Ada')
    await servers.nodes[0]!.stop('SIGKILL')
    const after = await within(openAdmin({ ...servers, nodes: servers.nodes.slice(1) }), 'a login on another node')
    await reacts(after, 'Grace')
    await runsJobs(after, 'two nodes')
  }, 120_000)
})
