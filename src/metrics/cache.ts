// Numbers of a cache worker: what it has stored, and how large its files are.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { DecisionStore } from '../cache/decisions/store.ts'
import type { JobStore } from '../cache/store.ts'
import { by, type Source } from './registry.ts'

/** The stores, counting what is committed to them. */
export function countCommits(
  jobs: JobStore,
  decisions: DecisionStore,
): { jobs: JobStore; decisions: DecisionStore; source: Source } {
  let facts = 0
  let records = 0
  return {
    jobs: {
      ...jobs,
      async commit(batch) {
        await jobs.commit(batch)
        facts += batch.length
      },
    },
    decisions: {
      ...decisions,
      async commit(stream, messages) {
        await decisions.commit(stream, messages)
        for (const { batch } of messages) {
          records += batch?.decisions.length ?? 0
          for (const { events } of batch?.suppressed ?? []) records += events.length
        }
      },
    },
    source: () => ({ reactor_facts_committed_total: facts, reactor_decisions_folded_total: records }),
  }
}

/** Files by the label of their store. One that was removed counts nothing. */
export function filesSource(dir: string, files: Readonly<Record<string, string>>): Source {
  const size = (file: string) => statSync(join(dir, file), { throwIfNoEntry: false })?.size ?? 0
  return () => ({
    reactor_store_bytes: by('store', Object.entries(files), file => size(file) + size(`${file}-wal`)),
  })
}
