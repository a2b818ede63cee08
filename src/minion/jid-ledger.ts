// The jids that this minion has taken, on disk, so that none runs twice however often it is delivered.
import { type FileHandle, open, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { makeFolder } from '../base/folder.ts'
import { isJid } from '../protocol/jid.ts'

export interface JidLedger {
  /** Whether the jid was taken before, or is being taken. */
  has(jid: string): boolean
  /** True the first time a jid is seen; it is on disk when this resolves. */
  take(jid: string): Promise<boolean>
  close(): Promise<void>
}

/** Jids older than any job can be delivered again are forgotten when the file is opened. */
const KEEP = 100_000

export async function openJidLedger(file: string): Promise<JidLedger> {
  const known = new Set<string>()
  let handle: FileHandle
  try {
    await makeFolder(dirname(file))
    const lines = (await readIfThere(file)).split('\n').filter(isJid)
    for (const jid of lines.slice(-KEEP)) known.add(jid)
    if (lines.length > KEEP) {
      await writeFile(`${file}.new`, `${[...known].join('\n')}\n`)
      await rename(`${file}.new`, file)
    }
    handle = await open(file, 'a')
  } catch (error) {
    throw new ReactorError('unwritable', `the ledger of jids ${file} cannot be written: ${errorMessage(error)}`)
  }
  return {
    has: jid => known.has(jid),
    async take(jid) {
      if (known.has(jid)) return false
      known.add(jid)
      try {
        // The line break comes first, so that a line cut short by a full disk or a crash does not swallow the next one.
        await handle.appendFile(`\n${jid}`)
      } catch (error) {
        known.delete(jid)
        throw new ReactorError('unwritable', `the ledger of jids ${file} cannot be written: ${errorMessage(error)}`)
      }
      return true
    },
    close: () => handle.close(),
  }
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}
