// Three nats-servers as deploy/nats has them, all streams on each of them: any one may be killed under load.
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { jetstreamManager, type StreamInfo } from '@nats-io/jetstream'
import { createUser } from '@nats-io/nkeys'
import type { NatsConnection } from '@nats-io/transport-node'
import { expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { type Bus, connectBus } from '../../src/bus/connect.ts'
import { createFire } from '../../src/bus/fire.ts'
import { identityIn } from '../../src/bus/identity.ts'
import { createPublisher } from '../../src/bus/publish.ts'
import { operatorInbox } from '../../src/protocol/inbox.ts'
import { userOrigin } from '../../src/protocol/origin.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { startTail } from '../../src/tail/run.ts'
import { slotOf, tagsOf } from '../chaos/kinds.ts'
import { startObserver } from '../chaos/observer.ts'
import { createReader, type Reader } from '../chaos/records.ts'
import { reactorProcess } from '../chaos/supervisor.ts'
import { countEnds, endsOf, judge, wantedBy } from '../chaos/verdict.ts'
import { type Deployed, deployed } from '../helpers/deployed.ts'
import { testFolder } from '../helpers/folder.ts'
import { createSeen, type Seen, within } from '../helpers/wait.ts'

/** Plain ones, retries that wait as schedules, rules that remember, and jobs on a minion. */
const KINDS = ['idempotent', 'once', 'retried', 'throttle', 'count', 'all', 'absent', 'group', 'local'] as const
const EVERY_MS = 40
const LOOK_EVERY_MS = 250
const SETTLES_MS = 60_000

it('three nats-servers survive the loss of each in turn under load, and each catches up', async () => {
  const dir = await testFolder()
  const observer = createUser()
  const servers = await deployed(dir, 'reactor', 'cluster', observer.getPublicKey())
  onTestFinished(() => servers.stop())
  await startProcesses(dir, servers)
  const observerFile = join(dir, 'observer.nk')
  await writeFile(observerFile, observer.getSeed(), { mode: 0o600 })
  const { nc: core } = await open(servers, observerFile, '_INBOX')
  const bus = await open(servers, servers.accounts.seedFile('admin'), operatorInbox('admin'))
  const { nc: operator } = bus
  const tail = await startLoadTail(bus)

  const loading = startLoad(operator)
  const alone: number[] = []
  for (const node of servers.nodes) {
    await loading.more(20)
    await node.stop('SIGKILL')
    // What is fired now is stored by the two that are left.
    const before = loading.accepted.size
    await loading.more(30)
    alone.push(loading.accepted.size - before)
    await node.start()
    await caughtUp(core)
  }
  const { accepted, fired, refused } = await loading.end()
  for (const count of alone) expect(count).toBeGreaterThan(0)
  expect(refused).toEqual([])
  expect(accepted.size).toBe(fired)

  const reader = createReader(core, operator)
  await ended(reader, accepted)
  const records = await reader.read()
  const counting = await startObserver()
  const effects = await counting.effects(dir)
  const problems = judge({ loaded: { accepted, jobs: [], fired }, effects, records, views: new Map() })
  expect(
    problems.map(({ what, about }) => `${about}: ${what}`),
    JSON.stringify(countEnds(records)),
  ).toEqual([])
  // It is on one node, and reads from history what passed while that was away.
  const inStore = records.events.filter(({ tag }) => tag.startsWith('load/')).map(({ id }) => id)
  await tail.reach(inStore.length)
  expect(tail.items).toEqual(inStore)
}, 240_000)

/** Ids of the events of the load, as `reactor tail` shows them. */
async function startLoadTail(bus: Bus): Promise<Seen<string>> {
  const shown = createSeen<string>()
  const tail = await startTail({
    client: { bus },
    options: { globs: ['load/**'], json: true },
    write: text => {
      for (const line of text.split('\n')) shown.push((JSON.parse(line) as { id: string }).id)
    },
    notice: () => undefined,
  })
  onTestFinished(() => tail.stop())
  return shown
}

function startLoad(nc: NatsConnection) {
  const publisher = createPublisher(nc)
  onTestFinished(() => publisher.stop())
  const fire = createFire(publisher, createSubjects('reactor'), userOrigin('admin'))
  const accepted = new Set<string>()
  const firing: Promise<void>[] = []
  const refused: string[] = []
  const stored = createSeen<string>()
  let stopped = false
  let n = 0
  let fired = 0
  const one = async (n: number) => {
    for (const tag of tagsOf(KINDS[n % KINDS.length]!, n)) {
      fired++
      const { id } = await fire(tag, { n, slot: slotOf(n) })
      accepted.add(id)
      stored.push(id)
    }
  }
  const run = async () => {
    while (!stopped) {
      firing.push(one(n++).catch(error => void refused.push(String(error))))
      await delay(EVERY_MS)
    }
    await Promise.all(firing)
  }
  const running = run()
  onTestFinished(() => {
    stopped = true
  })
  return {
    accepted,
    more: (count: number) => stored.reach(stored.items.length + count),
    async end() {
      stopped = true
      await within(running, 'the acks of the last events')
      return { accepted, fired, refused }
    },
  }
}

async function startProcesses(dir: string, { ca, accounts, nodes }: Deployed): Promise<void> {
  for (const folder of ['rules', 'config']) await mkdir(join(dir, folder))
  const from = join(import.meta.dirname, '../chaos')
  for (const file of await readdir(join(from, 'rules'))) {
    const text = await readFile(join(from, 'rules', file), 'utf8')
    await writeFile(join(dir, 'rules', file), text.replaceAll('dir: DIR', `dir: ${JSON.stringify(dir)}`))
  }
  await cp(join(from, 'modules'), join(dir, 'modules'), { recursive: true })
  const minionSeed = join(dir, 'm1.nk')
  const config = {
    servers: nodes.map(({ url }) => url),
    tls: { ca },
    streams: { replicas: 3 },
    module_dirs: [join(dir, 'modules')],
    operators: { [accounts.identities.admin]: 'admin' },
    master: {
      callout: { seed: accounts.seedFile('callout'), issuer: accounts.seedFile('issuer') },
      accepted_keys: { m1: await identityIn(minionSeed) },
    },
    cache: { dir: join(dir, 'cache') },
    jobs: { job_timeout: '20s', run_timeout: '30s' },
    // No rule of this load uses them.
    profiles: {
      smtp: { observer: { host: '127.0.0.1', port: 1, tls: 'none', from: 'a@localhost', to: 'b@localhost' } },
      http: { observer: { url: 'http://127.0.0.1:1' } },
    },
    minion: { id: 'm1', dir: join(dir, 'minion') },
  }
  const file = join(dir, 'config', 'config.json')
  await writeFile(file, JSON.stringify(config))
  const start = async (name: string, words: string[], seed: string) => {
    const args = [...words, '--config', file, '--seed', seed, '--log-level', 'debug']
    const process = reactorProcess(name, args, join(dir, `${name}.log`))
    onTestFinished(() => process.stop())
    await process.start()
  }
  const seed = accounts.seedFile
  await start('master', ['master'], seed('master'))
  await Promise.all([
    start('cache', ['worker', 'cache'], seed('cache')),
    start('jobs', ['worker', 'jobs'], seed('jobs')),
    start('react', ['react', '--rules', join(dir, 'rules')], seed('reactor')),
    start('m1', ['minion'], minionSeed),
  ])
}

async function open({ ca, nodes }: Deployed, seedFile: string, inboxPrefix: string): Promise<Bus> {
  const servers = nodes.map(({ url }) => url)
  const about = { namespace: 'reactor', name: 'test', tls: { ca }, patient: true, log: silentLog }
  const bus = await connectBus({ servers, seedFile, inboxPrefix, ...about })
  onTestFinished(() => bus.close())
  return bus
}

/** Resolves once every stream is on all three again. */
async function caughtUp(core: NatsConnection): Promise<void> {
  const jsm = await jetstreamManager(core, { checkAPI: false })
  let stopped = false
  const look = async (): Promise<void> => {
    while (!stopped) {
      const infos: StreamInfo[] = []
      // While the nodes agree on who leads nobody answers.
      try {
        for await (const info of jsm.streams.list()) infos.push(info)
      } catch {
        infos.length = 0
      }
      const behind = infos.filter(
        ({ cluster }) => cluster?.replicas?.length !== 2 || cluster.replicas.some(({ current }) => !current),
      )
      if (infos.length > 0 && behind.length === 0) return
      await delay(LOOK_EVERY_MS)
    }
  }
  await within(look(), 'streams that are on three servers', SETTLES_MS).finally(() => {
    stopped = true
  })
}

/** Resolves once every accepted event has an end on record, or when the time is over: the judge says what has none. */
async function ended(reader: Reader, accepted: ReadonlySet<string>): Promise<void> {
  for (const giveUp = Date.now() + SETTLES_MS; Date.now() < giveUp; ) {
    const records = await reader.read()
    const ends = endsOf(records)
    const stored = new Set(records.events.map(({ id }) => id))
    if ([...accepted].every(id => stored.has(id)) && wantedBy(records.events).every(({ key }) => ends.has(key))) return
    await delay(LOOK_EVERY_MS)
  }
}
