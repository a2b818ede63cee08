// Module `file`: looks at files of the minion, for conditions and templates. What changes files are states.

import { getHashes } from 'node:crypto'
import type { Stats } from 'node:fs'
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { groupName, userName } from '../execution/files/owner.ts'
import { lstatOf, statOf } from '../execution/files/paths.ts'
import { modeText } from '../execution/files/perms.ts'
import { hashFile } from '../execution/files/write.ts'
import { execution } from '../functions/define.ts'
import { filePath } from '../functions/guards.ts'

const path = z.string().startsWith('/', 'expected an absolute path').describe('the absolute path')
const guards = { path: filePath }

export const file_exists = execution({
  doc: `Tells whether there is a file; a folder is none, and a link is what it leads to.
    Example: reactor call web1 file.file_exists /etc/motd`,
  args: { path },
  guards,
  idempotent: true,
  run: async ({ path }) => (await statOf(path))?.isFile() ?? false,
})

export const directory_exists = execution({
  doc: `Tells whether there is a folder; a link is what it leads to.
    Example: reactor call web1 file.directory_exists /etc/nginx`,
  args: { path },
  guards,
  idempotent: true,
  run: async ({ path }) => (await statOf(path))?.isDirectory() ?? false,
})

export const is_link = execution({
  doc: `Tells whether there is a symbolic link, wherever it leads.
    Example: reactor call web1 file.is_link /etc/alternatives/editor`,
  args: { path },
  guards,
  idempotent: true,
  run: async ({ path }) => (await lstatOf(path))?.isSymbolicLink() ?? false,
})

export const stats = execution({
  doc: `Returns size, type, mode, user, group and times (seconds) of a file or folder; of a link, with follow_symlinks=False, its own.
    Example: reactor call web1 file.stats /etc/motd`,
  args: { path, follow_symlinks: z.boolean().default(true).describe('look at what a link leads to') },
  guards,
  idempotent: true,
  async run({ path, follow_symlinks }, context) {
    const found = follow_symlinks ? await statOf(path) : await lstatOf(path)
    if (!found) throw missing(path)
    const { uid, gid, ino: inode, size, mode, atimeMs, mtimeMs, ctimeMs } = found
    return {
      ...{ inode, uid, user: await userName(uid, context), gid, group: await groupName(gid, context) },
      ...{ atime: atimeMs / 1000, mtime: mtimeMs / 1000, ctime: ctimeMs / 1000 },
      ...{ size, mode: modeText(mode), type: typeOf(found), target: path },
    }
  },
})

export const get_hash = execution({
  doc: `Returns the checksum of a file, in hexadecimal.
    Example: reactor call web1 file.get_hash /etc/motd form=sha512`,
  args: { path, form: z.string().default('sha256').describe('sha256, sha512, md5, …') },
  guards,
  idempotent: true,
  async run({ path, form }) {
    const known = getHashes()
    if (!known.includes(form))
      throw new ReactorError('bad_argument', `file.get_hash: there is no hash '${form}'.${didYouMean(form, known)}`)
    if (!(await statOf(path))?.isFile()) throw missing(path)
    return hashFile(path, form)
  },
})

const missing = (path: string) => new ReactorError('not_found', `File not found: ${path}`)

function typeOf(stats: Stats): string {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'dir'
  if (stats.isSymbolicLink()) return 'link'
  if (stats.isFIFO()) return 'pipe'
  if (stats.isSocket()) return 'socket'
  return stats.isBlockDevice() ? 'block' : 'char'
}
