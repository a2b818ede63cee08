// What a function of this machine's minion has around it, whichever process runs it: its modules, grains and profiles, the
// connection of its minion, and what it reaches of the master over that.
import { resolve } from 'node:path'
import { systemClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { createStack } from '../base/service.ts'
import { connectBus } from '../bus/connect.ts'
import { createFire, type Fire } from '../bus/fire.ts'
import { publicKeyIn } from '../bus/identity.ts'
import { createPublisher } from '../bus/publish.ts'
import { requestJson } from '../bus/request.ts'
import type { Config } from '../config/schema.ts'
import type { Gathered } from '../functions/context.ts'
import { loadFunctions } from '../functions/load.ts'
import { collectGrains } from '../grains/collect.ts'
import { createMineClient } from '../mine/client.ts'
import { minionLogin, minionSeedFile } from '../minion/login.ts'
import { createOwnGrains, type OwnGrains } from '../minion/own-grains.ts'
import type { Surroundings } from '../minion/run.ts'
import type { OwnPillar } from '../pillar/own-pillar.ts'
import { minionInbox } from '../protocol/inbox.ts'
import { minionOrigin } from '../protocol/origin.ts'
import type { StateTurns } from '../state/turn.ts'
import { away } from './away.ts'
import { dataOfMinion } from './minion-data.ts'
import { loadProfiles } from './profiles.ts'

/** What the job worker needs beyond the time in which it gathers a peer's returns. */
const PEER_MARGIN_MS = 15_000

export type Loaded = Awaited<ReturnType<typeof loadMinion>>
export type MinionLink = Awaited<ReturnType<typeof connectMinion>>
type Around = Omit<Surroundings, 'jobs' | 'bus' | 'returners' | 'schedule' | 'beacons' | 'fire'>

/** What there is of a minion without a server. Throws `bad_config` and what a module throws. */
export async function loadMinion(config: Config) {
  const { id, grains } = config.minion
  const registry = await loadFunctions('execution', config.module_dirs)
  const states = await loadFunctions('state', config.module_dirs)
  const profiles = await loadProfiles(config)
  const collect = () => collectGrains({ id, config: grains })
  return { registry, states, profiles, collect, first: await collect() }
}

/** Connects under the minion's id and key, until the stack stops. `as` is shown in the server's list; see `connectBus` for the rest. */
export async function connectMinion(
  config: Config,
  { as, patient, grains }: { as: string; patient: boolean; grains: Record<string, unknown> },
  stack: ReturnType<typeof createStack>,
  log: Log,
) {
  const { id } = config.minion
  const { nc, subjects, close } = await connectBus({
    servers: config.servers,
    namespace: config.namespace,
    name: `${config.namespace} ${as} ${id}`,
    ...(await minionLogin(config, grains, log)),
    tls: config.tls,
    inboxPrefix: minionInbox(id),
    patient,
    log,
  })
  stack.defer(close)
  const publisher = createPublisher(nc)
  stack.defer(() => publisher.stop())
  const fire: Fire = createFire(publisher, subjects, minionOrigin(id))
  return { nc, subjects, publisher, fire }
}

export interface MinionAround {
  /** All but the minion's jobs, and its way to fire events. */
  around: Around
  grains: OwnGrains
  pillar: OwnPillar
  stateTurns: StateTurns
}

/** Without a link, what asks the master throws `unreachable`. */
export function surround(config: Config, loaded: Loaded, link: MinionLink | undefined, log: Log): MinionAround {
  const { id, dir, module_config, mine_functions } = config.minion
  const { registry, profiles } = loaded
  const { grains, mine, peer } = link ? reached(id, loaded, link, log) : unreached(loaded)
  const { turns: stateTurns, ...data } = dataOfMinion(config, link, {
    grains: grains.current,
    execution: registry,
    states: loaded.states,
    log,
  })
  const around: Around = {
    id,
    registry,
    profiles,
    dir: resolve(dir),
    config: module_config,
    mineFunctions: mine_functions,
    publicKey: () => publicKeyIn(minionSeedFile(config)),
    grains: grains.current,
    refreshGrains: grains.refresh,
    mine,
    peer,
    ...data,
    now: systemClock.now,
    log,
  }
  return { around, grains, pillar: data.pillar, stateTurns }
}

type Reached = Pick<Around, 'mine' | 'peer'> & { grains: OwnGrains }

function reached(id: string, { collect, first }: Loaded, { nc, subjects }: MinionLink, log: Log): Reached {
  return {
    grains: createOwnGrains({ nc, subjects, id, first, collect, log }),
    mine: createMineClient(nc, subjects, id),
    peer: request =>
      requestJson<Gathered>(nc, subjects.ofMinion('peer', id), request, {
        timeoutMs: request.timeoutMs + PEER_MARGIN_MS,
        what: 'peer',
      }),
  }
}

function unreached({ first }: Loaded): Reached {
  return {
    grains: { current: () => first, send: away, refresh: away },
    mine: { send: away, get: away, delete: away, flush: away },
    peer: away,
  }
}
