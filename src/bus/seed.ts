// nkey seeds on disk: read only where nobody but their owner can read them, and written so that they are whole or not there.
import { link, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { makeFolder } from '../base/folder.ts'

const OTHERS = 0o077

/** The seed's text; undefined where there is no such file. Throws `unreadable`, or `bad_config` where others may read it. */
export async function readSeed(file: string): Promise<string | undefined> {
  try {
    const handle = await open(file, 'r')
    try {
      const { mode } = await handle.stat()
      if (process.platform !== 'win32' && (mode & OTHERS) !== 0) throw tooOpen(file, mode)
      return (await handle.readFile('utf8')).trim()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (error instanceof ReactorError) throw error
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ReactorError('unreadable', `cannot read the key ${file}: ${errorMessage(error)}`)
  }
}

const tooOpen = (file: string, mode: number) =>
  new ReactorError(
    'bad_config',
    `others than its owner may read the key ${file} (mode ${(mode & 0o777).toString(8).padStart(4, '0')}), so it is not used: run 'chmod 600 ${file}', or, if they may have read it, remove it to have a new one made`,
  )

let writes = 0

/** Writes a new file of mode 0600. False: there is one already, which stays as it is. Throws `unwritable`. */
export async function writeSeed(file: string, seed: string): Promise<boolean> {
  const whole = `${file}.${process.pid}-${writes++}.new`
  try {
    await makeFolder(dirname(file))
    const handle = await open(whole, 'wx', 0o600)
    try {
      await handle.writeFile(`${seed}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await link(whole, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new ReactorError('unwritable', `cannot write the key ${file}: ${errorMessage(error)}`)
  } finally {
    await rm(whole, { force: true })
  }
}
