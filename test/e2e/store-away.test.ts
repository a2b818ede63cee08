// Databases that are stopped and killed under a steady load of jobs: the one of the master's job cache, and those of minions that
// write themselves. Nothing is lost, nothing is there twice, and it is said once.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { createClient } from 'redis'
import { expect, it, onTestFinished } from 'vitest'
import { type DatabaseServer, describeWith } from '../helpers/database.ts'
import { hasMariadb, startMariadb } from '../helpers/mariadb.ts'
import { hasPostgres, startPostgres } from '../helpers/postgres.ts'
import { hasRedis, startRedis } from '../helpers/redis.ts'
import { startTestServer } from '../helpers/server.ts'
import { MAIN, type Running, startReactor } from './reactor.ts'
import { SEED_TABLES } from './seed-tables.ts'
import { type SeenJob, startLoad } from './steady-load.ts'

type Row = Record<string, unknown>

const CLIENTS = 4
/** Jobs that end while the stores are away, and after they are back. */
const MEANWHILE = 50
const RARELY = { interval: 500 }

const missing = [hasMariadb, hasPostgres, hasRedis].find(({ yes }) => !yes)

async function startStores() {
  const stores = { mysql: await startMariadb(), postgres: await startPostgres(), redis: await startRedis() }
  onTestFinished(async () => void (await Promise.all(Object.values(stores).map(store => store.stop()))))
  const mysql = await stores.mysql.connect('salt')
  await mysql.query(SEED_TABLES)
  await mysql.end()
  const postgres = await stores.postgres.connect('salt')
  await postgres.query(await readFile('deploy/sql/postgres.sql', 'utf8'))
  await postgres.end()
  return stores
}

/** A minion in a process of its own, beside the one of `reactor up`. */
async function startMinion(reactor: Running, url: string, id: string, config: Row): Promise<void> {
  const file = join(reactor.dir, `${id}.json`)
  await writeFile(file, JSON.stringify({ ...config, minion: { id, dir: join(reactor.dir, id) } }))
  const child = spawn(process.execPath, [MAIN, 'minion', '--config', file, '--server', url], { stdio: 'ignore' })
  onTestFinished(async () => {
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  })
  await reactor.lines.find(({ tag }) => tag === `salt/minion/${id}/start`, `the start of ${id}`)
}

/** What a store has of each job: as many rows as it has of it, each as `minion text`. */
function byJob(rows: readonly { jid: unknown; full_ret: unknown }[]): Record<string, string[]> {
  const found: Record<string, string[]> = {}
  for (const { jid, full_ret } of rows) {
    const { id, return: text } = JSON.parse(String(full_ret))
    found[String(jid)] = [...(found[String(jid)] ?? []), `${id} ${text}`].sort()
  }
  return found
}
const wanted = (jobs: readonly SeenJob[], ...ids: string[]): Record<string, string[]> =>
  Object.fromEntries(jobs.map(({ jid, text }) => [jid, ids.map(id => `${id} ${text}`)]))

describeWith(missing ?? hasMariadb, 'stores that go away under a load of jobs', () => {
  it('have every job and every return once when they are back, stopped or killed, and it is said once', async () => {
    const stores = await startStores()
    const server = await startTestServer()
    onTestFinished(() => server.stop())
    const config = {
      isolation: 'none',
      ...stores.mysql.settings,
      ...stores.postgres.settings,
      ...stores.redis.settings,
    }
    const reactor = await startReactor({
      args: ['--id', 'web1', '--nats', server.url, '--isolation', 'none'],
      config: { ...config, master_job_cache: 'mysql', ext_job_cache: 'postgres' },
    })
    onTestFinished(async () => void (await reactor.clean()))
    await startMinion(reactor, server.url, 'web2', { ...config, ext_job_cache: 'redis' })
    const nc = await connect({ servers: server.url })
    onTestFinished(() => nc.close())
    const load = startLoad(nc, CLIENTS, ['web1', 'web2'])

    const alarms = () => reactor.lines.items.filter(({ tag }) => tag === 'salt/alarm/returner/master_job_cache mysql')
    const states = (id: string) =>
      reactor.lines.items.filter(({ tag }) => tag === `salt/minion/${id}/returner`).map(({ data }) => data.state)
    const said = (words: string) => reactor.said.items.filter(line => line.includes(words))
    const all = (act: (store: DatabaseServer) => Promise<void>) => Promise.all(Object.values(stores).map(act))

    await load.more(MEANWHILE)
    const strikes = [(store: DatabaseServer) => store.halt(), (store: DatabaseServer) => store.kill()]
    for (const [before, strike] of strikes.entries()) {
      await all(strike)
      await expect.poll(alarms, RARELY).toHaveLength(before + 1)
      await load.more(MEANWHILE)
      await all(store => store.start())
      await load.more(MEANWHILE)
      await expect.poll(() => said('takes records again'), RARELY).toHaveLength(before + 1)
      for (const id of ['web1', 'web2'])
        await expect.poll(() => states(id), RARELY).toEqual(strikes.slice(0, before + 1).flatMap(() => ['down', 'up']))
    }
    await load.stop()
    const jobs = load.ended

    const mysql = await stores.mysql.connect('salt')
    const postgres = await stores.postgres.connect('salt')
    const redis = createClient({ socket: { host: '127.0.0.1', port: stores.redis.port } })
    await redis.connect()
    onTestFinished(async () => {
      await mysql.end()
      await postgres.end()
      redis.destroy()
    })
    const inMysql = async (sql: string) => (await mysql.query(sql))[0] as Row[]
    const inRedis = async () =>
      byJob(
        await Promise.all(
          jobs.flatMap(({ jid }) => redis.hVals(`ret:${jid}`).then(([full_ret = '{}']) => ({ jid, full_ret }))),
        ),
      )
    const returns = 'SELECT jid, full_ret FROM salt_returns'
    await expect
      .poll(async () => byJob((await inMysql(returns)) as never), RARELY)
      .toEqual(wanted(jobs, 'web1', 'web2'))
    await expect.poll(async () => byJob((await postgres.query(returns)).rows), RARELY).toEqual(wanted(jobs, 'web1'))
    await expect.poll(inRedis, RARELY).toEqual(wanted(jobs, 'web2'))
    const loads = async () => {
      const found = (await inMysql('SELECT jid, `load` FROM jids')).map(row => JSON.parse(String(row.load)))
      return Object.fromEntries(found.map(({ jid, arg, minions }) => [jid, { arg, minions: [...minions].sort() }]))
    }
    // What was in hand at a strike is tried again in batches of its own, which may come after the returns.
    const sent = Object.fromEntries(jobs.map(({ jid, text }) => [jid, { arg: [text], minions: ['web1', 'web2'] }]))
    await expect.poll(loads, RARELY).toEqual(sent)

    expect(alarms()).toHaveLength(strikes.length)
    expect(said('takes nothing; it is tried again')).toHaveLength(strikes.length)
    for (const id of ['web1', 'web2']) expect(states(id)).toEqual(['down', 'up', 'down', 'up'])
    console.info(`${jobs.length} jobs, ${strikes.length} times without stores`)
  }, 300_000)
})
