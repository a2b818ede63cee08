// The last finished jobs of this minion with their returns, for `saltutil.find_cached_job`: two files of lines, of which
// the older one gives way when the newer one is full. None of it is held in memory, and no job waits for it.
import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { type AppendFile, openAppendFile } from '../base/append-file.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { makeFolder } from '../base/folder.ts'
import type { Log } from '../base/log.ts'
import { ignoreMissing } from '../base/missing.ts'
import type { JobReturn } from '../protocol/job.ts'

export interface FinishedJobs {
  add(returned: JobReturn): void
  find(jid: string): Promise<JobReturn | undefined>
  close(): Promise<void>
}

/** A file is full at this size too, however few jobs are in it. */
const FULL_BYTES = 16 * 1024 * 1024

/** Keeps the last `keep` jobs, and at most as many again. Throws `unwritable`. */
export async function openFinishedJobs(dir: string, keep: number, log: Log): Promise<FinishedJobs> {
  if (keep === 0) return { add: () => undefined, find: async () => undefined, close: async () => undefined }
  const { newer, older } = filesIn(dir)
  let file: AppendFile
  let count: number
  try {
    await makeFolder(dir)
    count = await countLines(newer)
    file = await openAppendFile(newer)
  } catch (error) {
    throw new ReactorError('unwritable', `the finished jobs cannot be kept in ${dir}: ${errorMessage(error)}`)
  }
  let waiting: string[] = []
  let writing: Promise<void> | undefined

  const write = async () => {
    // What no file will hold long enough to be found need not be written.
    const lines = waiting.slice(-2 * keep)
    waiting = []
    for (let from = 0; from < lines.length; ) {
      if (count >= keep || file.size() >= FULL_BYTES) await turnOver()
      const part = lines.slice(from, from + keep - count)
      await file.append(part.join(''))
      count += part.length
      from += part.length
    }
  }
  const turnOver = async () => {
    await rename(newer, older).catch(ignoreMissing)
    const fresh = await openAppendFile(newer)
    await file.close()
    file = fresh
    count = 0
  }
  const drain = async () => {
    while (waiting.length > 0) {
      await new Promise(resolve => setImmediate(resolve))
      await write().catch(error => log.warn({ error: errorMessage(error) }, 'finished jobs could not be kept'))
    }
    writing = undefined
  }

  return {
    add(returned) {
      waiting.push(`\n${JSON.stringify(returned)}`)
      writing ??= drain()
    },
    async find(jid) {
      await writing
      return findFinished(dir, keep, jid)
    },
    async close() {
      await writing
      await file.close()
    },
  }
}

const filesIn = (dir: string) => ({ newer: join(dir, 'newer'), older: join(dir, 'older') })

/** Reads the files alone, for a process beside the minion. */
export async function findFinished(dir: string, keep: number, jid: string): Promise<JobReturn | undefined> {
  if (keep === 0) return undefined
  const { newer, older } = filesIn(dir)
  const [last, before] = await Promise.all([linesOf(newer), linesOf(older)])
  const kept = [...before, ...last].slice(-keep)
  const line = kept.findLast(text => text.includes(`"jid":"${jid}"`) && parsed(text)?.jid === jid)
  return line === undefined ? undefined : parsed(line)
}

function parsed(line: string): JobReturn | undefined {
  try {
    return JSON.parse(line) as JobReturn
  } catch {
    // Cut short by a crash: nothing is to be had of it.
    return undefined
  }
}

async function linesOf(file: string): Promise<string[]> {
  const content = await readFile(file, 'utf8').catch(ignoreMissing)
  return content?.split('\n').filter(Boolean) ?? []
}

/** Each line begins with its line break. */
async function countLines(file: string): Promise<number> {
  const content = await readFile(file).catch(ignoreMissing)
  return content?.reduce((count, byte) => (byte === 0x0a ? count + 1 : count), 0) ?? 0
}
