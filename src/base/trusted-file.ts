// Files that were found, not named, and say what to run and where to log in: believed only where nobody but this user and root
// can have written them.
import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorMessage, ReactorError } from './errors.ts'
import { modeText } from './secret-file.ts'

const FORBIDDEN = new Set(['EACCES', 'EPERM'])
const WRITABLE_BY_OTHERS = 0o022

/** The text; undefined where there is no such file. Throws `bad_config`, and `unreadable` where this user may not look. */
export const readTrustedFile = (file: string): Promise<string | undefined> =>
  withTrustedFile(file, handle => handle.readFile('utf8'))

/** Throws `bad_config` where somebody else can have written the file; one that is not there is nobody's. */
export async function requireTrustedFile(file: string): Promise<void> {
  await withTrustedFile(file, async () => '')
}

async function withTrustedFile(
  file: string,
  use: (handle: FileHandle) => Promise<string>,
): Promise<string | undefined> {
  // Not waiting: it may be a pipe that somebody has put there.
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch(error => {
    if (!FORBIDDEN.has(error.code)) return undefined
    throw new ReactorError('unreadable', `${file} may be there, but this user may not read it: ${errorMessage(error)}`)
  })
  if (!handle) return undefined
  try {
    const found = await handle.stat()
    const folder = dirname(file)
    // Who may write the folder can put another file in its place, and who owns a link another folder.
    requireOwn(folder, await lstat(folder), file)
    requireOwn(folder, await stat(folder), file)
    requireOwn(file, found, file)
    if (!found.isFile()) throw new ReactorError('bad_config', `${file} is no file; remove it`)
    return await use(handle)
  } finally {
    await handle.close()
  }
}

function requireOwn(path: string, found: Stats, file: string): void {
  const me = process.getuid?.()
  if (me === undefined) return
  const untrusted = (why: string, advice: string) =>
    new ReactorError(
      'bad_config',
      `${file} is not used, because ${why}, and it says what is run and where a login goes: ${advice}`,
    )
  if (found.uid !== me && found.uid !== 0)
    throw untrusted(
      `${path} belongs to another user (uid ${found.uid})`,
      'run the command as that user, in another folder, or name the system with --server or --context',
    )
  if (!found.isSymbolicLink() && (found.mode & WRITABLE_BY_OTHERS) !== 0)
    throw untrusted(
      `others than its owner may write ${path} (mode ${modeText(found.mode)})`,
      `run 'chmod go-w ${path}' if nobody else has written it`,
    )
}
