// From stored events to the effects of their reactions, with all the events of their jobs: a real reactor and a real job
// worker in processes of their own. Drained: a full stream; sustained: 5,000 causes a second; a burst of 2,000.
// Beside the drained figure a raw chain of as many stored messages.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { createStack } from '../dist/base/service.js'
import { streamNames } from '../dist/protocol/streams.js'
import { fireEvenly, watchEffects } from './firing.mjs'
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
    stack.defer(() => bus.remove())
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
    stack.defer(() => bus.remove())
    for (const child of await start(stage, 'steady')) stack.add(child)
    await fireEvenly(bus, { first: 0, count: SUSTAINED * 2, rate: SUSTAINED }) // warms up
    const { behind, times } = await fireEvenly(bus, { first: SUSTAINED * 2, count: SUSTAINED * seconds, rate: SUSTAINED })
    const bursts = []
    for (let n = 0; n < 3; n++) {
      const { last } = await fireEvenly(bus, { first: 1_000_000 + n * BURST, count: BURST, rate: Number.POSITIVE_INFINITY })
      bursts.push(last)
    }
    return { behind, p50: percentile(times, 0.5), p99: percentile(times, 0.99), burst: median(bursts) }
  } finally {
    await stack.stop()
  }
}

/** Nothing lost and nothing done twice: each cause has one effect. */
async function requireComplete({ nc, subjects }, count) {
  const manager = await jetstreamManager(nc, { checkAPI: false })
  const info = await manager.streams.info(streamNames(subjects.ns).events, { subjects_filter: `${subjects.eventPrefix}_jobs.bench.effect.*` })
  const effects = Object.values(info.state.subjects ?? {})
  const twice = effects.filter(times => times > 1).length
  if (effects.length !== count || twice > 0) throw new Error(`${effects.length} of ${count} effects are stored, ${twice} of them twice`)
}
