// Files that hold secrets: read only where nobody but their owner can read them.
import { open } from 'node:fs/promises'
import { errorMessage, ReactorError } from './errors.ts'

const OTHERS = 0o077

/**
 * The text; undefined where there is no such file. `what` names it ("the key"), `advice` ends the sentence that says to close
 * it. Throws `unreadable`, and `bad_config` where others may read or write it.
 */
export async function readSecretFile(file: string, what: string, advice = ''): Promise<string | undefined> {
  try {
    const handle = await open(file, 'r')
    try {
      const { mode } = await handle.stat()
      if (process.platform !== 'win32' && (mode & OTHERS) !== 0)
        throw new ReactorError(
          'bad_config',
          `others than its owner may read ${what} ${file} (mode ${modeText(mode)}), so it is not used: run 'chmod 600 ${file}'${advice}`,
        )
      return await handle.readFile('utf8')
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (error instanceof ReactorError) throw error
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ReactorError('unreadable', `cannot read ${what} ${file}: ${errorMessage(error)}`)
  }
}

/** As chmod takes it: `0640`. */
export const modeText = (mode: number): string => (mode & 0o777).toString(8).padStart(4, '0')
