// What is said of the store of a returner: that it takes nothing and takes records again, once each, and what was put aside.
import type { Alarms } from '../../alarms/alarms.ts'
import type { Log } from '../../base/log.ts'
import { formatUse, type Use } from '../../protocol/returner-consumers.ts'

export interface Said {
  /** Tries in a row that failed and speak of a store that is down: of one that is not, the second batch mostly is taken. */
  readonly failures: number
  readonly isDown: boolean
  failed(problem: string): void
  /** `all`: there is no record over which it trips each time. */
  taken(all: boolean): void
  aside(key: string, reason: string, file: string): void
}

export function createSaid({ returner, what }: Use, alarms: Alarms, log: Log): Said {
  const about = formatUse({ what, returner })
  let failures = 0
  let mayBeRaised = true
  return {
    get failures() {
      return failures
    },
    get isDown() {
      return failures > 1
    },
    failed(problem) {
      failures += 1
      if (failures === 1) return log.debug({ returner, what, problem }, 'the store of a returner does not take a batch')
      if (failures === 2)
        log.error({ returner, what, problem }, 'the store of a returner takes nothing; it is tried again until it does')
      // Each time: another worker that reaches the store may have cleared it, and it is told of once an hour at most.
      alarms.raise('returner', about, {
        returner,
        message: `the store of the returner '${returner}' (${what}) takes nothing: ${problem}; what it is to get waits in EVENTS, for as long as events are kept (streams.events_max_age) and there is room for them`,
      })
      mayBeRaised = true
    },
    taken(all) {
      if (failures > 1) log.info({ returner, what }, 'the store of a returner takes records again')
      failures = 0
      // It may have been raised by a process that has ended since.
      if (!mayBeRaised || !all) return
      alarms.clear('returner', about)
      mayBeRaised = false
    },
    aside(key, reason, file) {
      log.error(
        { returner, what, record: key, reason },
        'the store of a returner does not take a record; it is put aside',
      )
      alarms.raise('returner_refused', about, {
        returner,
        message: `the store of the returner '${returner}' (${what}) does not take a record (${key}): ${reason}; such records are in ${file}`,
      })
    },
  }
}
