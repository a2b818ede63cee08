// The minion's beacons: those of its config, of the pillar and of calls, each looking at its interval. Link or no link: what they
// find waits on disk as other events do.
import type { Clock } from '../base/clock.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { createBeaconBook } from '../beacon/book.ts'
import { createBeaconEngine } from '../beacon/engine.ts'
import type { Beacons } from '../beacon/load.ts'
import { createBeaconOperations } from '../beacon/operate.ts'
import type { StateRuns } from '../beacon/poll.ts'
import type { BeaconOperations } from '../functions/beacon-operations.ts'
import type { BeaconContext } from '../functions/define-beacon.ts'
import type { BeaconOutletParts } from './beacon-outlet.ts'
import { createBeaconOutlet } from './beacon-outlet.ts'
import type { BeaconsFile } from './beacons-file.ts'
import type { Hide } from './hidden.ts'
import { hidingLog } from './hiding-log.ts'
import type { Spool } from './spool.ts'

export interface MinionBeaconsParts {
  id: string
  beacons: Beacons
  file: BeaconsFile
  /** As they stand in the config. */
  config: Readonly<Record<string, unknown>>
  moduleConfig: BeaconContext['config']
  grains: BeaconContext['grains']
  stateRuns: StateRuns
  spool: Pick<Spool, 'fire'>
  spooled: BeaconOutletParts['file']
  connected(): boolean
  hide: Hide
  clock: Clock
  log: Log
}

export interface MinionBeacons extends Running {
  readonly operations: BeaconOperations
  /** Puts them into force. */
  start(): Promise<void>
  /** All that the pillar says, in place of what it said before: its `beacons`. */
  setPillar(pillar: Readonly<Record<string, unknown>>): void
}

export function createMinionBeacons(parts: MinionBeaconsParts): MinionBeacons {
  const { id, beacons, file, hide, clock } = parts
  const log = hidingLog(parts.log, hide)
  const book = createBeaconBook(file.changes)
  const outlet = createBeaconOutlet({
    ...{ id, hide, clock, log },
    ...{ spool: parts.spool, file: parts.spooled, connected: parts.connected },
  })
  const context = { id, grains: parts.grains, config: parts.moduleConfig, now: clock.now }
  const engine = createBeaconEngine({
    ...{ book, beacons, context, clock, log },
    stateRuns: parts.stateRuns,
    say: outlet.say,
  })
  const give = (source: 'config' | 'pillar', given: unknown) => {
    const isMap = isObject(given)
    if (!isMap) log.error({ source }, "'beacons' must be a map of beacons; there are none of it now")
    else if (given.enabled !== undefined && typeof given.enabled !== 'boolean')
      log.error({ source, enabled: given.enabled }, "'enabled' of all beacons must be true or false; they are enabled")
    book.give(source, isMap ? given : {})
  }
  give('config', parts.config)
  return {
    operations: createBeaconOperations({ book, beacons, engine, keep: file.keep }),
    start: engine.apply,
    setPillar({ beacons: given = {} }) {
      give('pillar', given)
      void engine.apply()
    },
    async stop() {
      await engine.stop()
      await outlet.stop()
    },
  }
}
