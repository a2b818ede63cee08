// Puts the beacons of the book into force: those that are to look do, each by itself; one that has changed begins anew, and one
// that is wrong is refused by itself.
import type { Clock } from '../base/clock.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { BeaconContext } from '../functions/define-beacon.ts'
import type { BeaconBook } from './book.ts'
import { type BeaconEntry, readBeacon } from './entry.ts'
import type { Beacons } from './load.ts'
import { type BeaconLife, type Finding, type StateRuns, startBeacon } from './poll.ts'

export interface BeaconEngineParts {
  book: BeaconBook
  beacons: Beacons
  context: Omit<BeaconContext, 'signal' | 'log'>
  stateRuns: StateRuns
  say(beacon: string, finding: Finding): void
  clock: Clock
  log: Log
}

export interface BeaconEngine extends Running {
  /** Resolves once what the book has is in force. */
  apply(): Promise<void>
  /** Why a beacon does not look as it should; undefined: it does, or is not to. */
  problem(name: string): string | undefined
}

interface Life extends BeaconLife {
  /** What it was begun with. */
  from: string
}

export function createBeaconEngine(parts: BeaconEngineParts): BeaconEngine {
  const { book, beacons, context, stateRuns, say, clock, log } = parts
  const lives = new Map<string, Life>()
  let refused = new Map<string, string>()
  let applying = Promise.resolve()
  let stopped = false

  const read = async () => {
    const entries = new Map<string, { entry: BeaconEntry; from: string }>()
    const problems = new Map<string, string>()
    for (const [name, { source, given }] of book.listed()) {
      try {
        entries.set(name, { entry: await readBeacon(name, given, beacons), from: JSON.stringify(given) })
      } catch (error) {
        const problem = errorMessage(error)
        problems.set(name, problem)
        if (refused.get(name) !== problem)
          log.error({ beacon: name, source, problem }, 'a beacon is not in force; the others are')
      }
    }
    refused = problems
    return entries
  }
  const applyNow = async () => {
    if (stopped) return
    const entries = await read()
    const isOn = book.enabled() !== false
    const wanted = new Map([...entries].filter(([, { entry }]) => isOn && entry.enabled))
    const gone = [...lives].filter(([name, { from }]) => wanted.get(name)?.from !== from)
    for (const [name] of gone) lives.delete(name)
    await Promise.all(gone.map(([, life]) => life.stop()))
    if (stopped) return
    for (const [name, { entry, from }] of wanted) {
      if (lives.has(name)) continue
      const life = startBeacon({
        ...{ entry, context, stateRuns, clock },
        say: finding => say(name, finding),
        log: log.child({ beacon: name }),
      })
      lives.set(name, { ...life, from })
    }
  }
  return {
    apply() {
      applying = applying.then(applyNow)
      return applying
    },
    problem: name => refused.get(name) ?? lives.get(name)?.problem(),
    async stop() {
      stopped = true
      await Promise.all([...lives.values()].map(life => life.stop()))
    },
  }
}
