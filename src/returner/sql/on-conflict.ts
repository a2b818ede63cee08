// What becomes of a row whose key is there, as PostgreSQL and SQLite say it.
import type { Dialect } from './dialect.ts'
import { quoted } from './statements.ts'

export const onConflict: Pick<Dialect, 'upsert' | 'keepOld'> = {
  upsert: (key, set) =>
    `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${Object.entries(set)
      .map(([column, to]) => `${quoted(column)} = ${to === 'now' ? 'CURRENT_TIMESTAMP' : `excluded.${quoted(column)}`}`)
      .join(', ')}`,
  keepOld: key => `ON CONFLICT (${key.join(', ')}) DO NOTHING`,
}
