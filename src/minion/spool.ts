// Events of a minion on their way: on disk first, then published, gone from disk once the server has stored them. While
// the link is down they wait; afterwards they are delivered in order, under the same event ids.
import { readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { makeFolder } from '../base/folder.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Fire } from '../bus/fire.ts'
import { formatStamp, newEventId } from '../protocol/event.ts'

interface Spooled {
  id: string
  tag: string
  data: Record<string, unknown>
  stamp: string
  cause?: string
  hops: number
}

export interface Spool {
  /**
   * Resolves once the event is stored by the server, or, while the link is down, once it is on disk. Throws
   * `store_refused` or `bad_event` when the server will not have it; an event that must arrive (`keep`) is tried again instead.
   */
  fire(
    tag: string,
    data: Record<string, unknown>,
    options?: { cause?: string; hops?: number; keep?: boolean },
  ): Promise<void>
  /** Resolves once nothing waits any more, or after that many milliseconds. */
  settle(withinMs: number): Promise<void>
}

export interface SpoolParts {
  dir: string
  fire: Fire
  connected(): boolean
  now(): number
  log: Log
}

const SPOOLED = /^\d{12}\.json$/
const RETRY_MS = 2000
/** How long a caller waits for the server before its event counts as spooled. */
const PATIENCE_MS = 5000

/** Throws on text that `write` did not make. */
function parseSpooled(text: string): Spooled {
  const event: unknown = JSON.parse(text)
  if (!isObject(event) || !isObject(event.data)) throw new Error('expected {id, tag, data, stamp, hops}')
  for (const key of ['id', 'tag', 'stamp'])
    if (typeof event[key] !== 'string') throw new Error(`'${key}' must be a text`)
  return event as unknown as Spooled
}

export async function openSpool(parts: SpoolParts): Promise<Spool> {
  const { dir, log } = parts
  try {
    await makeFolder(dir)
  } catch (error) {
    throw new ReactorError('unwritable', `the spool folder ${dir} cannot be written: ${errorMessage(error)}`)
  }
  const old = (await readdir(dir)).filter(name => SPOOLED.test(name)).sort()
  let next = old.length === 0 ? 1 : Number.parseInt(old.at(-1)!, 10) + 1
  const waiting = new Set<Promise<void>>()
  // Writes and first sends happen in the order of the calls.
  let line: Promise<unknown> = Promise.resolve()

  const write = async (event: Spooled): Promise<string> => {
    const file = join(dir, `${String(next++).padStart(12, '0')}.json`)
    try {
      await writeFile(`${file}.new`, JSON.stringify(event), { mode: 0o600 })
      await rename(`${file}.new`, file)
    } catch (error) {
      throw new ReactorError(
        'unwritable',
        `the event '${event.tag}' cannot be spooled to ${dir}: ${errorMessage(error)}`,
      )
    }
    return file
  }

  /**
   * Publishes until the server has it. A refusal ends it early, unless `keep` is set and another try may succeed; a
   * publisher that stops leaves the event on disk for the next start.
   */
  const deliver = async (file: string, event: Spooled, keep: boolean): Promise<void> => {
    for (;;) {
      try {
        const { id, stamp, cause, hops } = event
        await parts.fire(event.tag, event.data, { id, stamp, cause, hops })
        await unlink(file)
        return
      } catch (error) {
        const code = error instanceof ReactorError ? error.code : 'internal'
        if (code === 'unreachable') return
        if (!keep || code !== 'store_refused') {
          await unlink(file).catch(() => undefined)
          throw error
        }
        log.warn(
          { tag: event.tag, error: errorMessage(error) },
          'the server refuses an event that must arrive; trying again',
        )
        await new Promise(resolve => setTimeout(resolve, RETRY_MS).unref())
      }
    }
  }
  const track = (work: Promise<void>) => {
    const tracked = work
      .catch(error => log.error({ error: errorMessage(error) }, 'a spooled event is lost: the server will not have it'))
      .finally(() => waiting.delete(tracked))
    waiting.add(tracked)
  }

  for (const name of old) {
    const file = join(dir, name)
    try {
      const event = parseSpooled(await readFile(file, 'utf8'))
      track(deliver(file, event, true))
    } catch (error) {
      log.error({ file, error: errorMessage(error) }, 'a file in the spool is malformed; it is set aside')
      await rename(file, `${file}.bad`)
    }
  }

  return {
    async fire(tag, data, options = {}) {
      const event: Spooled = {
        id: newEventId(),
        tag,
        data,
        stamp: formatStamp(parts.now()),
        hops: options.hops ?? 0,
        ...(options.cause ? { cause: options.cause } : {}),
      }
      const turn = line.then(() => write(event))
      line = turn.catch(() => undefined)
      const file = await turn
      const delivery = deliver(file, event, options.keep ?? false)
      if (!parts.connected()) {
        track(delivery)
        return
      }
      let timer: NodeJS.Timeout | undefined
      const patience = new Promise<'late'>(resolve => {
        timer = setTimeout(resolve, PATIENCE_MS, 'late')
      })
      const first = await Promise.race([delivery.then(() => 'stored' as const), patience]).finally(() =>
        clearTimeout(timer),
      )
      if (first === 'late') track(delivery)
    },
    async settle(withinMs) {
      await Promise.race([
        Promise.allSettled([...waiting]),
        new Promise(resolve => setTimeout(resolve, withinMs).unref()),
      ])
    },
  }
}
