// Settings of what the master tells of presence, at the top of the config under Salt's name.
import { z } from 'zod'
import { duration } from './duration.ts'

const LEAST_INTERVAL_MS = 1000

export const presenceSettings = {
  presence_events: z
    .union([z.boolean(), z.literal('change')])
    .default('change')
    .describe(
      'change: salt/presence/change whenever minions come or are lost; true: the list of all in salt/presence/present too; false: neither',
    ),
  presence_interval: duration
    .prefault('1m')
    .refine(ms => ms >= LEAST_INTERVAL_MS, 'a second at least: each event holds the ids of the whole fleet')
    .describe('how often that list is told'),
}
