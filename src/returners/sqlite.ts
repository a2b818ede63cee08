// Jobs, returns and events in a SQLite file of this machine.
import { existsSync } from 'node:fs'
import { CAPABILITIES, returner } from '../functions/define-returner.ts'
import { CREATE_WITHIN_MS, createTables } from '../returner/sql/create.ts'
import { SQLITE_OPTIONS } from '../returner/sql/settings.ts'
import { openSqlite } from '../returner/sql/sqlite.ts'
import { createSqlStore } from '../returner/sql/store.ts'

export default returner({
  doc: `Keeps jobs, returns and events in a SQLite file of this machine.

The file and its tables are made at the first use; several processes may write to it.`,
  options: SQLITE_OPTIONS,
  can: CAPABILITIES,
  async create(options, { log }) {
    const isNew = !existsSync(options.database)
    const said = await createTables(openSqlite({ ...options, timeout: CREATE_WITHIN_MS }), log)
    return isNew ? [`made the file ${options.database} with the tables jids, salt_returns, salt_events`] : said
  },
  open: (options, context) => createSqlStore(openSqlite(options), context),
})
