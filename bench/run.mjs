// `npm run bench`: how fast the project is, each figure beside a raw loop of the same NATS operations in the same run.
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { formatRow } from './measure.mjs'
import { openStage } from './stage.mjs'

const BENCHES = ['match', 'decide', 'react', 'latency', 'ping', 'jobs', 'fleet', 'targets', 'returns', 'stores', 'logins', 'effects', 'ledger', 'lanes', 'scale', 'schedule', 'files', 'pillar', 'states', 'queue', 'webhooks']
const USAGE = `usage: npm run bench -- [--only ${BENCHES.join('|')}] [--quick] [--json]`

async function main() {
  const options = readOptions()
  const size = options.quick ? { runs: 3, count: 20_000, seconds: 2 } : { runs: 5, count: 60_000, seconds: 10 }
  const say = options.json ? () => {} : line => process.stdout.write(`${line}\n`)
  const stage = await openStage()
  const stop = () => void stage.stop().then(() => process.exit(130))
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const results = []
  try {
    const machine = { node: process.version, nats_server: stage.serverVersion, cpus: cpus().length, cpu: cpus()[0]?.model }
    say(`node ${machine.node}, nats-server ${machine.nats_server}, ${machine.cpus} x ${machine.cpu}`)
    for (const name of options.only ? [options.only] : BENCHES) {
      const bench = await import(`./${name}.mjs`)
      say(`\n${bench.title}`)
      for (const result of await bench.run(stage, { ...size, quick: options.quick })) {
        results.push({ bench: name, ...result })
        say(`  ${formatRow(result)}`)
      }
    }
    if (options.json) process.stdout.write(`${JSON.stringify({ ...machine, quick: options.quick, ...size, results }, null, 2)}\n`)
  } finally {
    await stage.stop()
  }
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string' },
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    })
    if (values.only !== undefined && !BENCHES.includes(values.only)) throw new Error(`--only takes one of ${BENCHES.join(', ')}, got '${values.only}'`)
    return values
  } catch (error) {
    process.stderr.write(`${error.message}\n${USAGE}\n`)
    process.exit(64)
  }
}

await main()
