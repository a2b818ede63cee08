// The mine in SQLite: one row an entry, by minion and name. Cache workers of one machine share the file.
import { ReactorError } from '../base/errors.ts'
import { openDatabase } from '../base/sqlite.ts'
import type { Allow } from './rules.ts'

/** Bounds of what one minion may keep in the mine. */
export const MOST_ENTRIES = 500
export const MOST_BYTES = 4 * 1024 * 1024

// What is small comes first: who may read an entry is then known without touching the pages that hold its data.
const MIGRATIONS = [
  `CREATE TABLE mine (
     minion TEXT NOT NULL,
     name TEXT NOT NULL,
     bytes INTEGER NOT NULL,
     allow_tgt TEXT,
     allow_tgt_type TEXT,
     data TEXT NOT NULL,
     PRIMARY KEY (minion, name)
   )`,
]

interface HeadRow {
  minion: string
  name: string
  bytes: number
  allow_tgt: string | null
  allow_tgt_type: string | null
}

export interface StoredEntry {
  json: string
  bytes: number
  allow: Allow | undefined
}

/** Names an entry. */
export interface EntryKey {
  minion: string
  name: string
}

/** An entry without its data. */
export interface EntryHead extends EntryKey {
  bytes: number
  allow: Allow | undefined
}

export interface MineStore {
  /** Puts an entry in the place of the one before. Throws `bad_argument` where the minion would have too much. */
  put(minion: string, name: string, entry: StoredEntry): void
  /** Entries of these names of these minions, by minion and name, from the one after `after` on, `most` at most. */
  find(minions: readonly string[], names: readonly string[], after: EntryKey | undefined, most: number): EntryHead[]
  /** Its data, as JSON. */
  data(minion: string, name: string): string | undefined
  delete(minion: string, name: string): void
  /** Removes all entries of a minion but those named. */
  flush(minion: string, keep: readonly string[]): void
  close(): void
}

/** Throws as `openDatabase` does. */
export function openMineStore(file: string): MineStore {
  const db = openDatabase(file, { migrations: MIGRATIONS })
  const put = db.prepare(
    `INSERT INTO mine (minion, name, bytes, allow_tgt, allow_tgt_type, data) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (minion, name) DO UPDATE SET bytes = excluded.bytes, allow_tgt = excluded.allow_tgt,
       allow_tgt_type = excluded.allow_tgt_type, data = excluded.data`,
  )
  // `+`: a look for each minion and not for each of its names, which may be a hundred times as many.
  const find = db.prepare<HeadRow>(
    `SELECT minion, name, bytes, allow_tgt, allow_tgt_type FROM mine
     WHERE minion IN (SELECT value FROM json_each(?)) AND +name IN (SELECT value FROM json_each(?))
       AND (minion, name) > (?, ?)
     ORDER BY minion, name LIMIT ?`,
  )
  const data = db.prepare<{ data: string }>('SELECT data FROM mine WHERE minion = ? AND name = ?')
  const besides = db.prepare<{ entries: number; bytes: number }>(
    'SELECT count(*) AS entries, coalesce(sum(bytes), 0) AS bytes FROM mine WHERE minion = ? AND name <> ?',
  )
  const remove = db.prepare('DELETE FROM mine WHERE minion = ? AND name = ?')
  const flush = db.prepare('DELETE FROM mine WHERE minion = ? AND name NOT IN (SELECT value FROM json_each(?))')

  return {
    put(minion, name, { json, bytes, allow }) {
      db.transaction(() => {
        const held = besides.get(minion, name) ?? { entries: 0, bytes: 0 }
        if (held.entries >= MOST_ENTRIES) throw full(name, `its ${MOST_ENTRIES} entries are all that a minion may have`)
        if (held.bytes + bytes > MOST_BYTES)
          throw full(
            name,
            `with it the minion would have ${held.bytes + bytes} bytes of the ${MOST_BYTES} that it may have`,
          )
        put.run(minion, name, bytes, allow ? JSON.stringify(allow.tgt) : null, allow?.tgt_type ?? null, json)
      })
    },
    find: (minions, names, after, most) =>
      find
        .all(JSON.stringify(minions), JSON.stringify(names), after?.minion ?? '', after?.name ?? '', most)
        .map(readHead),
    data: (minion, name) => data.get(minion, name)?.data,
    delete: (minion, name) => void remove.run(minion, name),
    flush: (minion, keep) => void flush.run(minion, JSON.stringify(keep)),
    close: () => db.close(),
  }
}

const readHead = ({ minion, name, bytes, allow_tgt, allow_tgt_type }: HeadRow): EntryHead => ({
  minion,
  name,
  bytes,
  allow:
    allow_tgt === null || allow_tgt_type === null
      ? undefined
      : { tgt: JSON.parse(allow_tgt) as Allow['tgt'], tgt_type: allow_tgt_type },
})

const full = (name: string, why: string) =>
  new ReactorError('bad_argument', `mine entry '${name}' is refused: ${why}; delete others first`)
