// How fast targets are resolved: the minions of a fleet that each type of target means, compiled and matched.
import { resolveTarget } from '../dist/protocol/target.js'
import { median, row } from './measure.mjs'

const FLEET = 10_000
const LOOPS = 5
const CONTEXT = { nodegroups: {}, pillar: false }

export const title = `targets resolved against ${FLEET.toLocaleString('en-US')} minions (raw: every id copied and sorted)`

export async function run(_stage, { runs }) {
  const fleet = Array.from({ length: FLEET }, (_, n) => minion(n))
  const listed = fleet.filter((_, n) => n % 10 === 0).map(({ id }) => id)
  const targets = [
    ['glob', 'web*.eu.example.com'],
    ['list', listed],
    ['grain', 'os:Ubuntu'],
    ['pcre', 'web\\d+\\.(eu|us)\\.example\\.com$'],
    ['compound', '( web* and G@os:Ubuntu and G@roles:f* ) or P@osrelease:2[24]\\.04 and not ( E@db\\d*0 or S@10.0.0.0/20 )'],
  ]
  const raw = () => fleet.map(({ id }) => id).sort()
  const taken = targets.map(() => [])
  const base = []
  // Every type in each round, so that a slow moment of the machine hits all of them.
  for (let round = -1; round < runs; round++) {
    const rawMs = time(raw)
    if (round >= 0) base.push(rawMs)
    for (const [at, [type, tgt]] of targets.entries()) {
      const ms = time(() => resolveTarget(tgt, type, fleet, CONTEXT).minions)
      if (round >= 0) taken[at].push(ms)
    }
  }
  return targets.map(([type], at) => row({ name: `resolve ${type}`, unit: 'ms', real: median(taken[at]), raw: median(base) }))
}

/** Milliseconds of one call, which must find some minions. */
function time(resolve) {
  const started = performance.now()
  for (let loop = 0; loop < LOOPS; loop++)
    if (resolve().length === 0) throw new Error('no minion matched: the benchmark measures nothing')
  return (performance.now() - started) / LOOPS
}

function minion(n) {
  const ubuntu = n % 3 !== 0
  return {
    id: `${['web', 'db', 'cache'][n % 3]}${n}.${['eu', 'us'][n % 2]}.example.com`,
    grains: {
      os: ubuntu ? 'Ubuntu' : 'Debian',
      os_family: 'Debian',
      osrelease: ubuntu ? ['20.04', '22.04', '24.04'][n % 5 % 3] : '12',
      roles: [['frontend', 'backend', 'storage'][n % 3], `rack${n % 40}`],
      num_cpus: 2 ** (n % 6),
      ipv4: ['127.0.0.1', `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`],
      ipv6: ['::1', `2001:db8::${n.toString(16)}`],
    },
  }
}
