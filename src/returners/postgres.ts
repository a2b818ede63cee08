// Jobs, returns and events in a PostgreSQL database, in Salt's tables.
import { CAPABILITIES, returner } from '../functions/define-returner.ts'
import { CREATE_WITHIN_MS, createTables } from '../returner/sql/create.ts'
import { openPostgres } from '../returner/sql/postgres.ts'
import { POSTGRES_OPTIONS } from '../returner/sql/settings.ts'
import { createSqlStore } from '../returner/sql/store.ts'

export default returner({
  doc: `Keeps jobs, returns and events in a PostgreSQL database.

The tables are Salt's: jids, salt_returns and salt_events, made by hand or by 'reactor returners create postgres'.`,
  options: POSTGRES_OPTIONS,
  can: CAPABILITIES,
  create: async (options, { log }) => createTables(openPostgres(options, CREATE_WITHIN_MS), log),
  open: (options, context) => createSqlStore(openPostgres(options), context),
})
