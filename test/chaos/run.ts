// One run: the system under load, struck while it works; then it is left alone until all has come to its end, and judged.
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node'
import { operatorInbox } from '../../src/protocol/inbox.ts'
import { load } from './load.ts'
import { seedIn } from './nats.ts'
import { firedEffects, startObserver } from './observer.ts'
import { createRandom } from './random.ts'
import { createReader, type Reader } from './records.ts'
import { strike } from './strikes.ts'
import { startSystem } from './system.ts'
import { countEnds, endsOf, jidsIn, judge, neverDone, type Problem, wantedBy } from './verdict.ts'

export interface Run {
  /** Logs, effects and, where there are problems, `problems.json`. */
  dir: string
  problems: Problem[]
  accepted: number
  strikes: number
  neverDone: string[]
  /** Of each rule how many reactions ended how. */
  ends: Record<string, string>
}

/** After the load everything that is due must have come to its end within this time. */
const SETTLE_MS = 90_000
const LOOK_EVERY_MS = 1000
const QUIET_LOOKS = 3

/** What goes wrong with the run itself throws, naming the folder with the logs. */
export async function runChaos(seed: number, seconds: number): Promise<Run> {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-chaos-'))
  return runIn(dir, seed, seconds).catch(error => {
    throw new Error(`seed ${seed}: the run itself failed, its logs are in ${dir}: ${error}`, { cause: error })
  })
}

async function runIn(dir: string, seed: number, seconds: number): Promise<Run> {
  const random = createRandom(seed)
  const observer = await startObserver()
  const system = await startSystem(dir, observer)
  const connections: NatsConnection[] = []
  try {
    const open = async (seed: Uint8Array, inboxPrefix: string) => {
      const authenticator = nkeyAuthenticator(seed)
      const servers = system.nats.url
      const nc = await connect({
        servers,
        authenticator,
        inboxPrefix,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 100,
      })
      connections.push(nc)
      return nc
    }
    const operator = await open(await seedIn(system.nats.seedFile('admin')), operatorInbox('admin'))
    const reader = createReader(await open(system.nats.observerSeed, '_INBOX'), operator)
    const until = Date.now() + seconds * 1000
    const [loaded, strikes] = await Promise.all([
      load(operator, dir, random.fork(), until),
      strike(system.victims, random.fork(), until),
    ])
    await settled(reader)
    const records = await reader.read()
    const views = await reader.views(jidsIn(records))
    const effects = [...(await observer.effects(dir)), ...firedEffects(records.events)]
    const problems = judge({ loaded, effects, records, views })
    await writeFile(join(dir, 'problems.json'), JSON.stringify({ seed, seconds, strikes, problems }, null, 2))
    return {
      ...{ dir, problems, accepted: loaded.accepted.size, strikes: strikes.length },
      ...{ neverDone: neverDone(records), ends: countEnds(records) },
    }
  } finally {
    await Promise.all(connections.map(nc => nc.close()))
    await system.stop()
  }
}

/** Resolves once every reaction has an end on record and no job may be answered any more, or when the time is over. */
async function settled(reader: Reader): Promise<void> {
  const giveUp = Date.now() + SETTLE_MS
  let [quiet, known] = [0, -1]
  while (Date.now() < giveUp && quiet < QUIET_LOOKS) {
    await delay(LOOK_EVERY_MS)
    const records = await reader.read()
    const ends = endsOf(records)
    const isOver = wantedBy(records.events).every(({ key }) => ends.has(key)) && (await reader.active()).length === 0
    // Nothing more comes: a worker that was late may still correct what was said of it.
    const count = records.decisions.length + records.events.length
    quiet = isOver && count === known ? quiet + 1 : 0
    known = count
  }
}
