// `reactor events export`: stored events as NDJSON, to stdout or into a file that is whole or not there.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { ignoreMissing } from '../../base/missing.ts'
import type { SeenEvent } from '../../cache/history.ts'
import type { AskHistory } from '../../tail/history.ts'
import { eventJson } from './list.ts'

export interface Exported {
  events: number
  /** Of which history gives only their size: a page does not hold them. */
  without_data: number
}

export interface Sink {
  /** Resolves once there is room for more. */
  write(text: string): Promise<void>
  /** All is there. */
  finish(): Promise<void>
  /** Something went wrong: nothing is left behind. */
  discard(): Promise<void>
}

/** History that answers nothing more once it is stopped, not even what is asked already: it throws `stopped`. */
export function untilStopped(ask: AskHistory, signal: AbortSignal): AskHistory {
  const stopped = new Promise<never>((_, reject) => {
    const stop = () => reject(new ReactorError('stopped', 'the export was stopped before its end'))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  stopped.catch(() => undefined)
  return request => Promise.race([stopped, ask(request)])
}

/** One event a line, in their order. Throws what reading and writing throw. */
export async function exportEvents(
  pages: AsyncIterable<SeenEvent[]>,
  fits: (event: SeenEvent) => boolean,
  sink: Sink,
): Promise<Exported> {
  const exported: Exported = { events: 0, without_data: 0 }
  try {
    for await (const page of pages) {
      const chosen = page.filter(fits)
      exported.events += chosen.length
      exported.without_data += chosen.filter(isCut).length
      if (chosen.length > 0) await sink.write(chosen.map(event => `${eventJson(event)}\n`).join(''))
    }
    await sink.finish()
    return exported
  } catch (error) {
    await sink.discard()
    throw error
  }
}

const isCut = ({ data }: SeenEvent): boolean => typeof data._left_out === 'string' && Object.keys(data).length === 1

export const stdoutSink = (): Sink => ({
  async write(text) {
    if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  },
  finish: async () => undefined,
  discard: async () => undefined,
})

/** Written beside the file, for this user alone, and named as it at the end. Throws `unwritable`. */
export async function fileSink(file: string): Promise<Sink> {
  const orUnwritable = async <T>(act: () => Promise<T>): Promise<T> => {
    try {
      return await act()
    } catch (error) {
      throw new ReactorError('unwritable', `${file} cannot be written: ${errorMessage(error)}`)
    }
  }
  const target = await orUnwritable(() => targetOf(file))
  const aside = `${target}.${randomBytes(6).toString('hex')}.new`
  // Only a name that nobody has taken: not through a link that another user has laid in a folder of all.
  const handle: FileHandle = await orUnwritable(() => open(aside, 'wx', 0o600))
  return {
    write: text => orUnwritable(() => handle.appendFile(text)),
    finish: () =>
      orUnwritable(async () => {
        await handle.sync()
        await handle.close()
        await rename(aside, target)
      }),
    async discard() {
      await handle.close().catch(() => undefined)
      await rm(aside, { force: true })
    },
  }
}

/** Where it leads. A device or a pipe would be gone, and a file in its place. */
async function targetOf(file: string): Promise<string> {
  const found = await stat(file).catch(ignoreMissing)
  if (!found) return resolve(file)
  if (!found.isFile()) throw new Error('it is no file; without --output events go to stdout')
  return realpath(file)
}
