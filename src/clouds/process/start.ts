// Starting a machine's process.
import { spawn } from 'node:child_process'
import { open } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ReactorError } from '../../base/errors.ts'
import { LOG, lastWords, readRunning } from './folder.ts'
import { MACHINE_VARIABLE } from './marked.ts'

const MACHINE = fileURLToPath(new URL(`./machine${extname(import.meta.url)}`, import.meta.url))
/** All else of this process's environment, secrets and the way to the server, is not the machine's. */
const KEPT = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR']
const LOOK_MS = 25

/** Resolves once the machine has said which process it is. Throws `child_died` with its last words; nothing runs then. */
export async function startMachine(folder: string, id: string, signal: AbortSignal): Promise<void> {
  const log = await open(join(folder, LOG), 'a', 0o600)
  const child = spawn(process.execPath, [MACHINE, folder], {
    cwd: folder,
    // Of a group and a session of its own: it outlives whoever made it, and ends with all its processes.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: { ...keptEnvironment(), [MACHINE_VARIABLE]: id },
  })
  let ended: string | undefined
  child.once('exit', (code, killed) => {
    ended = killed ?? `exit code ${code}`
  })
  child.once('error', error => {
    ended = error.message
  })
  child.unref()
  try {
    while ((await readRunning(folder))?.pid !== child.pid || child.pid === undefined) {
      if (ended !== undefined)
        throw new ReactorError('child_died', `the machine's process ended (${ended}): ${await lastWords(folder)}`)
      signal.throwIfAborted()
      await delay(LOOK_MS)
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  } finally {
    await log.close()
  }
}

const keptEnvironment = (): Record<string, string | undefined> =>
  Object.fromEntries(KEPT.flatMap(name => (process.env[name] === undefined ? [] : [[name, process.env[name]]])))
