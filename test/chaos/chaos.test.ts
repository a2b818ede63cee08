// The crash harness: `npm run chaos -- --seed N --seconds S`. What has happened in a failing run lies in the folder it prints.
import { rm } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { runChaos } from './run.ts'

const seconds = Number(process.env.CHAOS_SECONDS ?? 60)
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31))
const SHOWN = 20

it(
  `loses nothing and doubles nothing unknowingly while everything is killed and paused (seed ${seed})`,
  async () => {
    const run = await runChaos(seed, seconds)
    const { dir, problems, accepted, strikes, neverDone, ends } = run
    const lines = Object.entries(ends).map(([rule, counts]) => `  ${rule}: ${counts}`)
    console.info([`seed ${seed}: ${accepted} events accepted, ${strikes} strikes`, ...lines].join('\n'))
    const shown = problems.slice(0, SHOWN).map(({ what, about }) => `${about}: ${what}`)
    expect(shown, `seed ${seed}, ${problems.length} problems; records and logs in ${dir}`).toEqual([])
    // A run in which nothing was done, or nothing happened, proves nothing.
    if (seconds >= 30) expect(neverDone).toEqual([])
    expect(accepted).toBeGreaterThan(seconds * 2)
    expect(strikes).toBeGreaterThan(seconds / 15)
    await rm(dir, { recursive: true, force: true })
  },
  seconds * 1000 + 240_000,
)
