// Settings of files, states and pillar, which stand at the top of the configuration, as Salt has them.
import { z } from 'zod'

/** Folders by environment, one or a list: those that come first go before the others. */
const roots = (folder: string) =>
  z
    .record(
      z
        .string()
        .regex(/^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$/, 'an environment has letters, digits and . _ -, no dot first'),
      z.union([z.string(), z.array(z.string())]).transform(one => (typeof one === 'string' ? [one] : one)),
    )
    .prefault({ base: [folder] })

export const slsSettings = {
  file_roots: roots('/srv/salt').describe('folders by environment that salt:// and state files come from'),
  file_ignore_glob: z
    .array(z.string())
    .default([])
    .describe('files of file_roots that lists leave out, by globs of their paths, as Salt has them'),
  fileserver_events: z
    .boolean()
    .default(false)
    .describe('watch file_roots and fire salt/fileserver/roots/update when files change'),
  state_events: z.boolean().default(true).describe('an event for every state that a state run is through with'),
  pillar_roots: roots('/srv/pillar').describe('folders by environment that the pillar comes from'),
  top_file_merging_strategy: z
    .enum(['merge', 'same', 'merge_all'])
    .default('merge')
    .describe('how the top files of several environments of file_roots become one'),
  env_order: z
    .array(z.string())
    .default([])
    .describe('environments whose top files count, in this order; without any: all, base first'),
  default_top: z
    .string()
    .default('base')
    .describe('whose top file stands in for a missing one, where top_file_merging_strategy is same'),
  pillarenv: z.string().optional().describe('only this environment of pillar_roots counts, unless a call names one'),
  pillarenv_from_saltenv: z
    .boolean()
    .default(false)
    .describe('a call that names a saltenv and no pillarenv gets the pillar of that environment'),
  pillar_source_merging_strategy: z
    .enum(['smart', 'recurse', 'overwrite', 'none'])
    .default('smart')
    .describe(
      'how pillar of several SLS becomes one; smart and recurse merge maps, overwrite takes the last of the top keys, none keeps environments apart',
    ),
  pillar_merge_lists: z.boolean().default(false).describe('merging pillar, lists are joined and not replaced'),
  pillar_safe_render_error: z
    .boolean()
    .default(true)
    .describe(
      'a minion hears that an SLS of its pillar cannot be rendered, and not why, which may tell what is not for it',
    ),
}
