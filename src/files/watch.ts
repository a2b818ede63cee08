// Tells by an event that files of file_roots have changed, once for all that change together. Nothing but the event rests on
// it: hashes look at the file itself.
import { realpath } from 'node:fs/promises'
import { relative } from 'node:path'
import { watch } from 'chokidar'
import { errorMessage } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { rootsUpdate } from '../protocol/catalogue/data.ts'
import { createFnmatch } from '../protocol/fnmatch.ts'
import type { RootsConfig } from './roots.ts'

export interface RootsWatchParts {
  config: RootsConfig
  fire(tag: string, data: Record<string, unknown>): Promise<unknown>
  log: Log
}

/** Told once it was quiet for so long, or after the second of them in any case. */
const QUIET_MS = 500
const LONGEST_MS = 5000
/** An event names so many files at most; those beyond are counted. */
const MOST_NAMED = 1000

const KINDS = { add: 'added', change: 'changed', unlink: 'removed' } as const
type Kind = (typeof KINDS)[keyof typeof KINDS]

/** Resolves once every change from now on is seen. Files by their paths on the master, as Salt tells them. */
export async function watchRoots({ config, fire, log }: RootsWatchParts): Promise<Running> {
  const named = [...new Set(Object.values(config.file_roots).flat())]
  const folders = await Promise.all(named.map(folder => realpath(folder).catch(() => folder)))
  const ignored = config.file_ignore_glob.map(createFnmatch)
  const changes = new Map<string, Kind>()
  let more = 0
  let since = 0
  let timer: NodeJS.Timeout | undefined

  const tell = async () => {
    timer = undefined
    const of = (wanted: Kind) => [...changes].flatMap(([path, kind]) => (kind === wanted ? [path] : [])).sort()
    const [added, removed] = [of('added'), of('removed')]
    const files = {
      changed: of('changed'),
      ...(added.length > 0 ? { added } : {}),
      ...(removed.length > 0 ? { removed } : {}),
    }
    const data = rootsUpdate.of({}, { backend: 'roots', changed: true, files, ...(more > 0 ? { more } : {}) })
    changes.clear()
    more = 0
    await fire(...data).catch((error: unknown) =>
      log.error({ error: errorMessage(error) }, 'the event that files of file_roots have changed could not be fired'),
    )
  }
  const note = (kind: Kind, path: string) => {
    if (folders.some(folder => ignored.some(matches => matches(relative(folder, path))))) return
    if (changes.has(path) || changes.size < MOST_NAMED) changes.set(path, kind)
    else more++
    const now = performance.now()
    if (timer === undefined) since = now
    clearTimeout(timer)
    timer = setTimeout(() => void tell(), Math.max(0, Math.min(QUIET_MS, since + LONGEST_MS - now)))
  }

  const watcher = watch(folders, { ignoreInitial: true, followSymlinks: false })
  watcher.on('error', error => log.error({ error: errorMessage(error) }, 'file_roots cannot be watched'))
  await new Promise<void>(ready => watcher.once('ready', ready))
  for (const [event, kind] of Object.entries(KINDS) as [keyof typeof KINDS, Kind][])
    watcher.on(event, path => note(kind, path))
  return {
    async stop() {
      clearTimeout(timer)
      await watcher.close()
    },
  }
}
