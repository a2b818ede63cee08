// `npm run chaos -- --seed N --seconds S`: the crash harness by itself, with a seed that is given, or for longer.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { seed: { type: 'string' }, seconds: { type: 'string' } } })
const env = { ...process.env }
for (const [name, value] of Object.entries(values)) {
  if (!/^\d+$/.test(value)) {
    process.stderr.write(`--${name} must be a whole number, got '${value}'\n`)
    process.exit(64)
  }
  env[`CHAOS_${name.toUpperCase()}`] = value
}
const args = ['node_modules/vitest/vitest.mjs', 'run', 'test/chaos']
process.exit(spawnSync(process.execPath, args, { stdio: 'inherit', env }).status ?? 1)
