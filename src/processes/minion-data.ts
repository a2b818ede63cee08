// What a minion has of the master's data and does with it: its pillar, files of file_roots, rendering, state runs.
import { resolve } from 'node:path'
import type { Log } from '../base/log.ts'
import type { Config } from '../config/schema.ts'
import { createFiles } from '../files/client.ts'
import { createLocalFiles } from '../files/local.ts'
import { createRoots } from '../files/roots.ts'
import { createMasterSource } from '../files/source.ts'
import type { Files } from '../functions/minion-data.ts'
import type { Registry } from '../functions/registry.ts'
import type { Surroundings } from '../minion/run.ts'
import { askHere, askMaster } from '../pillar/ask.ts'
import { createOwnPillar, type OwnPillar } from '../pillar/own-pillar.ts'
import { renderForJob } from '../sls/minion.ts'
import { createStates } from '../state/service.ts'
import { createStateTurns, type StateTurns } from '../state/turn.ts'
import { pillarHere } from './pillar-here.ts'
import type { MinionLink } from './surroundings.ts'

type Data = Pick<Surroundings, 'files' | 'states' | 'render'> & { pillar: OwnPillar; turns: StateTurns }

export interface DataParts {
  grains(): Readonly<Record<string, unknown>>
  execution: Registry<'execution'>
  /** State functions. */
  states: Registry<'state'>
  log: Log
}

/** Without a link, what needs the master throws `unreachable`; pillar and files are those of this machine's own roots. */
export function dataOfMinion(config: Config, link: MinionLink | undefined, parts: DataParts): Data {
  const turns = createStateTurns(resolve(config.minion.dir, 'state-run'), parts.log)
  return {
    turns,
    pillar: pillarOf(config, link, parts),
    files: filesOf(config, link),
    states: statesOf(config, turns, parts),
    render: renderForJob,
  }
}

function pillarOf(config: Config, link: MinionLink | undefined, { grains, log }: DataParts): OwnPillar {
  const asking = { id: config.minion.id, grains, pillarenv: config.pillarenv }
  if (link) return createOwnPillar({ ask: askMaster(link.nc, link.subjects, asking), log })
  const { compiler, secrets } = pillarHere(config)
  return createOwnPillar({ ask: askHere(compiler, secrets, asking), log })
}

function statesOf(config: Config, turns: StateTurns, { execution, states }: DataParts): Surroundings['states'] {
  const { top_file_merging_strategy: strategy, env_order: envOrder, default_top: defaultTop } = config
  return createStates({
    id: config.minion.id,
    registry: states,
    execution,
    turns,
    top: { strategy, envOrder, defaultTop },
    targets: { nodegroups: config.nodegroups, pillar: true },
    stateEvents: config.state_events,
  })
}

function filesOf(config: Config, link: MinionLink | undefined): Files {
  if (!link) return createLocalFiles(createRoots(config))
  const { id, dir } = config.minion
  const subject = link.subjects.ofMinion('file', id)
  return createFiles({ source: createMasterSource({ nc: link.nc, subject }), dir: resolve(dir, 'files') })
}
