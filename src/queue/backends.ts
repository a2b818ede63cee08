// The backends of queues by their names, each opened at its first use.
import { join } from 'node:path'
import { ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { didYouMean } from '../base/suggest.ts'
import { QUEUE_BACKENDS, type QueueBackendName } from '../protocol/queue.ts'
import type { ReturnerSettings } from '../returner/options.ts'
import type { QueueBackend, QueueSettings } from './backend.ts'
import { type JetStreamQueueParts, openJetStreamQueues } from './jetstream.ts'
import { openPostgresQueues } from './postgres.ts'
import { openSqliteQueues } from './sqlite.ts'

export interface BackendsParts extends JetStreamQueueParts {
  /** Folder of the file of the sqlite backend. */
  dir: string
  /** Of which those of postgres count. */
  returnerSettings: ReturnerSettings
  settings: QueueSettings
  /** The one that is meant where none is named. */
  usual: QueueBackendName
  log: Log
}

export interface Backends extends Running {
  /** Throws `bad_argument` on a name that is none, and what opening it throws; it is tried anew the next time. */
  open(name?: string | null): Promise<QueueBackend>
}

export function createBackends(parts: BackendsParts): Backends {
  const opened = new Map<QueueBackendName, Promise<QueueBackend>>()
  const make: Record<QueueBackendName, () => Promise<QueueBackend>> = {
    sqlite: () => openSqliteQueues(join(parts.dir, 'queues.db'), parts.settings, parts.log),
    jetstream: () => openJetStreamQueues(parts, parts.settings),
    postgres: () => openPostgresQueues(parts.returnerSettings, parts.settings),
  }
  return {
    async open(given) {
      const wanted = given ?? parts.usual
      const name = QUEUE_BACKENDS.find(one => one === wanted)
      if (!name)
        throw new ReactorError(
          'bad_argument',
          `there is no queue backend '${wanted}'.${didYouMean(wanted, QUEUE_BACKENDS)} There are ${QUEUE_BACKENDS.join(', ')}`,
        )
      let opening = opened.get(name)
      if (!opening) {
        opening = make[name]()
        opening.catch(() => opened.delete(name))
        opened.set(name, opening)
      }
      return opening
    },
    async stop() {
      const all = await Promise.allSettled(opened.values())
      opened.clear()
      for (const one of all) if (one.status === 'fulfilled') await one.value.close()
    },
  }
}
