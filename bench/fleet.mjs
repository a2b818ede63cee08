// `test.ping` to every minion of a fleet, until the last return is there, beside one NATS message that all of them answer.
// The minions are real connections with light clients behind them, all in one process.
import { join } from 'node:path'
import { createStack } from '../dist/base/service.js'
import { callMinions } from '../dist/call/collect.js'
import { openMinionBucket } from '../dist/fleet/registry.js'
import { createJidSource } from '../dist/protocol/jid.js'
import { escapeToken } from '../dist/protocol/token.js'
import { compare } from './measure.mjs'
import { openBus, startProcess, startScript } from './stage.mjs'

export const title = 'test.ping to a whole fleet (raw: one NATS broadcast that all answer)'

export async function run(stage, { runs, quick }) {
  const rows = []
  for (const size of quick ? [1000] : [1000, 5000]) rows.push(await measure(stage, size, runs))
  return rows
}

async function measure(stage, size, runs) {
  const namespace = `fleet${size}`
  const broadcast = `${namespace}raw.all`
  const stack = createStack()
  try {
    const bus = await openBus(stage.url, namespace)
    stack.defer(() => bus.close())
    const bucket = await openMinionBucket(bus.nc, namespace, 1)
    const ids = Array.from({ length: size }, (_, n) => `m${n}`)
    await Promise.all(ids.map(id => bucket.put(escapeToken(id), JSON.stringify({ id, grains: { id, os: 'Debian' } }))))
    const config = { cache: { dir: join(stage.dir, `${namespace}-cache`) } }
    stack.add(await startProcess(stage, namespace, ['worker', 'cache'], config))
    stack.add(await startProcess(stage, namespace, ['worker', 'jobs']))
    stack.add(await startScript('fleet-minions.mjs', [stage.url, namespace, broadcast, String(size)]))
    const newJid = createJidSource()
    return await compare({
      name: `${size.toLocaleString('en-US')} minions, last return`,
      unit: 'ms',
      aim: { of: 'ratio', atMost: 3 },
      runs,
      raw: () => timed(() => broadcastOnce(bus.nc, broadcast, size)),
      real: () => timed(() => pingAll(bus, newJid(), size)),
    })
  } finally {
    await stack.stop()
  }
}

function broadcastOnce(nc, subject, size) {
  return new Promise((resolve, reject) => {
    const inbox = `_INBOX.raw${Math.random().toString(36).slice(2)}`
    const late = setTimeout(() => reject(new Error(`${open} of ${size} did not answer the broadcast`)), 60_000)
    let open = size
    const subscription = nc.subscribe(inbox, {
      callback: () => {
        open -= 1
        if (open > 0) return
        clearTimeout(late)
        subscription.unsubscribe()
        resolve()
      },
    })
    nc.publish(subject, 'ping', { reply: inbox })
  })
}

async function pingAll(bus, jid, size) {
  let returns = 0
  const onReturn = () => {
    returns += 1
  }
  const request = { tgt: '*', tgt_type: 'glob', fun: 'test.ping' }
  const options = { timeoutMs: 60_000, signal: new AbortController().signal, user: 'bench' }
  const { silent } = await callMinions(bus, jid, request, { onReturn }, options)
  if (returns !== size) throw new Error(`${returns} of ${size} minions returned, ${silent.length} are silent`)
}

async function timed(work) {
  const started = performance.now()
  await work()
  return performance.now() - started
}
