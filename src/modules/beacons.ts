// Module `beacons`: what the minion looks at itself, with Salt's functions and answers.
import { z } from 'zod'
import { execution } from '../functions/define.ts'
import { fixed } from '../functions/guards.ts'
import { saidOnBus } from '../minion/beacons-answers.ts'
import { answered } from '../minion/schedule-answers.ts'
import {
  beaconAdd,
  beaconDelete,
  beaconDisabled,
  beaconEnabled,
  beaconModify,
  beaconsDisabled,
  beaconsEnabled,
  beaconsReset,
} from '../protocol/catalogue/beacons.ts'

const name = z.string().min(1).describe('the name of the beacon')
const beacon_data = z
  .union([z.array(z.record(z.string(), z.unknown())), z.record(z.string(), z.unknown())])
  .describe('its options: a list of maps of one option each, or a map')
const test = z.boolean().default(false).describe('only say what would be done')
const return_yaml = z.boolean().default(true).describe('as a text')
/** What looks later has no event any more that it could be held against. */
const later = fixed('a beacon, which looks by itself from then on')
const named = fixed('the name of a beacon')
const guards = { name: named, beacon_data: later }

const list_ = execution({
  doc: `Lists the beacons as a YAML text, or with return_yaml=False as a map.
    What is wrong with one that does not look as it should stands under '_error'.
    Example: reactor call web1 beacons.list include_pillar=False`,
  args: {
    return_yaml,
    include_pillar: z.boolean().default(true).describe('also those of the pillar'),
    include_opts: z.boolean().default(true).describe('also those of the config and of calls'),
  },
  idempotent: true,
  run: (options, { beacons }) => beacons.list(options),
})

export { list_ as list }

export const list_available = execution({
  doc: `Lists the names of beacons that can be configured, as a YAML text, or with return_yaml=False as a list.
    Example: reactor call web1 beacons.list_available`,
  args: { return_yaml },
  idempotent: true,
  run: ({ return_yaml }, { beacons }) => beacons.list_available(return_yaml),
})

export const add = execution({
  doc: `Adds a beacon, which looks from then on: until the minion restarts, unless beacons.save is called.
    docs/beacons.md has the options of each.
    Example: reactor call web1 beacons.add load '[{"averages": {"1m": [0.0, 2.0]}}, {"interval": 10}]'`,
  args: { name, beacon_data, test },
  guards,
  idempotent: true,
  run: ({ name, beacon_data, test }, context) =>
    saidOnBus(context, beaconAdd, context.beacons.add(name, beacon_data, test), test),
})

export const modify = execution({
  doc: `Gives a beacon other options in place of all that it had.
    Example: reactor call web1 beacons.modify load '[{"averages": {"1m": [0.0, 4.0]}}]'`,
  args: { name, beacon_data, test },
  guards,
  idempotent: true,
  run: ({ name, beacon_data, test }, context) =>
    saidOnBus(context, beaconModify, context.beacons.modify(name, beacon_data, test), test),
})

const delete_ = execution({
  doc: `Deletes a beacon.
    Example: reactor call web1 beacons.delete load`,
  args: { name, test },
  guards: { name: named },
  idempotent: true,
  run: ({ name, test }, context) => saidOnBus(context, beaconDelete, context.beacons.delete(name, test), test),
})

export { delete_ as delete }

export const enable_beacon = execution({
  doc: `Enables a beacon.
    Example: reactor call web1 beacons.enable_beacon load`,
  args: { name, test },
  guards: { name: named },
  idempotent: true,
  run: ({ name, test }, context) => saidOnBus(context, beaconEnabled, context.beacons.enable_beacon(name, test), test),
})

export const disable_beacon = execution({
  doc: `Disables a beacon: it stays, and does not look.
    Example: reactor call web1 beacons.disable_beacon load`,
  args: { name, test },
  guards: { name: named },
  idempotent: true,
  run: ({ name, test }, context) =>
    saidOnBus(context, beaconDisabled, context.beacons.disable_beacon(name, test), test),
})

export const enable = execution({
  doc: `Enables the beacons as a whole; those that are disabled themselves stay so.
    Example: reactor call web1 beacons.enable`,
  args: { test },
  idempotent: true,
  run: ({ test }, context) => saidOnBus(context, beaconsEnabled, context.beacons.enable(test), test),
})

export const disable = execution({
  doc: `Disables the beacons as a whole: none of them looks.
    Example: reactor call web1 beacons.disable`,
  args: { test },
  idempotent: true,
  run: ({ test }, context) => saidOnBus(context, beaconsDisabled, context.beacons.disable(test), test),
})

export const save = execution({
  doc: `Keeps over restarts whatever was changed by these functions.
    Example: reactor call web1 beacons.save`,
  idempotent: true,
  run: (_args, context) => answered(context, context.beacons.save()),
})

export const reset = execution({
  doc: `Deletes all beacons but those of the pillar: until the minion restarts, unless beacons.save is called.
    Example: reactor call web1 beacons.reset`,
  args: { test },
  idempotent: true,
  run: ({ test }, context) => saidOnBus(context, beaconsReset, context.beacons.reset(test), test),
})
