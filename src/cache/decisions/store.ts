// What became of reactions as the cache workers keep it, in an SQLite file beside the job cache, which several workers of a
// machine may share. A commit may bring again what is in already: it is counted once.
import { join } from 'node:path'
import { openKeptFile } from '../../base/kept-file.ts'
import type { Log } from '../../base/log.ts'
import { openDatabase } from '../../base/sqlite.ts'
import type { DecisionBatch } from '../../protocol/reaction.ts'
import type { ReactionsPage, ReactionsRequest, RuleCounts } from '../../protocol/reaction-view.ts'
import { createReactionViews } from './read.ts'
import { MIGRATIONS } from './tables.ts'
import { createFold, createPrune } from './write.ts'

/** A message of the stream DONE. */
export interface LedgerMessage {
  seq: number
  /** Milliseconds since the epoch. */
  storedMs: number
  /** Undefined: it could not be read, and says nothing. */
  batch: DecisionBatch | undefined
}

export interface DecisionStore {
  /**
   * All of them, or none where it throws. `stream`: when the stream was made that they are from, milliseconds since the epoch;
   * sequences of another one say nothing about this one's.
   */
  commit(stream: number, messages: readonly LedgerMessage[]): Promise<void>
  /** Everything up to `seq` was committed and acked: it need not be remembered one by one. */
  settle(stream: number, seq: number): Promise<void>
  /** Lets go of some that were settled before `before`, or are too many. True: there may be more of them. */
  prune(before: number): Promise<boolean>
  /** Newest first; the page ends early where it would have more than `maxBytes` as JSON. */
  reactions(request: ReactionsRequest, maxBytes: number): Promise<ReactionsPage>
  rules(): Promise<RuleCounts[]>
  close(): void
}

export interface DecisionStoreOptions {
  /** Made where it is missing. */
  dir: string
  /** Rows that are kept; what waits for something comes on top. */
  maxRows: number
  log: Log
}

/** Within which another worker's commit must be over. */
const BUSY_MS = 2000

/** Throws `unwritable`, and `unreadable` with what to do where the file is damaged. */
export async function openDecisionStore({ dir, maxRows, log }: DecisionStoreOptions): Promise<DecisionStore> {
  const file = join(dir, 'decisions.db')
  const { current, close } = await openKeptFile(file, () => openTables(file, maxRows), {
    what: 'the store of decisions',
    log,
  })
  return {
    async commit(stream, messages) {
      const { db, fold } = current()
      db.transaction(() => fold.apply(stream, messages))
    },
    async settle(stream, seq) {
      const { db, fold } = current()
      db.transaction(() => fold.settle(stream, seq))
    },
    async prune(before) {
      const { db, prune } = current()
      return db.transaction(() => prune(before))
    },
    reactions: async (...asked) => current().views.reactions(...asked),
    rules: async () => current().views.rules(),
    close,
  }
}

function openTables(file: string, maxRows: number) {
  const db = openDatabase(file, { migrations: MIGRATIONS, busyMs: BUSY_MS })
  try {
    return { db, fold: createFold(db), prune: createPrune(db, maxRows), views: createReactionViews(db) }
  } catch (error) {
    db.close()
    throw error
  }
}
