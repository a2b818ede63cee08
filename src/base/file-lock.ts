// One user of a file at a time: a lock beside it that names the process, and that counts for nothing once that is gone.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { errorMessage, ReactorError } from './errors.ts'
import { ignoreMissing } from './missing.ts'
import { isAlive, processStart } from './process-start.ts'

const mine = new Set<string>()

/** Takes `<file>.lock` and gives back what releases it. Throws `unwritable` where another uses it, or the system's error. */
export function lockFile(file: string): () => void {
  const lock = `${resolve(file)}.lock`
  const text = `${process.pid} ${processStart(process.pid)}`
  if (mine.has(lock)) throw inUse(file, process.pid)
  while (!create(lock, text)) {
    const found = contentOf(lock)
    const pid = holderIn(found)
    if (pid !== undefined && pid !== process.pid) throw inUse(file, pid)
    setAside(file, lock, found)
  }
  mine.add(lock)
  return () => {
    mine.delete(lock)
    rmSync(lock, { force: true })
  }
}

/** The pid of the process that uses the file now; undefined where none does. Throws `unreadable`. */
export function userOf(file: string): number | undefined {
  try {
    return holderIn(contentOf(`${resolve(file)}.lock`))
  } catch (error) {
    throw new ReactorError(
      'unreadable',
      `whether a process uses ${file} cannot be seen: ${errorMessage(error)}; run the command as the user of that process`,
      {},
      error,
    )
  }
}

/** The process that a lock names, where it lives. */
function holderIn(text: string): number | undefined {
  const [pid, start] = [Number.parseInt(text, 10), text.split(' ')[1] ?? '']
  return pid > 0 && isAlive(pid) && start === processStart(pid) ? pid : undefined
}

/** With its text from the beginning: an empty one would be taken for that of a process that is gone. */
function create(lock: string, text: string): boolean {
  const whole = `${lock}.${process.pid}.new`
  writeFileSync(whole, text, { mode: 0o600 })
  try {
    linkSync(whole, lock)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(whole, { force: true })
  }
}

function contentOf(lock: string): string {
  try {
    return readFileSync(lock, 'utf8')
  } catch (error) {
    return ignoreMissing(error) ?? ''
  }
}

/** Takes a stale lock away; one that another process has put there meanwhile goes back. */
function setAside(file: string, lock: string, stale: string): void {
  const aside = `${lock}.${process.pid}`
  try {
    renameSync(lock, aside)
  } catch (error) {
    ignoreMissing(error)
    return
  }
  const taken = contentOf(aside)
  if (taken !== stale) {
    renameSync(aside, lock)
    throw inUse(file, Number.parseInt(taken, 10))
  }
  rmSync(aside, { force: true })
}

const inUse = (file: string, pid: number) =>
  new ReactorError('unwritable', `${file} is in use by process ${pid}: give each process a folder of its own`)
