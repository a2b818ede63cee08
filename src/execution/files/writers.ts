// Who has a file open for writing: what /proc tells of the open files of processes. Only root sees those of all.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'

export interface WriterSearch {
  /** By identity, as `fileId` has it: the file in /proc by which a writer is seen again. */
  writers: Map<string, string>
  /** Processes whose files could not be seen. */
  unseen: number
}

export interface Sought {
  id: string
  path: string
}

/** Of the access mode in a file's flags: O_WRONLY and O_RDWR. */
const WRITING = 0o3
/** Processes looked at before others have their turn. */
const AT_ONCE = 20

export const fileId = ({ dev, ino }: { dev: bigint; ino: bigint }): string => `${dev} ${ino}`

export async function findWriters(sought: readonly Sought[], proc = '/proc'): Promise<WriterSearch> {
  const ids = new Set(sought.map(({ id }) => id))
  // The kernel names an open file as it is called now: only of these names is asked which file it is, which may take long.
  const names = new Set(sought.map(({ path }) => basename(path)))
  const writers = new Map<string, string>()
  let unseen = 0
  const pids = readdirSync(proc).filter(name => /^\d+$/.test(name))
  for (const [at, pid] of pids.entries()) {
    if (at % AT_ONCE === AT_ONCE - 1) await new Promise(resolve => setImmediate(resolve))
    const open = openFiles(`${proc}/${pid}`)
    if (open === 'unseen') unseen++
    else
      for (const file of open) {
        const { link, flags } = file
        if (!names.has(nameOf(link)) || !isWriting(flags)) continue
        const id = await idOf(link)
        if (id !== undefined && ids.has(id)) writers.set(id, link)
      }
  }
  return { writers, unseen }
}

/** Whether it is that writer still. */
export const isWriter = async (link: string, id: string): Promise<boolean> =>
  isWriting(link.replace(/\/fd\/(\d+)$/, '/fdinfo/$1')) && (await idOf(link)) === id

function openFiles(process: string): { link: string; flags: string }[] | 'unseen' {
  try {
    return readdirSync(`${process}/fd`).map(fd => ({ link: `${process}/fd/${fd}`, flags: `${process}/fdinfo/${fd}` }))
  } catch (error) {
    // One that has ended has no open files.
    return ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '') ? [] : 'unseen'
  }
}

function nameOf(link: string): string {
  try {
    return basename(readlinkSync(link))
  } catch {
    return ''
  }
}

function isWriting(flags: string): boolean {
  try {
    const [, octal = '0'] = /^flags:\s*([0-7]+)/m.exec(readFileSync(flags, 'utf8')) ?? []
    return (Number.parseInt(octal, 8) & WRITING) !== 0
  } catch {
    return false
  }
}

const idOf = (link: string): Promise<string | undefined> => stat(link, { bigint: true }).then(fileId, () => undefined)
