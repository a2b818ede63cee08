// The bound on the disk of the job cache. Before facts are written, the oldest jobs give way until there is room for them
// in the pages that the file may have; pages set free are used again. Beside the file there is its write-ahead log,
// which has a reserve within the bound.
import { statSync } from 'node:fs'
import type { Log } from '../base/log.ts'
import type { Sqlite } from '../base/sqlite.ts'

/** Bytes of the bound that are left to the log and its index. */
const RESERVE = 8 * 1024 * 1024
/** A log that another process's reading keeps from being taken into the file is taken in above this. */
export const WAL_BYTES = 4 * 1024 * 1024
/** What a fact takes beyond its own bytes: rows, and its place in the indices. */
const ROW_BYTES = 600
/** When room is needed this much is made, so that not every commit has to. */
const STEP = 0.02
const LONGEST_STEP = 8 * 1024 * 1024

export interface Room {
  /** Makes room for so many facts of so many bytes; call it inside the transaction that writes them. */
  make(facts: number, bytes: number): void
  /** Call it after each commit. */
  settleLog(): void
}

export function createRoom(db: Sqlite, maxBytes: number, log: Log): Room {
  const pageSize = number(db, 'page_size')
  const pages = db.prepare<{ page_count: number }>('PRAGMA page_count')
  const free = db.prepare<{ freelist_count: number }>('PRAGMA freelist_count')
  const bound = maxBytes - RESERVE
  const used = () => (pages.get()!.page_count - free.get()!.freelist_count) * pageSize
  const remove = createJobRemover(db)
  const oldest = db.prepare<{ jid: string }>('select jid from jobs order by at limit 2')
  const leaveOut = createLeaveOut(db)
  let told = false
  let toldOfReader = false
  const logBytes = () => statSync(`${db.file}-wal`, { throwIfNoEntry: false })?.size ?? 0
  const busyMs = number(db, 'busy_timeout')

  /** Gives way until so many bytes at most are used, or nothing is left. */
  const reduce = (goal: number) => {
    if (!told)
      log.info({ file: db.file, max_bytes: maxBytes }, 'the job cache is full: the oldest jobs give way from now on')
    told = true
    while (used() > goal) {
      const [first, second] = oldest.all()
      if (!first) return
      if (second) remove(first.jid)
      // The last job is larger than all the room: its states are worth more than its oldest returns.
      else if (leaveOut() === 0) {
        log.warn({ jid: first.jid }, 'one job is larger than the job cache may be, and is left out of it')
        remove(first.jid)
      }
    }
  }

  // A bound that was lowered: what is over it is given back to the disk.
  if (number(db, 'page_count') * pageSize > bound) {
    db.transaction(() => {
      if (used() > bound) reduce(bound)
    })
    db.prepare('PRAGMA incremental_vacuum').all()
    db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all()
  }

  return {
    make(facts, bytes) {
      const need = bytes * 1.1 + facts * ROW_BYTES
      if (used() + need <= bound) return
      reduce(Math.max(0, bound - Math.max(need, Math.min(bound * STEP, LONGEST_STEP))))
    },
    settleLog() {
      if (logBytes() <= WAL_BYTES) return
      // At once or not at all: commits must not wait for somebody's reading.
      db.exec('PRAGMA busy_timeout = 0')
      try {
        db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all()
      } finally {
        db.exec(`PRAGMA busy_timeout = ${busyMs}`)
      }
      if (logBytes() <= RESERVE || toldOfReader) return
      toldOfReader = true
      log.warn(
        { file: db.file },
        'another process reads the job cache for long: its log grows beyond the bound until that ends',
      )
    },
  }
}

/** Removes a job with all that is known of it. */
export function createJobRemover(db: Sqlite): (jid: string) => void {
  const statements = ['returns', 'starts', 'jobs'].map(table => db.prepare(`delete from ${table} where jid = ?`))
  return jid => {
    for (const statement of statements) statement.run(jid)
  }
}

/** Values shorter than this stay: what stands in their place is not shorter. */
const SHORT = 200

/** Puts a note in the place of the values of the oldest returns; how many. */
function createLeaveOut(db: Sqlite): () => number {
  const long = db.prepare<{ row: number; size: number }>(
    `select rowid as row, length(cast(value as blob)) as size from returns where length(value) > ${SHORT} order by rowid limit 64`,
  )
  // As new rows, side by side: a row that only becomes shorter keeps most of its page. They come last, so that the long
  // ones are found at once.
  const columns = 'jid, id, at, retcode, success, outcome, fun, payload'
  const read = db.prepare(`select ${columns} from returns where rowid = ?`)
  const remove = db.prepare('delete from returns where rowid = ?')
  const insert = db.prepare(`insert into returns(${columns}, value) values (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  return () => {
    const rows = long.all()
    for (const { row, size } of rows) {
      const kept = Object.values(read.get(row)!)
      remove.run(row)
      const note = `${size} bytes: the job cache has no room for more (cache.max_bytes)`
      insert.run(...kept, JSON.stringify({ _left_out: note }))
    }
    return rows.length
  }
}

const number = (db: Sqlite, pragma: string): number => Number(Object.values(db.prepare(`PRAGMA ${pragma}`).get()!)[0])
