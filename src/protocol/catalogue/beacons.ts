// Events of beacons: what they found, and what people made of them.
import { z } from 'zod'
import { event } from './define.ts'
import { map, minionId, stamp } from './fields.ts'

export const beaconFound = event('salt/beacon/<id>/<beacon>/<tag…>', {
  doc: 'a beacon of your own, or one with another name, has found something; the tag ends with what it is about, or with a slash',
  by: ['minion'],
  data: { id: minionId },
  more: 'what was found: docs/beacons.md has it of each beacon',
  example: ['salt/beacon/web1/door/back', { open: true, id: 'web1' }],
})

export const beaconDropped = event('salt/minion/<id>/beacon/<beacon>/dropped', {
  doc: 'more happened while the link was away than is kept of one beacon: the newest of it was let go',
  by: ['minion'],
  data: {
    id: minionId,
    beacon: z.string().describe('its name in the config'),
    count: z.number().int().describe('how many events there are not'),
    from: stamp.describe('when the first of them would have been'),
    to: stamp.describe('when the last of them would have been'),
  },
})

const complete = z.literal(true).describe('as Salt says it')
const comment = z.string().describe('the change in words')
const beacons = map.describe('the beacons as they are then, secrets left out')

/** What people have done to the beacons, in Salt's tags. */
const change = (what: string, doc: string) =>
  event(`/salt/minion/minion_${what}_complete`, {
    ...{ doc, by: ['minion'] as const, local: true as const },
    data: { complete, comment, beacons },
  })
export type BeaconChange = ReturnType<typeof change>

export const beaconAdd = change('beacon_add', 'a beacon was added by beacons.add')
export const beaconModify = change('beacon_modify', 'a beacon was given other options by beacons.modify')
export const beaconDelete = change('beacon_delete', 'a beacon was deleted by beacons.delete')
export const beaconEnabled = change('beacon_enabled', 'a beacon was enabled by beacons.enable_beacon')
export const beaconDisabled = change('beacon_disabled', 'a beacon was disabled by beacons.disable_beacon')
export const beaconsEnabled = change('beacons_enabled', 'the beacons as a whole were enabled by beacons.enable')
export const beaconsDisabled = change('beacons_disabled', 'the beacons as a whole were disabled by beacons.disable')
export const beaconsReset = change('beacon_reset', 'all beacons but those of the pillar were deleted by beacons.reset')
