// Events of rules.
import { z } from 'zod'
import { event } from './define.ts'
import { map, stamp, texts } from './fields.ts'

export const reactorFailed = event('salt/reactor/failed/<rule>', {
  doc: 'a reaction of a rule with `on_failure` has failed for good',
  by: ['_reactor', '_jobs'],
  data: {
    rule: z.string().describe('the rule'),
    reason: z.string().describe('in words'),
    attempts: z.number().describe('how often it was tried'),
    jids: texts.describe('jobs that it started'),
    event: z
      .strictObject({
        id: z.string(),
        tag: z.string(),
        origin: z.string(),
        stamp,
        data: map,
        window: map.optional(),
        left_out: z.string().optional(),
      })
      .describe(
        'what the rule saw: `id`, `tag`, `origin`, `stamp`, `data`, of a window `window`; `left_out` says why its data is missing',
      ),
  },
})
