// Events of what the master gives to minions: pillar and files.
import { z } from 'zod'
import { event } from './define.ts'
import { minionId, texts } from './fields.ts'

export const pillarErrors = event('salt/pillar/<id>/errors', {
  doc: "what is wrong with a minion's pillar: once when it changes, and once that nothing is any more",
  by: ['_master'],
  data: { id: minionId, errors: texts.describe('each with its file and line; empty: all is well again') },
})

export const rootsUpdate = event('salt/fileserver/roots/update', {
  doc: 'files of `file_roots` have changed, where `fileserver_events` is on; once for all that change together',
  by: ['_master'],
  data: {
    backend: z.literal('roots').describe("as Salt's file server says it"),
    changed: z.literal(true).describe("as Salt's file server says it"),
    files: z
      .strictObject({ changed: texts, added: texts.optional(), removed: texts.optional() })
      .describe('paths on the master: `changed`, and where there are any `added`, `removed`'),
    more: z.number().optional().describe('how many more have changed than are named'),
  },
})
