// What one rule costs another: the latency of a quick rule's effects alone, and while 10,000 reactions of a rule wait whose
// effects take a second each. A real reactor and a real job worker in processes of their own.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createStack } from '../dist/base/service.js'
import { fireEvenly } from './firing.mjs'
import { percentile } from './measure.mjs'
import { fillEvents, openBus, startProcess } from './stage.mjs'

export const title = 'a quick rule beside a slow one (raw: the quick rule alone)'

const RULES = `rule: quick
on: bench/quick/*
do:
  - runner.event.send: { tag: "bench/effect/{{ data.n }}", data: {} }
---
rule: slow
on: bench/slow/*
do:
  - runner.bench.wait: { ms: 1000 }
`
const WAIT = `import { runner, z } from 'reactor'
export const wait = runner({
  doc: 'Waits.',
  idempotent: true,
  args: { ms: z.number() },
  run: ({ ms }) => new Promise(resolve => setTimeout(() => resolve(true), ms)),
})
`
const RATE = 100

export async function run(stage, { seconds, quick }) {
  const waiting = quick ? 2000 : 10_000
  const stack = createStack()
  try {
    const dir = join(stage.dir, 'lanes')
    await mkdir(join(dir, 'runners'), { recursive: true })
    await writeFile(join(dir, 'runners', 'bench.js'), WAIT)
    const rules = join(stage.dir, 'lanes.yaml')
    await writeFile(rules, RULES)
    const bus = await openBus(stage.url, 'lanes')
    stack.defer(() => bus.close())
    stack.add(await startProcess(stage, 'lanes', ['worker', 'jobs'], { module_dirs: [dir] }))
    stack.add(await startProcess(stage, 'lanes', ['react', '--rules', rules], { module_dirs: [dir] }))
    const count = RATE * seconds
    const effects = async first => (await fireEvenly(bus, { first, count, rate: RATE, tag: 'bench/quick' })).times
    await effects(0) // warms up
    const alone = await effects(count)
    await fillEvents(bus, waiting, n => `bench/slow/${n}`, n => ({ n }))
    const beside = await effects(2 * count)
    const figure = (name, share, aim) => {
      const [value, raw] = [percentile(beside, share), percentile(alone, share)]
      return { name, unit: 'ms', value, raw, ratio: value / raw, ...(aim ? { aim } : {}) }
    }
    return [
      figure('quick rule p50', 0.5),
      figure('quick rule p99', 0.99, { of: 'value', atMost: percentile(alone, 0.99) + 100 }),
      figure(`slowest, behind ${waiting} slow ones`, 1),
    ]
  } finally {
    await stack.stop()
  }
}
