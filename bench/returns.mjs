// Returns into the job cache: stored events, through the cache worker with its consumer, into a SQLite file, acked after
// the commit; beside a raw callback that parses and acks, and the store alone, given the same facts in batches of 500.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { silentLog } from '../dist/base/log.js'
import { systemClock } from '../dist/base/clock.js'
import { createFire } from '../dist/bus/fire.js'
import { deliveryFromStream } from '../dist/bus/raw.js'
import { createFactReader } from '../dist/cache/facts.js'
import { openSqliteStore, sqliteFailure } from '../dist/cache/sqlite-store.js'
import { startCacheWorker } from '../dist/cache/worker.js'
import { minionOrigin, serviceOrigin } from '../dist/protocol/origin.js'
import { consumerNames, streamNames } from '../dist/protocol/streams.js'
import { rawConsumer, timeConsume } from './consume.mjs'
import { compare } from './measure.mjs'
import { openBus } from './stage.mjs'

export const title = 'returns into the job cache, SQLite (raw: callback consume + parse + ack)'

const DAY = 86_400_000
const TIMES = { jobTimeoutMs: 300_000, runTimeoutMs: DAY }
const BATCH = 500

export async function run(stage, { runs, count }) {
  const results = []
  for (const minions of [1, 100]) {
    const bus = await openBus(stage.url, `returns${minions}`)
    try {
      const events = await fill(bus, count, minions)
      const facts = await readFacts(bus, events)
      const dir = join(stage.dir, `returns${minions}`)
      results.push(
        await compare({
          // With one minion a job, half of the events announce a job.
          name: minions === 1 ? 'events of jobs stored, 1 minion each' : `returns stored, ${minions} minions a job`,
          unit: '/s',
          ...(minions === 1 ? {} : { aim: { of: 'value', atLeast: 10_000 } }),
          runs,
          raw: () => timeConsume(bus, events, rawConsumer, parseAndAck),
          real: () => withStore(dir, store => timeWorker(bus, store, events)),
          others: { 'store alone': () => withStore(dir, store => timeStore(store, facts)) },
        }),
      )
    } finally {
      await bus.close()
    }
  }
  return results
}

/** Jobs of so many minions, each announced and returned by all; gives the number of events. */
async function fill({ publisher, subjects }, returns, minions) {
  const jobs = createFire(publisher, subjects, serviceOrigin('_jobs'))
  const ids = Array.from({ length: minions }, (_, n) => `minion-${n}.example.com`)
  const fires = ids.map(id => createFire(publisher, subjects, minionOrigin(id)))
  const count = Math.floor(returns / minions)
  let next = 0
  const lane = async () => {
    while (next < count) {
      const jid = `20261121${String(next++).padStart(12, '0')}`
      await jobs(`salt/job/${jid}/new`, {
        ...{ jid, tgt: '*', tgt_type: 'glob', fun: 'cmd.run', arg: ['uptime'], minions: ids, missing: [], user: 'root' },
        ...{ deadline: Date.now() + 300_000, run_until: Date.now() + DAY },
      })
      const giveBack = (id, n) => fires[n](`salt/job/${jid}/ret/${id}`, returnOf(jid, id))
      await Promise.all(ids.map(giveBack))
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, Math.floor(512 / minions)) }, lane))
  return count * (minions + 1)
}

const returnOf = (jid, id) => ({
  ...{ id, jid, fun: 'cmd.run', fun_args: ['uptime'], retcode: 0, success: true, cmd: '_return' },
  return: ' 12:30:01 up 41 days,  3:02,  1 user,  load average: 0.08, 0.03, 0.01',
})

async function withStore(dir, use) {
  const store = await openSqliteStore({ dir, maxBytes: 4 * 1024 ** 3, log: silentLog })
  try {
    return await use(store)
  } finally {
    store.close()
    await rm(dir, { recursive: true, force: true })
  }
}

/** Through the worker: events a second, returns and announcements, from the first commit to the last. */
async function timeWorker({ nc, subjects }, store, events) {
  let left = events
  let started = 0
  let finish
  const finished = new Promise(resolve => {
    finish = resolve
  })
  const counting = {
    ...store,
    async commit(facts) {
      started ||= performance.now()
      await store.commit(facts)
      left -= facts.length
      if (left === 0) finish(performance.now())
    },
  }
  const worker = await startCacheWorker({
    ...{ nc, subjects, store: counting, readFailure: sqliteFailure, keepMs: DAY, clock: systemClock, log: silentLog },
    ...TIMES,
  })
  const ended = await finished
  await worker.stop()
  await nc.flush()
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  await jsm.consumers.delete(streamNames(subjects.ns).events, consumerNames(subjects.ns).cache)
  return (events / (ended - started)) * 1000
}

async function timeStore(store, facts) {
  const started = performance.now()
  for (let from = 0; from < facts.length; from += BATCH) await store.commit(facts.slice(from, from + BATCH))
  return (facts.length / (performance.now() - started)) * 1000
}

/** All events as the worker hands them to the store. */
async function readFacts(bus, events) {
  const readFact = createFactReader(bus.subjects.eventPrefix, TIMES)
  const facts = []
  await timeConsume(bus, events, rawConsumer, (message, done) => {
    facts.push({ fact: readFact(deliveryFromStream(message)).fact, bytes: message.data.length })
    message.ack()
    done()
  })
  return facts
}

let read = 0
const parseAndAck = (message, done) => {
  // Kept, so that the compiler cannot drop the parse.
  read += message.json().data.jid.length
  message.ack()
  done()
}
