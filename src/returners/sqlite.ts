// Jobs, returns and events in a SQLite file of this machine.
import { CAPABILITIES, returner } from '../functions/define-returner.ts'
import { SQLITE_OPTIONS } from '../returner/sql/settings.ts'
import { openSqlite } from '../returner/sql/sqlite.ts'
import { createSqlStore } from '../returner/sql/store.ts'

export default returner({
  doc: `Keeps jobs, returns and events in a SQLite file of this machine.

The file and its tables are made at the first use; several processes may write to it.`,
  options: SQLITE_OPTIONS,
  can: CAPABILITIES,
  open: (options, context) => createSqlStore(openSqlite(options), context),
})
