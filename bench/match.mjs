// How fast tags find their rules: the index alone, on the tokens of the subject, at growing numbers of rules.
import { createGlobIndex } from '../dist/reactor/rules/glob-index.js'
import { createSubjects } from '../dist/protocol/subject.js'
import { minionOrigin } from '../dist/protocol/origin.js'
import { globs, mixedTag } from './rules.mjs'
import { median, row } from './measure.mjs'

const SIZES = [10, 100, 1000, 10_000]

export const title = 'tags matched, by number of rules (raw: the same with 10 rules)'

export async function run(_stage, { runs, count }) {
  const subjects = createSubjects('bench')
  const texts = Array.from({ length: 5000 }, (_, n) => subjects.event(minionOrigin('bench'), mixedTag(n)))
  const from = `${subjects.eventPrefix}bench.`.length
  const indexes = SIZES.map(size => createGlobIndex(globs(size).map((glob, value) => ({ on: [glob], value }))))
  const speeds = SIZES.map(() => [])
  const loops = Math.ceil((count * 10) / texts.length)
  let found = 0
  // Every size in each round, so that a slow moment of the machine hits all of them.
  for (let round = -1; round < runs; round++) {
    for (const [at, index] of indexes.entries()) {
      const started = performance.now()
      for (let loop = 0; loop < loops; loop++) for (const text of texts) found += index.matchSubject(text, from).length
      if (round >= 0) speeds[at].push(((loops * texts.length) / (performance.now() - started)) * 1000)
    }
  }
  if (found === 0) throw new Error('no tag matched: the benchmark measures nothing')
  const base = median(speeds[0])
  return SIZES.map((size, at) => {
    const aim = size === 10_000 ? { atLeast: 0.5 } : undefined
    return row({ name: `match ${size} rules`, unit: '/s', aim, real: median(speeds[at]), raw: base })
  })
}
