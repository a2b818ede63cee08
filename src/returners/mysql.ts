// Jobs, returns and events in a MySQL or MariaDB database, in Salt's tables.
import { CAPABILITIES, returner } from '../functions/define-returner.ts'
import { CREATE_WITHIN_MS, createTables } from '../returner/sql/create.ts'
import { openMysql } from '../returner/sql/mysql.ts'
import { MYSQL_OPTIONS } from '../returner/sql/settings.ts'
import { createSqlStore } from '../returner/sql/store.ts'

export default returner({
  doc: `Keeps jobs, returns and events in a MySQL or MariaDB database.

The tables are Salt's: jids, salt_returns and salt_events, made by hand or by 'reactor returners create mysql'.`,
  options: MYSQL_OPTIONS,
  can: CAPABILITIES,
  create: async (options, { log }) => createTables(await openMysql(options, CREATE_WITHIN_MS), log),
  open: async (options, context) => createSqlStore(await openMysql(options), context),
})
