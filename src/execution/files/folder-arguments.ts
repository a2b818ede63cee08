// Arguments of file.directory and file.recurse.
import { z } from 'zod'
import { filePath } from '../../functions/guards.ts'
import {
  backup,
  exclude_pat,
  group,
  makedirs,
  mode,
  modeOrKeep,
  name,
  show_changes,
  templating,
  user,
} from './arguments.ts'
import { decision, owning, sources } from './guards.ts'

const clean = z
  .boolean()
  .default(false)
  .describe('removes what is in the folder and neither of this state nor of a file state that it requires')

export const directoryArgs = {
  name,
  user,
  group,
  recurse: z
    .array(
      z.enum(['user', 'group', 'mode', 'ignore_files', 'ignore_dirs'], {
        error: 'Types for "recurse" limited to "user", "group", "mode", "ignore_files", and "ignore_dirs"',
      }),
    )
    .nullish()
    .describe('what is set of all that is in it'),
  max_depth: z.number().int().min(0).nullish().describe('how deep recurse goes, 0: files of the folder itself'),
  dir_mode: mode('its permissions'),
  file_mode: mode('permissions of files, with recurse; default: those of folders'),
  mode: mode('the same as dir_mode'),
  makedirs,
  clean,
  exclude_pat,
  follow_symlinks: z.boolean().default(false).describe('recurse sets what links lead to, not the links'),
  force: z.boolean().default(false).describe('removes a file that stands in its place'),
  backupname: z.string().nullish().describe('where such a file is moved instead'),
  allow_symlink: z.boolean().default(true).describe('a link to a folder will do'),
}
export const directoryGuards = {
  name: filePath,
  ...owning,
  dir_mode: owning.mode,
  file_mode: owning.mode,
  backupname: filePath,
  clean: decision,
  force: decision,
}

export const recurseArgs = {
  name,
  source: z.union([z.string(), z.array(z.string()).min(1)]).describe('salt://folder; a list: the first that is there'),
  clean,
  user,
  group,
  dir_mode: mode('permissions of folders'),
  file_mode: modeOrKeep('permissions of files'),
  ...templating,
  include_empty: z.boolean().default(false).describe('folders without files are made too'),
  include_pat: z
    .string()
    .nullish()
    .describe('paths that are copied, all by default: a glob, or E@ and a regular expression'),
  exclude_pat,
  maxdepth: z.number().int().min(0).nullish().describe('how deep it goes, 0: files of the folder itself'),
  backup,
  replace: z.boolean().default(true).describe('False: files that are there keep their content'),
  show_changes,
}
export const recurseGuards = {
  name: filePath,
  ...sources,
  user: owning.user,
  group: owning.group,
  dir_mode: owning.mode,
  file_mode: owning.mode,
  clean: decision,
}
