// The job cache in one SQLite file, which several cache workers of a machine may share.
import { join } from 'node:path'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { openKeptFile } from '../base/kept-file.ts'
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
export async function openSqliteStore(options: SqliteStoreOptions): Promise<JobStore> {
  const { dir, log } = options
  const file = join(dir, 'jobs.db')
  const { current, inode, close } = await openKeptFile(file, () => openTables(file, options), {
    what: 'the job cache',
    log,
  })
  let commits = 0
  return {
    async commit(facts) {
      const { db, room, write } = current()
      const bytes = facts.reduce((sum, fact) => sum + fact.bytes, 0)
      db.transaction(() => {
        room.make(facts.length, bytes)
        write(facts.map(({ fact }) => fact))
      })
      commits++
      room.settleLog()
    },
    async prune(before, nowMs) {
      const { db, past, remove } = current()
      const old = past.all(before, nowMs, PRUNE_AT_ONCE)
      if (old.length > 0)
        db.transaction(() => {
          for (const { jid } of old) remove(jid)
        })
      return old.length === PRUNE_AT_ONCE
    },
    job: async (jid, nowMs) => current().views.job(jid, nowMs),
    asker: async jid => current().views.asker(jid),
    marker: async jid => current().views.marker(jid),
    // SQLite counts what other connections have committed, not what this one has.
    version: async () => `${current().dataVersion.get()!.data_version}.${commits}.${inode()}`,
    jobs: async (...asked) => current().views.jobs(...asked),
    close,
  }
}

function openTables(file: string, { maxBytes, log }: SqliteStoreOptions) {
  const db = openDatabase(file, { migrations: MIGRATIONS, busyMs: BUSY_MS, walBytes: WAL_BYTES })
  try {
    return {
      db,
      room: createRoom(db, maxBytes, log),
      write: createFactWriter(db),
      remove: createJobRemover(db),
      views: createViews(db),
      dataVersion: db.prepare<{ data_version: number }>('pragma data_version'),
      past: db.prepare<{ jid: string }>('select jid from jobs where at < ? and open_until < ? order by at limit ?'),
    }
  } catch (error) {
    db.close()
    throw error
  }
}

const OF_STORE = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|NOMEM|PROTOCOL|PERM)/

/** Reads what a commit threw. */
export const sqliteFailure: ReadFailure = error => ({
  ofStore: (error instanceof ReactorError && error.code !== 'internal') || OF_STORE.test(sqliteCode(error) ?? ''),
  message: errorMessage(error),
})
