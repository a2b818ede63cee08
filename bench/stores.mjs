// Returns into stores: batches of 500 through each returner, beside the same rows made and written by the client
// library of the store alone.
import { join } from 'node:path'
import { silentLog } from '../dist/base/log.js'
import { findReturners } from '../dist/returner/load.js'
import { createStores } from '../dist/returner/open.js'
import { optionsOf } from '../dist/returner/options.js'
import { bareFile, bareMysql, barePostgres, bareRedis, bareSqlite } from './bare-stores.mjs'
import { startDatabaseServers } from './database-servers.mjs'
import { compare } from './measure.mjs'

export const title = 'returns into stores, in batches of 500 (raw: the client library of the store alone)'

const BATCH = 500
/** Minions of a job. */
const MINIONS = 100

export async function run(stage, { runs, count }) {
  const servers = await startDatabaseServers()
  const file = name => join(stage.dir, `stores.${name}`)
  const { mysql, postgres, redis } = servers.stores
  const [database, filename] = [file('sqlite'), file('jsonl')]
  const SUBJECTS = {
    mysql: mysql && { settings: mysql.settings, bare: () => bareMysql(mysql) },
    postgres: postgres && { settings: postgres.settings, bare: () => barePostgres(postgres) },
    sqlite: { settings: { 'sqlite.database': database }, bare: async () => bareSqlite(database) },
    redis: redis && { settings: redis.settings, bare: () => bareRedis(redis) },
    rawfile_json: { settings: { 'rawfile_json.filename': filename }, bare: async () => bareFile(filename) },
  }
  const results = []
  try {
    for (const [name, subject] of Object.entries(SUBJECTS)) {
      if (subject) results.push(await measure(name, subject, runs, count))
      else process.stderr.write(`  ${name} is skipped: ${servers.missing[name]}\n`)
    }
  } finally {
    await servers.stop()
  }
  return results
}

async function measure(name, { settings, bare: openBare }, runs, count) {
  const returners = await findReturners()
  const stores = createStores({ returners, settings, log: silentLog, id: 'bench', profiles: { smtp: {}, http: {} } })
  const definition = await returners.load(name)
  await definition.create?.(optionsOf(name, definition, settings), { log: silentLog, id: 'bench', open: stores.open })
  const store = await stores.open(name)
  const bare = await openBare()
  try {
    const returns = Array.from({ length: count }, (_, n) => returnOf(n))
    return await compare({
      name,
      unit: '/s',
      aim: { atLeast: 0.7 },
      runs,
      raw: () => timed(bare, returns, batch => bare.write(batch)),
      real: () => timed(bare, returns, batch => store.returner(batch)),
    })
  } finally {
    await bare.close()
    await stores.close()
  }
}

/** Records a second, one batch after another, into a store in which there is nothing. */
async function timed(bare, records, write) {
  await bare.empty()
  const started = performance.now()
  for (let from = 0; from < records.length; from += BATCH) await write(records.slice(from, from + BATCH))
  return (records.length / (performance.now() - started)) * 1000
}

const returnOf = n => ({
  ...{ id: `minion-${n % MINIONS}.example.com`, jid: `20261121${String(Math.floor(n / MINIONS)).padStart(12, '0')}` },
  ...{ fun: 'cmd.run', fun_args: ['uptime'], retcode: 0, success: true, cmd: '_return' },
  return: ' 12:30:01 up 41 days,  3:02,  1 user,  load average: 0.08, 0.03, 0.01',
  _stamp: '2026-11-21T12:30:01.838387',
})
