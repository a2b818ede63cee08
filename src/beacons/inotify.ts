// Beacon `inotify`: what happens to files and folders.
import { isAbsolute, resolve } from 'node:path'
import { z } from 'zod'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { createComplaints } from '../execution/complaints.ts'
import { excludeOption } from '../execution/files/excluded.ts'
import type { ChangeKind } from '../execution/files/facts.ts'
import { type FileChange, watchPath } from '../execution/files/watch.ts'
import { beacon, type Observation } from '../functions/define-beacon.ts'

const KINDS: readonly ChangeKind[] = ['create', 'delete', 'delete_self', 'modify', 'attrib', 'close_write']
const DEFAULT: readonly ChangeKind[] = ['create', 'delete', 'modify']

const NOT_READ = 'who opens and reads a file is not told to programs such as this one: leave it out'
const NO_OPTION = 'it is an option of pyinotify that there is not here'
const REFUSED: Readonly<Record<string, string>> = {
  moved_to:
    "a file that was moved here is not to be told from a new one: use 'create', and 'modify' where it replaces another",
  moved_from: "a file that was moved away is not to be told from a deleted one: use 'delete'",
  move_self: "a path that was moved away is not to be told from a deleted one: use 'delete_self'",
  ...{ access: NOT_READ, open: NOT_READ, close_nowrite: NOT_READ },
  ...{ dont_follow: NO_OPTION, excl_unlink: NO_OPTION, oneshot: NO_OPTION, onlydir: NO_OPTION },
  ...{ ignored: NO_OPTION, unmount: NO_OPTION },
}

const mask = z.string().transform((word, context): ChangeKind => {
  const kind = KINDS.find(known => known === word)
  if (kind !== undefined) return kind
  const why = Object.hasOwn(REFUSED, word) ? REFUSED[word] : `expected ${KINDS.join(', ')}.${didYouMean(word, KINDS)}`
  context.addIssue({ code: 'custom', message: `the mask '${word}' cannot be used: ${why}` })
  return z.NEVER
})

const watched = z
  .strictObject({
    mask: z
      .array(mask)
      .min(1)
      .optional()
      .describe('what is told: create, delete, delete_self, modify, attrib, close_write'),
    recurse: z.boolean().optional().describe('with the folders that are in it'),
    auto_add: z.boolean().optional().describe('with the folders that come to it later'),
    exclude: excludeOption.optional(),
  })
  .nullish()

export default beacon({
  doc: `Tells what happens to files and folders, and to what is in these.
    Data: path; change: IN_CREATE, IN_DELETE, IN_MODIFY, IN_ATTRIB, IN_DELETE_SELF, IN_CLOSE_WRITE, of a folder with |IN_ISDIR behind it. The tag ends in
    the watched folder, of a watched file in its path. Default mask: create, delete, modify.
    close_write is told of a file that was made or changed, once no process has it open for writing any more; it needs a minion that
    runs as root, on Linux. Opening and reading is not told.
    Told is how a path differs from how it was at the last look: often changed, once; made and deleted in between, both. A path need not
    be there yet, and may be replaced, deleted and made again, or be a symbolic link, which is followed. A file that is moved counts as
    deleted here and made there; one that takes another's place, as editors save, as modified. More than 2000 changes
    of a path from one look to the next are told as IN_Q_OVERFLOW. On Linux only. In a folder
    of a network file system it is not seen what other machines do.
    Example:
    beacons:
      inotify:
        - files:
            /etc/nginx:
              mask: [create, delete, modify]
              recurse: true
              auto_add: true
              exclude:
                - /etc/nginx/cache
                - \\.swp$:
                    regex: true
            /etc/hosts: {}`,
  options: z.strictObject({
    files: z
      .record(z.string().refine(isAbsolute, 'expected absolute paths'), watched)
      .refine(files => Object.keys(files).length > 0, 'expected at least one path')
      .describe('paths of files and folders, each with its own options or {}'),
    coalesce: z
      .literal(
        true,
        'it can be true alone: what happens to a path more than once between two looks is always told once',
      )
      .optional()
      .describe('what happens to a path more than once between two looks is told once; always so'),
  }),
  async open({ files }, { log }) {
    if (process.platform !== 'linux')
      throw new ReactorError('bad_config', `there is no inotify on ${process.platform}: this beacon runs on Linux`)
    const isClosing = Object.values(files).some(given => given?.mask?.includes('close_write'))
    if (isClosing && process.geteuid?.() !== 0)
      throw new ReactorError(
        'bad_config',
        "the mask 'close_write' needs a minion that runs as root, who alone sees what others write: use 'modify'",
      )
    const complain = createComplaints(log)
    const watches = Object.entries(files).map(([path, given]) =>
      watchPath({
        path: resolve(path),
        kinds: new Set(given?.mask ?? DEFAULT),
        recurse: given?.recurse ?? false,
        autoAdd: given?.auto_add ?? false,
        excluded: given?.exclude ?? (() => false),
      }),
    )
    const look = async (): Promise<Observation[]> => {
      const problems: string[] = []
      const found: Observation[] = []
      for (const watch of watches) {
        try {
          const { changes, lost, unseen } = await watch.changes()
          found.push(...changes.map(observed))
          if (unseen > 0)
            problems.push('a file may be told of before it is closed: what some processes write may not be seen here')
          if (lost === 0) continue
          problems.push(`${lost} more changes of ${watch.path} are not told: there were too many at once`)
          found.push({ tag: watch.path, data: { path: watch.path, change: 'IN_Q_OVERFLOW' } })
        } catch (error) {
          problems.push(errorMessage(error))
        }
      }
      complain(problems)
      return found
    }
    // What is there is taken as it is.
    await look()
    return {
      poll: look,
      close() {
        for (const watch of watches) watch.close()
      },
    }
  },
})

function observed({ folder, path, kind, isFolder }: FileChange): Observation {
  const change = `IN_${kind.toUpperCase()}${isFolder && kind !== 'delete_self' ? '|IN_ISDIR' : ''}`
  return { tag: folder, data: { path, change } }
}
