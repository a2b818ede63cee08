// The one list of the events of the program, by topic. Each file of this folder is in it, and a test holds that.
import * as alarms from './alarms.ts'
import * as audit from './audit.ts'
import * as beaconEvents from './beacon-events.ts'
import * as beacons from './beacons.ts'
import * as cloud from './cloud.ts'
import * as data from './data.ts'
import { type AnyEvent, catalogueOf } from './define.ts'
import * as functions from './functions.ts'
import * as jobs from './jobs.ts'
import * as keys from './keys.ts'
import * as minion from './minion.ts'
import * as minionBus from './minion-bus.ts'
import * as presence from './presence.ts'
import * as queues from './queues.ts'
import * as rules from './rules.ts'
import * as schedules from './schedules.ts'
import * as webhooks from './webhooks.ts'

export interface Topic {
  title: string
  events: readonly AnyEvent[]
}

const isEvent = (value: unknown): value is AnyEvent =>
  typeof value === 'object' && value !== null && 'pattern' in value && 'matches' in value

/** What files declare; a map of events, such as those of alarms, too. */
const declared = (...files: readonly object[]): AnyEvent[] =>
  files.flatMap(file =>
    Object.values(file).flatMap(value =>
      isEvent(value)
        ? [value]
        : typeof value === 'object' && value !== null
          ? Object.values(value).filter(isEvent)
          : [],
    ),
  )

const topic = (title: string, ...files: readonly object[]): Topic => ({
  title,
  events: catalogueOf([...new Set(declared(...files))]),
})

export const TOPICS: readonly Topic[] = [
  topic('Jobs on minions', jobs),
  topic('Runner and wheel functions', functions),
  topic('Minions', minion),
  topic('Presence', presence),
  topic('Beacons', beaconEvents, beacons),
  topic('Keys and logins', keys),
  topic('Pillar and files', data),
  topic('Schedules', schedules),
  topic('Queues', queues),
  topic('Rules', rules),
  topic('Webhooks', webhooks),
  topic('Machines of clouds', cloud),
  topic('Alarms', alarms),
  topic('The audit record', audit),
  topic("The minion's own bus", minionBus),
]

export const CATALOGUE = catalogueOf(TOPICS.flatMap(({ events }) => events))
