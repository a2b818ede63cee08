// A master's service of pillar on a bare server, and minions that ask it.
import { onTestFinished } from 'vitest'
import {
  followFleet,
  followFleetAndPillars,
  followPillars,
  openMinionBucket,
  openPillarBucket,
} from '../../src/fleet/registry.ts'
import { askMaster } from '../../src/pillar/ask.ts'
import { createPillarClient } from '../../src/pillar/jobs-client.ts'
import { createPillarKeeper } from '../../src/pillar/keep.ts'
import { createOwnPillar } from '../../src/pillar/own-pillar.ts'
import { servePillar } from '../../src/pillar/service.ts'
import { createProblemTeller } from '../../src/pillar/tell.ts'
import { serviceOrigin } from '../../src/protocol/origin.ts'
import { escapeToken } from '../../src/protocol/token.ts'
import { fireAside, keptLog, openCore } from '../helpers/core.ts'
import { type PillarFiles, type PillarTest, pillarOf } from './pillar-roots.ts'

export async function startPillarSystem(server: { url: string }, files: PillarFiles, test: PillarTest = {}) {
  const core = await openCore(server)
  const { nc, ns, subjects } = core
  const pillar = await pillarOf(files, test)
  const { log, lines } = keptLog()
  const minions = await openMinionBucket(nc, ns, 1)
  const bucket = await openPillarBucket(nc, ns, 1)
  const known = await followPillars(nc, ns, 1, log)
  const fleet = await followFleet(nc, ns, 1, log)
  const seen = await followFleetAndPillars(nc, ns, 1, log)
  const service = await servePillar({
    ...{ nc, subjects, fleet, log, compiler: pillar.compiler, secrets: pillar.secrets },
    safe: test.config?.pillar_safe_render_error ?? true,
    keep: createPillarKeeper(bucket, known, log),
    tell: createProblemTeller(fireAside(core, serviceOrigin('_jobs'))),
  })
  onTestFinished(async () => {
    await Promise.all([service.stop(), known.stop(), fleet.stop(), seen.stop()])
  })
  const minion = (id: string, grains: Record<string, unknown> = {}, pillarenv?: string) =>
    createOwnPillar({ ask: askMaster(nc, subjects, { id, grains: () => grains, pillarenv }), log })
  return {
    ...{ ...core, ...pillar, log, lines, bucket, minion, fleet: seen },
    jobs: createPillarClient(nc, subjects),
    /** Its grains are known, as the cache worker stores them. */
    know: (id: string, grains: Record<string, unknown> = {}) =>
      minions.put(escapeToken(id), JSON.stringify({ id, grains: { ...grains, id } })),
  }
}
