// Events of presence: which minions are there, and what changed.
import { z } from 'zod'
import { event } from './define.ts'

const ids = z.array(z.string())

export const presenceChange = event('salt/presence/change', {
  doc: 'minions have come, or were not heard for their limit; of many at once there are several events, and no minion is in two of them. With `presence_events: false` there are none',
  by: ['_master'],
  data: {
    new: ids.describe('ids of those that are heard now and were not, sorted'),
    lost: ids.describe('ids of those that are not heard any more, sorted'),
  },
})

export const presencePresent = event('salt/presence/present', {
  doc: 'the minions that are there, every `presence_interval`, with `presence_events: true`',
  by: ['_master'],
  data: {
    present: ids.describe('their ids, sorted'),
    part: z
      .number()
      .int()
      .optional()
      .describe('which part of the list this is, from 1, where it is larger than a message'),
    parts: z.number().int().optional().describe('how many parts it has then'),
  },
})
