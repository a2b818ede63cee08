// The data folder of `reactor up`: where everything lies, and that only one `up` uses it at a time.
import { access, constants, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { makeFolder } from '../base/folder.ts'
import { isObject } from '../base/json.ts'
import { ignoreMissing } from '../base/missing.ts'
import { readTrustedFile } from '../base/trusted-file.ts'
import type { TlsFiles } from '../bus/tls.ts'

/** What `reactor up` leaves in its data folder, so that commands of the same folder find it. */
export interface UpFile {
  server: string
  namespace: string
  /** The operator that commands are by default. */
  user: string
  /** File with the operator's seed; absent on a server without accounts. */
  seed?: string
  /** For a server elsewhere; absolute paths. */
  tls?: TlsFiles
  /** What `reactor local` runs as: the config of the minion, and the file with its seed. */
  minion: { config: string; seed?: string }
  pid: number
}

export const UP_FILE = 'up.json'

export interface DataFolder {
  readonly path: string
  readonly natsConfig: string
  /** The accounts alone, to be included in the config of a server that is there already. */
  readonly accountsConfig: string
  readonly natsStore: string
  readonly natsPorts: string
  readonly natsPid: string
  readonly natsLog: string
  readonly childConfig: string
  key(name: string): string
  minion(id: string): string
  /** The job cache. */
  readonly cache: string
  /** Queues of the sqlite backend. */
  readonly queue: string
  readonly cloud: string
}

/** Makes and checks the folder. Throws `unwritable`. */
export async function openDataFolder(dir: string): Promise<DataFolder> {
  if (dir === '') throw new ReactorError('usage', 'the data folder is empty text: name one with --data DIR')
  const path = resolve(dir)
  const at = (...parts: string[]) => join(path, ...parts)
  try {
    for (const folder of ['nats', 'keys', 'run', 'minion']) await makeFolder(at(folder))
    await access(path, constants.W_OK)
    await writeFile(at('run', 'writable'), '')
    await rm(at('run', 'writable'))
  } catch (error) {
    throw new ReactorError(
      'unwritable',
      `the data folder ${path} cannot be written (${errorMessage(error)}); name another with --data DIR`,
    )
  }
  return {
    path,
    natsConfig: at('nats', 'nats.conf'),
    accountsConfig: at('nats', 'accounts.conf'),
    natsStore: at('nats', 'jetstream'),
    natsPorts: at('nats', 'ports'),
    natsPid: at('nats', 'nats.pid'),
    natsLog: at('nats', 'nats.log'),
    childConfig: at('run', 'config.json'),
    key: name => at('keys', `${name}.nk`),
    minion: id => at('minion', id),
    cache: at('cache'),
    queue: at('queue'),
    cloud: at('cloud'),
  }
}

/**
 * The `up.json` of a data folder, if one is there. Throws `bad_config` where it is damaged, or somebody else than this user
 * and root can have written it.
 */
export async function readUpFile(dir: string): Promise<UpFile | undefined> {
  const text = await readTrustedFile(join(dir, UP_FILE))
  return text === undefined ? undefined : parseUpFile(text, dir)
}

function parseUpFile(text: string, dir: string): UpFile {
  const file = parsed(text)
  if (
    isObject(file) &&
    UP_TEXTS.every(key => typeof file[key] === 'string') &&
    typeof file.pid === 'number' &&
    isObject(file.minion)
  )
    return file as unknown as UpFile
  throw new ReactorError(
    'bad_config',
    `${join(dir, UP_FILE)} is damaged; stop the reactor of that folder and remove the file`,
  )
}

const UP_TEXTS = ['server', 'namespace', 'user'] as const

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Throws when another `up` lives in the folder. */
export async function requireUnused(folder: DataFolder): Promise<void> {
  // Whoever has written it: nothing but the pid is taken from it.
  const path = join(folder.path, UP_FILE)
  const text = await readFile(path, 'utf8')
    .catch(ignoreMissing)
    .catch(error => {
      throw new ReactorError('unreadable', `cannot read ${path}: ${errorMessage(error)}`)
    })
  const other = text === undefined ? undefined : parseUpFile(text, folder.path)
  if (!other || other.pid === process.pid || !isAlive(other.pid)) return
  throw new ReactorError(
    'port_in_use',
    `a reactor is running with the data folder ${folder.path} already (pid ${other.pid}); stop it, or name another folder with --data DIR (if that pid is another program, remove ${join(folder.path, UP_FILE)})`,
  )
}

export const writeUpFile = (folder: DataFolder, file: UpFile): Promise<void> =>
  writeFile(join(folder.path, UP_FILE), `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 })

export const removeUpFile = (folder: DataFolder): Promise<void> => rm(join(folder.path, UP_FILE), { force: true })

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
