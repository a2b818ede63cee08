// File systems that are mounted, and how full each is.
import { readFileSync } from 'node:fs'
import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { percentOf } from './usage.ts'

/** Where they are mounted, in order, each once; undefined where the system does not list them, as all but Linux. */
export function mountPoints(list = '/proc/self/mounts'): string[] | undefined {
  const text = listed(list)
  if (text === undefined) return undefined
  const points = text.split('\n').flatMap(line => line.split(' ')[1] ?? [])
  return [...new Set(points.map(unescaped))]
}

/** The kernel has it in memory: it never waits for a file system. */
function listed(list: string): string | undefined {
  try {
    return readFileSync(list, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Blanks, line ends and backslashes are written as `\040`. */
const unescaped = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** Whether another file system begins there. Rejects with the system's error where there is no such folder. */
export async function isMountPoint(path: string): Promise<boolean> {
  const [here, above] = await Promise.all([stat(path), stat(dirname(path))])
  return here.dev !== above.dev || here.ino === above.ino
}

/** Percent of what programs other than root's may fill, as df and psutil count it; undefined of one that stores nothing, such as /proc. */
export async function fullness(path: string): Promise<number | undefined> {
  const { blocks, bfree, bavail } = await statfs(path)
  if (blocks === 0) return undefined
  return percentOf(blocks - bfree, blocks - bfree + bavail)
}
