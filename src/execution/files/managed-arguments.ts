// Arguments of file.managed.
import { z } from 'zod'
import { commandLine, filePath } from '../../functions/guards.ts'
import {
  backup,
  group,
  makedirs,
  mode,
  modeOrKeep,
  name,
  show_changes,
  source,
  sourcing,
  templating,
  user,
} from './arguments.ts'
import { content, owning, sources } from './guards.ts'

const keys = z.union([z.string(), z.array(z.string())]).nullish()

export const managedArgs = {
  name,
  source,
  ...sourcing,
  contents: z.unknown().describe('the content itself: a text, or a list of lines'),
  contents_pillar: keys.describe('the content by its key of the pillar, such as web:cert; or a list of keys'),
  contents_grains: keys.describe('the same of grains'),
  contents_delimiter: z.string().min(1).default(':').describe('what parts the words of such a key'),
  contents_newline: z.boolean().default(true).describe('contents end in a newline'),
  allow_empty: z.boolean().default(true).describe('contents may come to nothing'),
  ...templating,
  user,
  group,
  mode: modeOrKeep('its permissions'),
  makedirs,
  dir_mode: mode('permissions of folders that are made; default: those of the file, with search where it may be read'),
  backup,
  replace: z.boolean().default(true).describe('False: the content of a file that is there stays as it is'),
  create: z.boolean().default(true).describe('False: nothing is done where there is no file'),
  show_changes,
  follow_symlinks: z.boolean().default(true).describe('False: a link is replaced by a file'),
  check_cmd: z
    .union([z.string(), z.array(z.string())])
    .nullish()
    .describe('a command that is given the path of the new file; the file stays as it was unless it ends with 0'),
  tmp_ext: z
    .string()
    .regex(/^[^/\0]*$/, 'it is the end of a file name, without a slash')
    .default('')
    .describe('what the name of the new file ends in while check_cmd reads it'),
}
export const managedGuards = {
  ...{ name: filePath, ...sources, ...owning, dir_mode: owning.mode, check_cmd: commandLine },
  ...{ contents: content, contents_pillar: content, contents_grains: content },
}
