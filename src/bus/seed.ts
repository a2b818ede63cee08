// nkey seeds on disk: read only where nobody but their owner can read them, and written so that they are whole or not there.
import { link, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { makeFolder } from '../base/folder.ts'
import { readSecretFile } from '../base/secret-file.ts'

/** The seed's text; undefined where there is no such file. Throws `unreadable`, or `bad_config` where others may read it. */
export async function readSeed(file: string): Promise<string | undefined> {
  const advice = ', or, if they may have read it, remove it to have a new one made'
  return (await readSecretFile(file, 'the key', advice))?.trim()
}

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
