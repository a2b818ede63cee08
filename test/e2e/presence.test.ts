// Presence of five thousand minions over real masters that are restarted, killed and paused: each loss is told once, and no other.
// One story: what a test tells by mistake a later one finds at the latest, and the last one waits for a loss after all of it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createStack } from '../../src/base/service.ts'
import { reactorProcess, type Victim } from '../chaos/supervisor.ts'
import { type RestartableServer, startRestartableServer } from '../helpers/restartable.ts'
import { hearPresence, type SimulatedFleet, simulateFleet, type Told } from './presence-fleet.ts'

const MINIONS = 5000
const LOST_AFTER_S = 8
const BEAT_MS = 2000
const ROUNDS_OF_LIMIT = Math.ceil((LOST_AFTER_S * 1000) / BEAT_MS) + 1
const LONG_MS = 240_000

const ids = Array.from({ length: MINIONS }, (_, n) => `m${String(n).padStart(4, '0')}`)
const evens = ids.filter((_, n) => n % 2 === 0)

let server: RestartableServer
let fleet: SimulatedFleet
let told: Told
const masters: Victim[] = []
const stack = createStack()

beforeAll(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-presence-'))
  stack.defer(() => rm(dir, { recursive: true, force: true }))
  server = await startRestartableServer()
  stack.defer(() => server.remove())
  const config = join(dir, 'master.json')
  await writeFile(
    config,
    JSON.stringify({ isolation: 'none', servers: [server.url], master: { lost_after: `${LOST_AFTER_S}s` } }),
  )
  for (const name of ['first', 'second'])
    masters.push(stack.add(reactorProcess(name, ['master', '--config', config], join(dir, `${name}.log`))))
  fleet = stack.add(await simulateFleet(server.url, 'reactor', BEAT_MS))
}, LONG_MS)
afterAll(() => stack.stop(), LONG_MS)

const [first, second] = [() => masters[0]!, () => masters[1]!]

/** Longer than a minion may be silent. */
const aLimit = () => fleet.rounds.reach(fleet.rounds.items.length + ROUNDS_OF_LIMIT)

/** So many more are told. */
const come = (count: number) => told.news.reach(told.news.items.length + count)
const gone = (count: number) => told.lost.reach(told.lost.items.length + count)

describe('of five thousand minions', () => {
  it(
    'all are told as new, once, and in few events',
    async () => {
      await first().start()
      await second().start()
      told = stack.add(await hearPresence(server.url, 'reactor'))
      fleet.start(ids)
      await come(MINIONS)
      expect(told.events()).toBeLessThan(MINIONS / 50)
      expect(told.since()).toEqual({ new: ids, lost: [] })
    },
    LONG_MS,
  )

  it(
    'half are killed at once, and the master that tells too as it begins: another tells the rest, each once',
    async () => {
      const [begins, ends] = [gone(1), gone(evens.length)]
      fleet.kill(evens)
      await begins
      await first().kill()
      await ends
      expect(told.since()).toEqual({ new: [], lost: evens })
    },
    LONG_MS,
  )

  it(
    'who comes and goes while no master runs is told by the next one, and nobody else',
    async () => {
      await second().stop()
      fleet.kill(['m0001', 'm0003'])
      fleet.start([...evens, 'x1'])
      const all = Promise.all([come(evens.length + 1), gone(2)])
      await first().start()
      await all
      expect(told.since()).toEqual({ new: [...evens, 'x1'], lost: ['m0001', 'm0003'] })
    },
    LONG_MS,
  )

  it(
    'none is lost because the master that led was paused, nor because all of them were for longer than the limit',
    async () => {
      await second().start()
      first().pause()
      const one = come(1)
      fleet.start(['m0001'])
      await one
      second().pause()
      await aLimit()
      first().resume()
      second().resume()
      const another = come(1)
      fleet.start(['m0003'])
      await another
      expect(told.since()).toEqual({ new: ['m0001', 'm0003'], lost: [] })
    },
    LONG_MS,
  )

  it(
    'none is lost because the nats-server was away, but who is gone since',
    async () => {
      fleet.kill(['x1'])
      await server.end()
      await aLimit()
      const loss = gone(1)
      await server.start()
      await loss
      expect(told.since()).toEqual({ new: [], lost: ['x1'] })
    },
    LONG_MS,
  )
})
