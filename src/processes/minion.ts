// The minion: takes jobs, runs execution functions, sends their returns; grains up and a heartbeat.
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createStack } from '../base/service.ts'
import { findBeacons } from '../beacon/load.ts'
import { maxPayload } from '../bus/max-payload.ts'
import { requireIsolation } from '../config/isolation.ts'
import type { Config } from '../config/schema.ts'
import { watchBus } from '../metrics/bus.ts'
import { type Monitored, openMetrics } from '../metrics/metrics.ts'
import { minionSource } from '../metrics/minion.ts'
import { minionReturnersSource } from '../metrics/minion-returners.ts'
import { createOwnRun } from '../mine/own-run.ts'
import { startMineUpdates } from '../mine/updater.ts'
import { announce } from '../minion/announce.ts'
import { createMinionBeacons } from '../minion/beacons.ts'
import { openBeaconsFile } from '../minion/beacons-file.ts'
import { createMinionBus } from '../minion/bus.ts'
import { passOverBus } from '../minion/bus-pass.ts'
import { serveMinionBus } from '../minion/bus-server.ts'
import { eventTrace } from '../minion/event-trace.ts'
import { openFinishedJobs } from '../minion/finished.ts'
import { openHeldJobs } from '../minion/held.ts'
import { startJobEngine } from '../minion/jobs.ts'
import { createLinkEvents } from '../minion/link-events.ts'
import { listenForJobs } from '../minion/listen.ts'
import { createMissedJobs } from '../minion/missed.ts'
import { createRefusedReturns } from '../minion/refused-returns.ts'
import { openReturnerSpool } from '../minion/returner-spool.ts'
import { createReturnerStores } from '../minion/returner-stores.ts'
import { startReturners } from '../minion/returners.ts'
import { createReturns } from '../minion/returns.ts'
import type { Surroundings } from '../minion/run.ts'
import { createMinionSchedule } from '../minion/schedule.ts'
import { openScheduleFile } from '../minion/schedule-file.ts'
import { shownJob } from '../minion/shown-job.ts'
import { openSpoolFile, startSpool } from '../minion/spool.ts'
import { startPillar } from '../minion/start-pillar.ts'
import { createPayloadSender } from '../payload/upload.ts'
import { jobStarted } from '../protocol/catalogue/jobs.ts'
import { RETURNER_EVENTS } from '../protocol/catalogue/minion.ts'
import { warnOfStraySettings } from '../returner/stray-settings.ts'
import { connectMinion, loadMinion, surround } from './surroundings.ts'

/** How long a stop waits for events and returns to get away; what does not goes at the next start. */
const SETTLE_MS = 1000

/** Connects once `go` has resolved; what takes time before that is done meanwhile. */
export async function startMinion(config: Config, log: Log, go: Promise<void> = Promise.resolve()): Promise<Monitored> {
  requireIsolation(config)
  const { id, dir } = config.minion
  const loaded = await loadMinion(config)
  const stack = createStack(problem => log.warn(problem))
  try {
    const { namespace } = config
    const metrics = stack.add(await openMetrics({ ...config.metrics, process: 'minion', namespace, log }))
    const held = await openHeldJobs(join(dir, 'jobs.jsonl'), log)
    stack.defer(() => held.close())
    const spooled = await openSpoolFile(join(dir, 'spool.jsonl'), log)
    stack.defer(() => spooled.close())
    const finished = await openFinishedJobs(join(dir, 'finished'), config.minion.cache_jobs, log)
    stack.defer(() => finished.close())
    const undelivered = await openReturnerSpool(join(dir, 'returners.jsonl'), log)
    stack.defer(() => undelivered.close())
    const scheduled = await openScheduleFile(join(dir, 'schedule.jsonl'), log)
    stack.defer(() => scheduled.close())
    const beaconChanges = await openBeaconsFile(join(dir, 'beacons.jsonl'), log)
    stack.defer(() => beaconChanges.close())
    const { module_dirs: moduleDirs, returner_settings: settings, ext_job_cache: always } = config
    const found = await findBeacons(moduleDirs)
    const stores = createReturnerStores({ moduleDirs, settings, id, profiles: loaded.profiles, log })
    await stores.check(always, 'ext_job_cache')
    await stores.check(config.schedule_returner, 'schedule_returner')
    const { now } = systemClock
    const bus = createMinionBus({ now, log })
    stack.add(await serveMinionBus({ dir, id, bus, log }))
    await go
    const link = await connectMinion(config, { as: 'minion', patient: true, grains: loaded.first }, stack, log)
    const { nc, subjects } = link
    const fire = passOverBus(link.fire, bus, now)
    const watch = watchBus(nc, link.publisher)
    stack.defer(watch.stop)
    metrics.add(watch.source)
    let linked = true
    const connected = () => linked
    const sayLink = createLinkEvents({ bus, server: () => nc.getServer() })
    sayLink(true)
    const spool = startSpool({ file: spooled, fire, connected, now, log })
    stack.defer(() => spool.settle(SETTLE_MS))
    const refused = createRefusedReturns(join(dir, 'refused-returns.jsonl'), log)
    const returners = startReturners({
      file: undelivered,
      refused,
      stores,
      always,
      mostBytes: config.minion.returner_spool,
      say: (what, data) =>
        void spool
          .fire(RETURNER_EVENTS[what].tag({ id }), { id, ...data }, { keep: true })
          .catch(error => log.warn({ ...data, error: errorMessage(error) }, 'how a returner does could not be said')),
      log,
    })
    stack.add(returners)
    metrics.add(minionReturnersSource({ returners, refused }))
    void warnOfStraySettings(config, log)
    const returns = createReturns({
      file: held,
      returners,
      fire,
      sendPayload: createPayloadSender({ nc, subjects, id, connected, log }),
      maxPayload: () => maxPayload(nc),
      now,
      log,
    })
    stack.defer(() => returns.settle(SETTLE_MS))
    const own = surround(config, loaded, link, log)
    const schedule = createMinionSchedule({
      id,
      file: scheduled,
      held,
      config: config.minion.schedule,
      returners: config.schedule_returner,
      runMs: config.jobs.run_timeout,
      grains: own.around.grains,
      take: job => engine.take(shownJob(job, own.pillar.hide)),
      say: (tag, data) => spool.fire(tag, own.pillar.hide(data), { keep: true }),
      clock: systemClock,
      log,
    })
    const beacons = createMinionBeacons({
      ...{ id, spool, spooled, connected, log },
      beacons: found,
      file: beaconChanges,
      config: config.minion.beacons,
      moduleConfig: config.minion.module_config,
      grains: own.around.grains,
      stateRuns: { running: () => own.stateTurns.running().length > 0, begun: own.stateTurns.begun },
      hide: own.pillar.hide,
      clock: systemClock,
    })
    const around: Omit<Surroundings, 'jobs'> = {
      ...own.around,
      bus,
      returners,
      schedule: schedule.operations,
      beacons: beacons.operations,
      async refreshGrains() {
        await own.around.refreshGrains()
        schedule.refresh()
      },
      fire: (job, tag, data) => spool.fire(tag, data, eventTrace(job)),
    }
    const engine = startJobEngine({
      id,
      file: held,
      returns,
      finished,
      around,
      // Not by the disk: should this minion die before it is stored, then the job has died, and that is said.
      sayStarted: job => {
        // Nobody waits for it, and its return may not be for the job cache.
        if (job.scheduled) return
        const { jid, fun } = job
        void fire(...jobStarted.of({ jid, id }, { id, jid, fun }), eventTrace(job)).catch(error =>
          log.debug({ jid, error: errorMessage(error) }, 'the start of a job could not be said'),
        )
      },
      onEnded: schedule.ended,
      concurrency: config.minion.concurrency,
      now,
      log,
    })
    stack.add(engine)
    stack.add(schedule)
    schedule.start()
    metrics.add(minionSource({ engine, held, spooled }))
    stack.add(beacons)
    own.pillar.follow(({ value }) => {
      schedule.setPillar(value)
      beacons.setPillar(value)
    })
    void beacons.start()
    const pillar = stack.add(await startPillar({ nc, pillar: own.pillar, log }))
    stack.add(listenForJobs({ nc, subjects, id, isolation: config.isolation, engine, log }))
    const missed = stack.add(createMissedJobs({ nc, subjects, id, engine, now, log }))
    missed.fetch()
    if (config.isolation === 'none')
      log.warn('isolation is none: this minion takes jobs from anybody who reaches the server')
    const { mine_functions, mine_interval } = config.minion
    stack.add(
      startMineUpdates({
        functions: mine_functions,
        intervalMs: mine_interval,
        run: createOwnRun({ ...around, jobs: engine }, mine_interval),
        clock: systemClock,
        log,
      }),
    )
    const onLink = (up: boolean) => {
      linked = up
      sayLink(up)
      if (!up) return
      missed.fetch()
      pillar.fetch()
    }
    const { beat: beatMs, start_event_grains: startGrains } = config.minion
    stack.add(await announce({ nc, subjects, id, grains: own.grains, startGrains, spool, beatMs, log, onLink }))
    metrics.ready(watch.away)
    stack.defer(() => metrics.stopping())
    return Object.assign(stack, { metricsUrl: metrics.url })
  } catch (error) {
    log.debug({ error: errorMessage(error) }, 'the minion did not start')
    await stack.stop()
    throw error
  }
}
