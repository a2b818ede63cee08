// The master's schedule on real processes: two schedule workers whose leader is killed and paused, and what was due while nothing ran.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { connect, nkeyAuthenticator } from '@nats-io/transport-node'
import { expect, it, onTestFinished } from 'vitest'
import { startNats } from '../chaos/nats.ts'
import { createRandom } from '../chaos/random.ts'
import { reactorProcess, type Victim } from '../chaos/supervisor.ts'
import { followEvents } from '../helpers/core.ts'
import { gapsIn, probing, slotsOf, writeProbe } from './schedule-system.ts'

const FOR_MS = 60_000
/** Longer than a lease. */
const PAUSE_MS = [6000, 9000] as const
const BETWEEN_MS = [500, 4000] as const

async function startSystem(schedule: Record<string, unknown>, env: NodeJS.ProcessEnv = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-schedule-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  for (const folder of ['logs', 'keys']) await mkdir(join(dir, folder))
  const modules = await writeProbe(dir)
  const nats = await startNats(dir)
  onTestFinished(() => nats.stop())
  const config = join(dir, 'config.json')
  await writeFile(config, JSON.stringify({ servers: [nats.url], module_dirs: [modules], schedule }))
  const worker = (name: string, kind: 'jobs' | 'schedule'): Victim => {
    const args = ['worker', kind, '--config', config, '--seed', nats.seedFile(kind), '--log-level', 'debug']
    const victim = reactorProcess(name, args, join(dir, 'logs', `${name}.log`), env)
    onTestFinished(() => victim.stop())
    return victim
  }
  const jobs = worker('jobs', 'jobs')
  await jobs.start()
  const nc = await connect({ servers: nats.url, authenticator: nkeyAuthenticator(nats.observerSeed) })
  onTestFinished(() => nc.close())
  const events = followEvents(nc, 'reactor.live.')
  await nc.flush()
  const keys = () => events.items.filter(({ tag }) => tag.startsWith('slot/')).map(({ data }) => String(data.key))
  return { worker, jobs, events, slots: (name: string) => slotsOf(name, keys()), flush: () => nc.flush() }
}

it('two schedule workers lose no slot and run none twice, while the one that leads is killed or paused at random', async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32))
  console.log(`schedule strikes: SEED=${seed}`)
  const random = createRandom(seed)
  const { worker, events, slots, flush } = await startSystem({
    counted: probing('counted', { seconds: 1, maxrunning: 100 }),
    free: probing('free', { every: '1s', jid_include: false }),
    once: probing('once', { run_on_start: true }),
  })
  const both = [worker('schedule1', 'schedule'), worker('schedule2', 'schedule')] as const
  await Promise.all(both.map(one => one.start()))
  await events.find(({ tag }) => tag === 'slot/free', 'the first slot')

  const strikes: string[] = []
  let at = 0
  for (const until = Date.now() + FOR_MS; Date.now() < until; ) {
    // The other one leads now, most likely.
    if (random.next() < 0.8) at = 1 - at
    const victim = both[at]!
    if (random.next() < 0.5) {
      const ms = random.whole(...PAUSE_MS)
      strikes.push(`${victim.name} paused for ${ms} ms`)
      victim.pause()
      await delay(ms)
      victim.resume()
    } else {
      strikes.push(`${victim.name} killed`)
      await victim.kill()
      await delay(random.whole(...BETWEEN_MS))
      await victim.start()
    }
    await delay(random.whole(...BETWEEN_MS))
  }
  // What was due until now, and what comes after the last takeover.
  const last = Date.now() + 8000
  await events.find(
    () => ['counted', 'free'].every(name => (slots(name).at(-1) ?? 0) > last),
    'slots after the last strike',
  )
  await flush()
  for (const name of ['counted', 'free']) {
    const all = slots(name)
    expect(all.length, strikes.join('; ')).toBeGreaterThan(FOR_MS / 1000)
    expect(gapsIn(all, 1000), `${name}, SEED=${seed}: ${strikes.join('; ')}`).toEqual({ missing: [], twice: [] })
  }
  expect(slots('once'), strikes.join('; ')).toHaveLength(1)
  expect(events.items.filter(({ tag }) => tag.endsWith('/skip'))).toEqual([])
}, 180_000)

const INTERVAL_MS = 5000
const AWAY_MS = 60_000

it('what was due while nothing ran is left, run once, or run all, as an entry says, and what is left is told', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-clock-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const clockFile = join(dir, 'clock')
  await writeFile(clockFile, '0')
  const preload = pathToFileURL(join(import.meta.dirname, 'clock-preload.mjs'))
  const names = ['plain', 'none', 'last', 'all']
  const entry = (name: string) =>
    probing(name, { every: INTERVAL_MS / 1000, jid_include: false, ...(name === 'plain' ? {} : { catch_up: name }) })
  const { worker, jobs, events, slots } = await startSystem(
    Object.fromEntries(names.map(name => [name, entry(name)])),
    { NODE_OPTIONS: `--import ${preload}`, CLOCK_FILE: clockFile },
  )
  const schedule = worker('schedule', 'schedule')
  await schedule.start()
  await events.find(() => names.every(name => slots(name).length > 0), 'a slot of each')
  await Promise.all([schedule.stop(), jobs.stop()])
  const before = slots('all').at(-1)!
  // Nothing has run for a minute.
  await writeFile(clockFile, String(AWAY_MS))
  await Promise.all([schedule.start(), jobs.start()])
  await events.find(
    () => names.every(name => slots(name).some(slot => slot > before + AWAY_MS + INTERVAL_MS)),
    'slots of each afterwards',
  )

  const told = (name: string) =>
    events.items.filter(({ tag }) => tag === `salt/schedule/${name}/skip`).map(({ data }) => data)
  const missing = (name: string) => gapsIn(slots(name), INTERVAL_MS).missing.length
  expect([missing('all'), told('all')]).toEqual([0, []])
  for (const name of ['plain', 'none', 'last']) {
    expect(missing(name), name).toBeGreaterThanOrEqual(AWAY_MS / INTERVAL_MS - 2)
    expect(told(name), name).toEqual([expect.objectContaining({ name, reason: 'missed', count: missing(name) })])
  }
  expect(missing('plain') - missing('last')).toBe(1)
  for (const name of names) expect(gapsIn(slots(name), INTERVAL_MS).twice, name).toEqual([])
})
