// The folder of one machine: what it is (instance.json, from its birth), which process it is and what it says of itself
// (machine.json, which it writes itself), and its minion's.
import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { makeFolder } from '../../base/folder.ts'
import { ignoreMissing } from '../../base/missing.ts'

/** What it was made as. */
export interface Born {
  id: string
  name: string
  /** Shows to the machine that it is its provider who asks. */
  token: string
  /** MiB that its minion may use. */
  size: number
  image: string
  /** ISO 8601. */
  created: string
}

/** A process of the machine, known by more than a pid, which another may have later. */
export interface ProcessMark {
  pid: number
  start: string
}

/** What the machine says of itself. */
export interface Running extends ProcessMark {
  /** On loopback; from when it answers. */
  port?: number
  /** Of its minion, from when it has one. */
  public_key?: string
  minion?: ProcessMark
}

const BORN = 'instance.json'
const RUNNING = 'machine.json'
export const LOG = 'machine.log'

/** In `dir`, where nothing of that name is yet. Throws `bad_argument` where there is. */
export async function makeMachineFolder(dir: string, born: Born): Promise<string> {
  await makeFolder(dir)
  const made = join(dir, `${NEW}${born.id}`)
  const folder = join(dir, born.name)
  await mkdir(made, { mode: 0o700 })
  try {
    await writeFile(join(made, BORN), JSON.stringify(born), { mode: 0o600 })
    // A folder takes the place of no other that holds something, so that of two who make one name one gets it.
    await rename(made, folder)
    return folder
  } catch (error) {
    await rm(made, { recursive: true, force: true })
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
    throw new ReactorError('bad_argument', `there is a machine '${born.name}' already`)
  }
}

/** Folders of machines; none where the folder of the provider is not there. */
export async function machineFolders(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch(ignoreMissing)
  return (names ?? [])
    .filter(name => !name.startsWith('.'))
    .sort()
    .map(name => join(dir, name))
}

/** Undefined where the folder is gone, or none of a machine. Throws `unreadable`. */
export const readBorn = (folder: string): Promise<Born | undefined> => readJson<Born>(join(folder, BORN))
export const readRunning = (folder: string): Promise<Running | undefined> => readJson<Running>(join(folder, RUNNING))

/** Whole at any time. Throws where the folder is gone. */
export async function writeRunning(folder: string, running: Running): Promise<void> {
  const made = join(folder, `.${RUNNING}.new`)
  await writeFile(made, JSON.stringify(running), { mode: 0o600 })
  await rename(made, join(folder, RUNNING))
}

/** Its name is free at once, whatever it takes to remove what was in it. */
export async function removeMachineFolder(folder: string, dir: string, id: string): Promise<void> {
  const gone = join(dir, `${GONE}${id}-${randomBytes(4).toString('hex')}`)
  try {
    await rename(folder, gone)
  } catch (error) {
    ignoreMissing(error)
    return
  }
  await rm(gone, { recursive: true, force: true, maxRetries: 5 })
}

const NEW = '.new-'
const GONE = '.gone-'
/** Longer than it takes to make a folder. */
const NEW_MS = 60_000

/** What is left of folders whose making or removal was cut short. */
export async function removeLeftovers(dir: string): Promise<void> {
  const names = (await readdir(dir).catch(ignoreMissing)) ?? []
  const isLeft = async (name: string) => {
    if (!name.startsWith(NEW)) return name.startsWith(GONE)
    const found = await stat(join(dir, name)).catch(ignoreMissing)
    return found !== undefined && Date.now() - found.mtimeMs > NEW_MS
  }
  for (const name of names) if (await isLeft(name)) await rm(join(dir, name), { recursive: true, force: true })
}

/** Keeps the log of a machine below twice that many bytes: what was said before lies beside it, once. */
export async function turnLog(folder: string, most: number): Promise<void> {
  const log = join(folder, LOG)
  if ((await stat(log)).size <= most) return
  // The processes of the machine hold it open, and write at its end.
  await copyFile(log, `${log}.1`)
  await truncate(log)
}

/** The last of what it said, for people. */
export async function lastWords(folder: string): Promise<string> {
  try {
    const file = await open(join(folder, LOG), 'r')
    try {
      const { size } = await file.stat()
      const { buffer, bytesRead } = await file.read({ position: Math.max(0, size - 500), buffer: Buffer.alloc(500) })
      return buffer.toString('utf8', 0, bytesRead).replace(/\s+/g, ' ').trim()
    } finally {
      await file.close()
    }
  } catch {
    return ''
  }
}

async function readJson<T>(file: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new ReactorError('unreadable', `cannot read ${file}: ${errorMessage(error)}`)
  }
}
