// From a stored event to the effect of its reaction, at a steady 200 and 1,000 a second: a real reactor and a real job
// worker in processes of their own, the effect seen by a subscriber; beside a raw chain of the same stored messages.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createStack } from '../dist/base/service.js'
import { fireEvenly } from './firing.mjs'
import { percentile } from './measure.mjs'
import { openBus, startProcess, startScript } from './stage.mjs'

export const title = 'event → effect of a runner (raw: the same stored messages, no logic)'

const RATES = [200, 1000]
const ROUNDS = 3
const RULE = `rule: bench-effect
on: bench/cause/*
do:
  - runner.event.send: { tag: "bench/effect/{{ data.n }}", data: {} }
`

export async function run(stage, { seconds }) {
  const stack = createStack()
  try {
    const rules = join(stage.dir, 'effect.yaml')
    await writeFile(rules, RULE)
    const raw = await openBus(stage.url, 'rawchain')
    stack.defer(() => raw.close())
    const real = await openBus(stage.url, 'effect')
    stack.defer(() => real.close())
    for (const role of ['worker', 'reactor']) stack.add(await startScript('chain.mjs', [role, stage.url, 'rawchain']))
    stack.add(await startProcess(stage, 'effect', ['worker', 'jobs']))
    stack.add(await startProcess(stage, 'effect', ['react', '--rules', rules]))

    const results = []
    for (const rate of RATES) results.push(...(await latencies({ raw, real }, rate, seconds)))
    return results
  } finally {
    await stack.stop()
  }
}

async function latencies(sides, rate, seconds) {
  const count = Math.ceil((seconds * rate) / ROUNDS)
  const taken = { raw: [], real: [] }
  // The first round warms up; after it the two sides take turns.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [side, bus] of Object.entries(sides)) {
      const { times } = await fireEvenly(bus, { first: (rate * 100 + round) * count, count, rate })
      if (round > 0) taken[side].push(...times)
    }
  }
  const figure = (name, share, atMost) => {
    const [value, raw] = [percentile(taken.real, share), percentile(taken.raw, share)]
    const what = `event → effect at ${rate.toLocaleString('en-US')}/s, ${name}`
    return { name: what, unit: 'ms', value, raw, ratio: value / raw, samples: taken.real.length, aim: { atMost } }
  }
  return [figure('p50', 0.5, 1.5), figure('p99', 0.99, 2)]
}
