// States `file`: files, folders and links as they are declared. Each is a file of src/execution/files.
import { z } from 'zod'
import { append as appendLines, prepend as prependLines } from '../execution/files/appended.ts'
import { group, makedirs, mode, name, user } from '../execution/files/arguments.ts'
import { blockreplace as replaceBlock } from '../execution/files/block.ts'
import { directory as manageDirectory } from '../execution/files/directory.ts'
import {
  addingArgs,
  addingGuards,
  blockreplaceArgs,
  blockreplaceGuards,
  replaceArgs,
  replaceGuards,
} from '../execution/files/edit-arguments.ts'
import { directoryArgs, directoryGuards, recurseArgs, recurseGuards } from '../execution/files/folder-arguments.ts'
import { decision, owning } from '../execution/files/guards.ts'
import { managed as manageFile } from '../execution/files/managed.ts'
import { managedArgs, managedGuards } from '../execution/files/managed-arguments.ts'
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
import { filePath } from '../functions/guards.ts'

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
  args: managedArgs,
  guards: managedGuards,
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
  args: directoryArgs,
  guards: directoryGuards,
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
  args: recurseArgs,
  guards: recurseGuards,
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

export const append = state({
  doc: `A file has these lines somewhere; those that are missing are put at its end. A file that is not there is made.
    Example:
      /etc/motd:
        file.append:
          - text:
            - Trust no one unless you have eaten much salt with him.
            - Salt is born of the purest of parents.`,
  args: addingArgs,
  guards: addingGuards,
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
  args: { ...addingArgs, header: z.boolean().default(false).describe('they must be its first lines') },
  guards: addingGuards,
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
  args: replaceArgs,
  guards: replaceGuards,
  idempotent: true,
  run: replaceText,
})

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
  args: blockreplaceArgs,
  guards: blockreplaceGuards,
  idempotent: true,
  run: replaceBlock,
})
