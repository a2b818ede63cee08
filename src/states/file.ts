// States `file`: files, folders and links as they are declared. Each is a file of src/execution/files.
import { z } from 'zod'
import { append as appendLines, prepend as prependLines } from '../execution/files/appended.ts'
import {
  backup,
  exclude_pat,
  group,
  makedirs,
  mode,
  modeOrKeep,
  source,
  sourcing,
  suffix,
  templating,
  user,
} from '../execution/files/arguments.ts'
import { blockreplace as replaceBlock } from '../execution/files/block.ts'
import { directory as manageDirectory } from '../execution/files/directory.ts'
import { managed as manageFile } from '../execution/files/managed.ts'
import {
  missing as lookAway,
  exists as lookFor,
  absent as remove,
  touch as touchFile,
} from '../execution/files/presence.ts'
import { recurse as manageTree } from '../execution/files/recursed.ts'
import { replace as replaceText } from '../execution/files/replaced.ts'
import { symlink as manageLink } from '../execution/files/symlink.ts'
import { state } from '../functions/define.ts'
import { commandLine, filePath, fixed } from '../functions/guards.ts'

const name = z.string().min(1).describe('its path, absolute')
const show_changes = z.boolean().default(true).describe('whether the diff is among the changes')
const content = fixed('the content of a file')
const origin = fixed('the place that a file comes from')
const owning = { user: fixed('the owner of a file'), group: fixed('the group of a file'), mode: fixed('permissions') }
const sources = { source: origin, source_hash: origin, template: content, context: content, defaults: content }

const decision = fixed('what decides whether something is removed')

const keys = z.union([z.string(), z.array(z.string())]).nullish()
const clean = z
  .boolean()
  .default(false)
  .describe('removes what is in the folder and neither of this state nor of a file state that it requires')

export const managed = state({
  doc: `A file has this content, owner and permissions.
    It is written aside and renamed, so nobody ever sees half of it. Without source and contents it is made empty, and
    what is in a file that is there stays. The changes have a unified diff; none is shown of secrets of the pillar.
    Example:
      /etc/motd:
        file.managed:
          - source: salt://motd
          - template: jinja
          - user: root
          - group: root
          - mode: '0644'`,
  args: {
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
    dir_mode: mode(
      'permissions of folders that are made; default: those of the file, with search where it may be read',
    ),
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
  },
  guards: {
    ...{ name: filePath, ...sources, ...owning, dir_mode: owning.mode, check_cmd: commandLine },
    ...{ contents: content, contents_pillar: content, contents_grains: content, skip_verify: origin },
  },
  idempotent: true,
  run: manageFile,
})

export const directory = state({
  doc: `A folder is there, with this owner and these permissions.
    recurse has them set of all that is in it too, of links their owner. clean removes what is in it and was put there by
    no file state that this one requires.
    Example:
      /srv/www:
        file.directory:
          - user: www-data
          - group: www-data
          - dir_mode: '0755'
          - file_mode: '0644'
          - makedirs: True
          - recurse: [user, group, mode]`,
  args: {
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
  },
  guards: {
    name: filePath,
    ...owning,
    dir_mode: owning.mode,
    file_mode: owning.mode,
    backupname: filePath,
    clean: decision,
    force: decision,
  },
  idempotent: true,
  run: manageDirectory,
})

export const recurse = state({
  doc: `A folder has what a folder of salt:// has.
    Example:
      /srv/www/static:
        file.recurse:
          - source: salt://www/static
          - file_mode: keep
          - dir_mode: '0755'
          - exclude_pat: '*.orig'
          - clean: True`,
  args: {
    name,
    source: z
      .union([z.string(), z.array(z.string()).min(1)])
      .describe('salt://folder; a list: the first that is there'),
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
  },
  guards: {
    name: filePath,
    ...sources,
    user: owning.user,
    group: owning.group,
    dir_mode: owning.mode,
    file_mode: owning.mode,
    clean: decision,
  },
  idempotent: true,
  run: manageTree,
})

export const symlink = state({
  doc: `A link leads there. One that leads elsewhere is changed; a file or folder in its place stays unless force or backupname says otherwise.
    Example:
      /etc/nginx/sites-enabled/shop:
        file.symlink:
          - target: /etc/nginx/sites-available/shop`,
  args: {
    name,
    target: z.string().min(1).describe('where it leads, as it is to stand in the link'),
    force: z.boolean().default(false).describe('removes a file or folder that stands in its place'),
    backupname: z.string().nullish().describe('where that is moved instead; with force over what is there'),
    makedirs,
    user: user.describe("who owns the link; default: the minion's user"),
    group: group.describe('its group; default: that of the user'),
    mode: mode('permissions of folders that are made'),
  },
  guards: { ...owning, name: filePath, target: filePath, backupname: filePath, force: decision },
  idempotent: true,
  run: manageLink,
})

export const absent = state({
  doc: `There is no such file, link or folder: what is there is removed, of a folder all that is in it too.
    Example:
      /etc/nginx/sites-enabled/default:
        file.absent`,
  args: { name },
  guards: { name: filePath },
  idempotent: true,
  run: remove,
})

export const exists = state({
  doc: `A file or folder is there; nothing is done about it.
    Example:
      /etc/krb5.keytab:
        file.exists`,
  args: { name },
  guards: { name: filePath },
  idempotent: true,
  run: lookFor,
})

export const missing = state({
  doc: `A file or folder is not there; nothing is done about it.
    Example:
      /etc/nologin:
        file.missing`,
  args: { name },
  guards: { name: filePath },
  idempotent: true,
  run: lookAway,
})

export const touch = state({
  doc: `A file is there, and its times are those given, or now. Without times it changes on every run.
    Example:
      /var/log/httpd/logrotate.empty:
        file.touch:
          - makedirs: True`,
  args: {
    name,
    atime: z.number().nullish().describe('when it was last read, seconds since 1970'),
    mtime: z.number().nullish().describe('when it was last written, seconds since 1970'),
    makedirs,
  },
  guards: { name: filePath },
  idempotent: true,
  run: touchFile,
})

const text = z
  .union([z.string(), z.number(), z.array(z.union([z.string(), z.number()]))])
  .nullish()
  .describe('a text of one or several lines, or a list of such; each is added where it is missing')
const adding = {
  name,
  text,
  makedirs,
  source,
  ...sourcing,
  ...templating,
  ignore_whitespace: z.boolean().default(true).describe('lines that differ in white space alone are the same'),
}
const added = { name: filePath, text: content, ...sources }

export const append = state({
  doc: `A file has these lines somewhere; those that are missing are put at its end. A file that is not there is made.
    Example:
      /etc/motd:
        file.append:
          - text:
            - Trust no one unless you have eaten much salt with him.
            - Salt is born of the purest of parents.`,
  args: adding,
  guards: added,
  idempotent: true,
  run: appendLines,
})

export const prepend = state({
  doc: `A file has these lines somewhere; those that are missing are put at its beginning.
    Example:
      /etc/motd:
        file.prepend:
          - text: Authorised use only.
          - header: True`,
  args: { ...adding, header: z.boolean().default(false).describe('they must be its first lines') },
  guards: added,
  idempotent: true,
  run: prependLines,
})

export const replace = state({
  doc: `What a pattern finds in a file is replaced.
    The pattern is a regular expression as Python writes it, without look-around and back-references, over the whole text.
    It should not find what repl has put there, or the file changes on every run.
    Example:
      /etc/ssh/sshd_config:
        file.replace:
          - pattern: '^#?PermitRootLogin .*$'
          - repl: PermitRootLogin no
          - append_if_not_found: True`,
  args: {
    name,
    pattern: z.string().min(1).describe('the regular expression'),
    repl: z
      .union([z.string(), z.number()])
      .transform(String)
      .describe('what takes its place; \\1 and \\g<name> are groups'),
    count: z.number().int().min(0).default(0).describe('how many are replaced at most, 0: all'),
    flags: z
      .union([z.number().int().min(0), z.string(), z.array(z.union([z.string(), z.number()]))])
      .default(8)
      .describe('names or the number of IGNORECASE (2), MULTILINE (8), DOTALL (16)'),
    append_if_not_found: z.boolean().default(false).describe('puts the content at the end where nothing is found'),
    prepend_if_not_found: z.boolean().default(false).describe('puts it at the beginning'),
    not_found_content: z.string().nullish().describe('that content; default: repl'),
    backup: suffix.default('.bak').describe('what the name of a copy of the old file ends in; False: no copy is kept'),
    show_changes,
    ignore_if_missing: z.boolean().default(false).describe('True: a file that is not there is no failure'),
    backslash_literal: z.boolean().default(false).describe('True: repl is taken as it is, without groups and escapes'),
  },
  guards: { name: filePath, pattern: content, repl: content, not_found_content: content, backup: filePath },
  idempotent: true,
  run: replaceText,
})

const marker = (which: string, text: string) =>
  z
    .string()
    .min(1)
    .regex(/^[^\r\n]*$/, 'it is one line')
    .default(text)
    .describe(`what the line has in it that ${which} the block`)

export const blockreplace = state({
  doc: `The lines between two markers of a file are these; the lines of the markers stay. They may be put into a file that has none.
    Example:
      /etc/hosts:
        file.blockreplace:
          - marker_start: '# START cluster'
          - marker_end: '# END cluster'
          - content: |
              10.0.0.1 node1
              10.0.0.2 node2
          - append_if_not_found: True`,
  args: {
    name,
    marker_start: marker('begins', '#-- start managed zone --'),
    marker_end: marker('ends', '#-- end managed zone --'),
    content: z.string().default('').describe('the lines'),
    source,
    ...sourcing,
    ...templating,
    append_if_not_found: z.boolean().default(false).describe('puts a block that is not there at the end'),
    prepend_if_not_found: z.boolean().default(false).describe('puts it at the beginning'),
    insert_before_match: z.string().nullish().describe('puts it before the first line that this pattern finds'),
    insert_after_match: z.string().nullish().describe('puts it behind that line'),
    backup: suffix.default('.bak').describe('what the name of a copy of the old file ends in; False: no copy is kept'),
    show_changes,
  },
  guards: {
    ...{ name: filePath, ...sources, content, marker_start: content, marker_end: content, backup: filePath },
    ...{ insert_before_match: content, insert_after_match: content },
  },
  idempotent: true,
  run: replaceBlock,
})
