// The master: presence of minions, their keys, logins, and the wheel functions on its own state.
import type { Log } from '../base/log.ts'
import type { Config } from '../config/schema.ts'
import { createRoots } from '../files/roots.ts'
import { serveFiles } from '../files/service.ts'
import { watchRoots } from '../files/watch.ts'
import { startPresence } from '../fleet/presence.ts'
import { loadFunctions } from '../functions/load.ts'
import type { WheelContext } from '../functions/wheel-context.ts'
import { openAnnounce } from '../jobs/announce.ts'
import { extendContext } from '../jobs/call-context.ts'
import { openJobRecords } from '../jobs/records.ts'
import { createFunctionJobs } from '../jobs/run-function.ts'
import { countFunctions } from '../metrics/functions.ts'
import { masterSource } from '../metrics/master.ts'
import type { Monitored } from '../metrics/metrics.ts'
import { recordedOperators } from '../operators/recorded.ts'
import { createOverflow, createReturnStore } from '../payload/overflow.ts'
import { causedBy } from '../protocol/trace.ts'
import { serveFunctions } from '../services/functions.ts'
import { openOperatorStore, rightsOf, rolesOf } from './authority.ts'
import { startLogins } from './callout.ts'
import { keepWorkMs, openPayloads, startCore } from './core.ts'
import { openMasterKeys } from './keys.ts'
import { servePillars } from './pillar.ts'
import { loadProfiles, shownConfig } from './profiles.ts'

export async function startMaster(config: Config, log: Log): Promise<Monitored> {
  const registry = await loadFunctions('wheel', config.module_dirs)
  const profiles = await loadProfiles(config)
  const roles = rolesOf(config)
  return startCore(config, '_master', log, async core => {
    const { stack, nc, subjects, publisher, fire, clock } = core
    const operators = stack.add(await openOperatorStore(core, config, roles, log))
    const { audit, authority } = rightsOf(core, config, operators, log)
    const told = config.presence_events
    const presence = stack.add(
      await startPresence({
        nc,
        ns: config.namespace,
        subjects,
        fire,
        replicas: config.streams.replicas,
        lostAfterMs: config.master.lost_after,
        tell: told === false ? undefined : { presentEveryMs: told === true ? config.presence_interval : undefined },
        log,
      }),
    )
    const { keys, tokens, store, admit } = stack.add(await openMasterKeys({ nc, fire, audit, clock, log }, config))
    const payloads = await openPayloads(nc, config)
    const jobs = createFunctionJobs({
      kind: 'wheel',
      registry,
      records: await openJobRecords(nc, subjects, publisher, keepWorkMs(config)),
      announce: await openAnnounce(nc, subjects, publisher, '_master'),
      fire,
      profiles,
      runTimeoutMs: config.jobs.run_timeout,
      storeReturn: createReturnStore(payloads, '_master'),
      audit,
      log,
      extend: (context, call) => {
        const { user, source = 'CORE', jid } = call
        const caller = { user, source, ...causedBy(jid, call) }
        return extendContext<WheelContext>(context, {
          keys: keys(caller),
          tokens: tokens(caller),
          operators: recordedOperators(operators, audit, caller),
          fileRoots: config.file_roots,
          config: () => shownConfig(config),
          connected: presence.connected,
        })
      },
    })
    stack.defer(() => jobs.stop())
    const wheels = countFunctions('wheel', jobs.run)
    core.metrics.add(wheels.source)
    stack.add(
      await serveFunctions({
        nc,
        subjects,
        registry,
        run: wheels.run,
        authority,
        overflow: createOverflow(payloads),
        log,
      }),
    )
    stack.add(await serveFiles({ nc, subjects, roots: createRoots(config), log }))
    if (config.fileserver_events) stack.add(await watchRoots({ config, fire, log }))
    await servePillars(core, config, log)
    const logins = stack.add(await startLogins(config, { fire, audit, clock, keys: store, admit, operators, log }))
    core.metrics.add(masterSource({ keys: store, presence, logins: logins.stats }))
  })
}
