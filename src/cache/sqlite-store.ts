// The job cache in one SQLite file, which several cache workers of a machine may share.
import { join } from 'node:path'
import { errorMessage } from '../base/errors.ts'
import { makeFolder } from '../base/folder.ts'
import type { Log } from '../base/log.ts'
import { openDatabase, sqliteCode } from '../base/sqlite.ts'
import { createViews } from './sqlite-read.ts'
import { createJobRemover, createRoom, WAL_BYTES } from './sqlite-room.ts'
import { createFactWriter } from './sqlite-write.ts'
import type { JobStore, ReadFailure } from './store.ts'
import { MIGRATIONS } from './tables.ts'

export interface SqliteStoreOptions {
  /** Made where it is missing. */
  dir: string
  /** Of the file and its log together. */
  maxBytes: number
  log: Log
}

/** Within which another worker's commit must be over. */
const BUSY_MS = 2000
const PRUNE_AT_ONCE = 200

/** Throws `unwritable`, and `unreadable` with what to do where the file is damaged. */
export async function openSqliteStore({ dir, maxBytes, log }: SqliteStoreOptions): Promise<JobStore> {
  await makeFolder(dir)
  const db = openDatabase(join(dir, 'jobs.db'), { migrations: MIGRATIONS, busyMs: BUSY_MS, walBytes: WAL_BYTES })
  try {
    const room = createRoom(db, maxBytes, log)
    const write = createFactWriter(db)
    const remove = createJobRemover(db)
    const views = createViews(db)
    const past = db.prepare<{ jid: string }>('select jid from jobs where at < ? and open_until < ? order by at limit ?')
    return {
      async commit(facts) {
        const bytes = facts.reduce((sum, fact) => sum + fact.bytes, 0)
        db.transaction(() => {
          room.make(facts.length, bytes)
          write(facts.map(({ fact }) => fact))
        })
        room.settleLog()
      },
      async prune(before, nowMs) {
        const old = past.all(before, nowMs, PRUNE_AT_ONCE)
        if (old.length > 0)
          db.transaction(() => {
            for (const { jid } of old) remove(jid)
          })
        return old.length === PRUNE_AT_ONCE
      },
      job: async (jid, nowMs) => views.job(jid, nowMs),
      jobs: views.jobs,
      close: () => db.close(),
    }
  } catch (error) {
    db.close()
    throw error
  }
}

const OF_STORE = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|NOMEM|PROTOCOL|PERM)/

/** Reads what a commit threw. */
export const sqliteFailure: ReadFailure = error => ({
  ofStore: OF_STORE.test(sqliteCode(error) ?? ''),
  message: errorMessage(error),
})
