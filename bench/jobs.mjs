// Jobs on one real minion: one after another, and many in flight; how much memory the processes have then.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createStack } from '../dist/base/service.js'
import { requestJson } from '../dist/bus/request.js'
import { createJidSource } from '../dist/protocol/jid.js'
import { compare, row } from './measure.mjs'
import { openBus, startProcess, startScript } from './stage.mjs'

export const title = 'jobs on one minion (raw: NATS requests and replies, as many in flight)'

const NAMESPACE = 'jobs'
const IN_FLIGHT = 128

export async function run(stage, { count, runs }) {
  const stack = createStack()
  try {
    const bus = await openBus(stage.url, NAMESPACE)
    stack.defer(() => bus.close())
    const dir = name => join(stage.dir, `${NAMESPACE}-${name}`)
    const master = stack.add(await startProcess(stage, NAMESPACE, ['master']))
    const cache = stack.add(await startProcess(stage, NAMESPACE, ['worker', 'cache'], { cache: { dir: dir('cache') } }))
    const jobs = stack.add(await startProcess(stage, NAMESPACE, ['worker', 'jobs']))
    const config = { minion: { id: 'bench', dir: dir('minion') } }
    const minion = stack.add(await startProcess(stage, NAMESPACE, ['minion'], config))
    stack.add(await startScript('chain.mjs', ['worker', stage.url, `${NAMESPACE}raw`]))
    const echo = () => bus.nc.request(`${NAMESPACE}raw.echo`, 'ping', { timeout: 5000 })
    const pings = openPings(bus)
    stack.defer(() => pings.stop())
    const idle = await residentMiB(minion)
    const rate = (jobsCount, inFlight, one) => () => perSecond(jobsCount, inFlight, one)
    const few = Math.max(200, count / 100)
    const many = Math.max(1000, count / 12)
    const rows = [
      await compare({
        name: 'jobs one after another',
        unit: '/s',
        runs,
        raw: rate(few, 1, echo),
        real: rate(few, 1, pings.run),
      }),
      await compare({
        name: `jobs with ${IN_FLIGHT} in flight`,
        unit: '/s',
        aim: { of: 'value', atLeast: 1000 },
        runs,
        raw: rate(many, IN_FLIGHT, echo),
        real: rate(many, IN_FLIGHT, pings.run),
      }),
    ]
    const memory = async (name, process, aim) => row({ name, unit: 'MiB', real: await residentMiB(process), aim })
    return [
      ...rows,
      row({ name: 'memory of a minion, idle', unit: 'MiB', real: idle, aim: { of: 'value', atMost: 80 } }),
      await memory('memory of a minion, after all of it', minion),
      await memory('memory of the master', master),
      await memory('memory of a job worker', jobs),
      await memory('memory of a cache worker', cache),
    ]
  } finally {
    await stack.stop()
  }
}

/** Runs `test.ping` by request; resolved by its return. One subscription for all, as a client with many jobs would. */
function openPings({ nc, subjects }) {
  const waiting = new Map()
  const newJid = createJidSource()
  const at = subjects.livePrefix.split('.').length - 1
  const subscription = nc.subscribe(`${subjects.livePrefix}*.salt.job.*.ret.>`, {
    callback: (_error, message) => {
      const jid = message.subject.split('.')[at + 3]
      waiting.get(jid)?.()
      waiting.delete(jid)
    },
  })
  const options = { timeoutMs: 10_000, what: 'publish' }
  return {
    async run() {
      const jid = newJid()
      const returned = new Promise(resolve => waiting.set(jid, resolve))
      await requestJson(nc, subjects.publish, { tgt: 'bench', fun: 'test.ping', jid }, options)
      await returned
    },
    stop: () => subscription.unsubscribe(),
  }
}

async function perSecond(count, inFlight, one) {
  const started = performance.now()
  let next = 0
  const lane = async () => {
    while (next < count) {
      next += 1
      await one()
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return count / ((performance.now() - started) / 1000)
}

/** Of what the kernel counts as its own: resident, in MiB. */
async function residentMiB({ pid }) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)[1]) / 1024
}
