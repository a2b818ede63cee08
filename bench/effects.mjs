// From stored events to the effects of their reactions, with all the events of their jobs: a real reactor and a real job
// worker in processes of their own. Drained: a full stream; sustained: 5,000 causes a second; a burst of 2,000.
// Beside the drained figure a raw chain of as many stored messages.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { createStack } from '../dist/base/service.js'
import { streamNames } from '../dist/protocol/streams.js'
import { median, percentile } from './measure.mjs'
import { fillEvents, openBus, startProcess, startScript } from './stage.mjs'

export const title = 'events → effects of a runner, with all events of their jobs (raw: the same stored messages, no logic)'

const ruleOf = fun => `rule: bench-effect
on: bench/cause/*
do:
  - runner.${fun}: { tag: "bench/effect/{{ data.n }}", data: {} }
`
/** As event.send, but said to be safe to repeat: it needs no mark of its start. */
const MODULE = `import { runner, z } from 'reactor'
export const effect = runner({
  doc: 'Fires an event.',
  idempotent: true,
  args: { tag: z.string(), data: z.record(z.string(), z.unknown()) },
  run: ({ tag, data }, context) => context.fire(tag, data).then(() => true),
})
`
const SUSTAINED = 5000
const BURST = 2000

export async function run(stage, { runs, count, seconds }) {
  const dir = join(stage.dir, 'effects')
  await mkdir(join(dir, 'runners'), { recursive: true })
  await writeFile(join(dir, 'runners', 'bench.js'), MODULE)
  const real = fun => (stage, ns) => realChain(stage, ns, dir, fun)
  const drained = { raw: [], real: [], marked: [] }
  for (let run = 0; run < runs; run++) {
    drained.raw.push(await drain(stage, `raweff${run}`, count, rawChain))
    drained.real.push(await drain(stage, `effects${run}`, count, real('bench.effect')))
    drained.marked.push(await drain(stage, `marked${run}`, count, real('event.send')))
  }
  const beside = (name, taken, aim) => ({
    ...{ name, unit: '/s', value: median(taken), raw: median(drained.raw) },
    ratio: median(taken.map((one, n) => one / drained.raw[n])),
    ...(aim ? { aim: { of: 'value', atLeast: aim } } : {}),
  })
  const steady = await steadily(stage, real('bench.effect'), seconds)
  return [
    beside('drained, a function that is idempotent', drained.real, 8000),
    beside('drained, one that leaves a mark first', drained.marked),
    { name: `sustained at ${SUSTAINED}/s: last effect after`, unit: 'ms', value: steady.behind, aim: { of: 'value', atMost: 1000 } },
    { name: 'sustained: event → effect p50', unit: 'ms', value: steady.p50 },
    { name: 'sustained: event → effect p99', unit: 'ms', value: steady.p99 },
    { name: `burst of ${BURST}: last effect after`, unit: 'ms', value: steady.burst, aim: { of: 'value', atMost: 500 } },
  ]
}

async function realChain(stage, ns, dir, fun) {
  const rules = join(stage.dir, `${ns}.yaml`)
  await writeFile(rules, ruleOf(fun))
  const config = { module_dirs: [dir] }
  return [await startProcess(stage, ns, ['worker', 'jobs'], config), await startProcess(stage, ns, ['react', '--rules', rules], config)]
}
const rawChain = async (stage, ns) => [
  await startScript('chain.mjs', ['worker', stage.url, ns]),
  await startScript('chain.mjs', ['reactor', stage.url, ns]),
]

/** Effects a second from the first to the last of a stream that was full before anybody read it. */
async function drain(stage, ns, count, start) {
  const stack = createStack()
  try {
    const bus = await openBus(stage.url, ns)
    stack.defer(() => bus.close())
    await fillEvents(bus, count, n => `bench/cause/${n}`, n => ({ n }))
    const seen = await watchEffects(bus, count)
    for (const child of await start(stage, ns)) stack.add(child)
    const times = await seen.all
    await requireComplete(bus, count)
    return (count / (times.at(-1) - times[0])) * 1000
  } finally {
    await stack.stop()
  }
}

async function steadily(stage, start, seconds) {
  const stack = createStack()
  try {
    const bus = await openBus(stage.url, 'steady')
    stack.defer(() => bus.close())
    for (const child of await start(stage, 'steady')) stack.add(child)
    await fireAt(bus, 0, SUSTAINED * 2, SUSTAINED) // warms up
    const { behind, times } = await fireAt(bus, SUSTAINED * 2, SUSTAINED * seconds, SUSTAINED)
    const bursts = []
    for (let n = 0; n < 3; n++) bursts.push((await fireAt(bus, 1_000_000 + n * BURST, BURST, Number.POSITIVE_INFINITY)).last)
    return { behind, p50: percentile(times, 0.5), p99: percentile(times, 0.99), burst: median(bursts) }
  } finally {
    await stack.stop()
  }
}

/** Fires evenly; milliseconds of each from its call to its effect, of the last effect from the last call and from the first. */
async function fireAt(bus, first, count, rate) {
  const firedAt = new Map()
  const times = []
  const seen = await watchEffects(bus, count, n => {
    times.push(performance.now() - firedAt.get(n))
    firedAt.delete(n)
  })
  const started = performance.now()
  let sent = 0
  let lastFired = started
  await new Promise(resolve => {
    const timer = setInterval(() => {
      const due = Math.min(count, Math.floor(((performance.now() - started) * rate) / 1000))
      for (; sent < due; sent++) {
        lastFired = performance.now()
        firedAt.set(first + sent, lastFired)
        void bus.fire(`bench/cause/${first + sent}`, { n: first + sent })
      }
      if (sent < count) return
      clearInterval(timer)
      resolve()
    }, 2)
  })
  const ended = (await seen.all).at(-1)
  return { times, behind: ended - lastFired, last: ended - started }
}

const LOST_AFTER_MS = 180_000

/** Sees effects pass by; `all` gives the time of each distinct one and fails where some do not come. */
async function watchEffects({ nc, subjects }, count, onEffect = () => {}) {
  const seen = new Set()
  const times = []
  let subscription
  const all = new Promise((resolve, reject) => {
    const lost = setTimeout(() => reject(new Error(`${count - seen.size} of ${count} effects were not seen in time`)), LOST_AFTER_MS)
    subscription = nc.subscribe(`${subjects.livePrefix}_jobs.bench.effect.*`, {
      callback: (_error, message) => {
        const n = Number(message.subject.slice(message.subject.lastIndexOf('.') + 1))
        if (seen.has(n)) return
        seen.add(n)
        times.push(performance.now())
        onEffect(n)
        if (seen.size < count) return
        clearTimeout(lost)
        subscription.unsubscribe()
        resolve(times)
      },
    })
  })
  await nc.flush()
  return { all }
}

/** Nothing lost and nothing done twice: each cause has one effect. */
async function requireComplete({ nc, subjects }, count) {
  const manager = await jetstreamManager(nc, { checkAPI: false })
  const info = await manager.streams.info(streamNames(subjects.ns).events, { subjects_filter: `${subjects.eventPrefix}_jobs.bench.effect.*` })
  const effects = Object.values(info.state.subjects ?? {})
  const twice = effects.filter(times => times > 1).length
  if (effects.length !== count || twice > 0) throw new Error(`${effects.length} of ${count} effects are stored, ${twice} of them twice`)
}
