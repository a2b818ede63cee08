// The tables of a database as SQL for those who make them by hand.
import type { Dialect } from './dialect.ts'

const HEADS: Readonly<Record<Dialect['name'], string>> = {
  mysql: made('mysql', 'in the database that `mysql.db` names'),
  postgres: made('postgres', 'in the database that `postgres.db` names'),
  sqlite: `-- The tables of the returner \`sqlite\`, in the file that \`sqlite.database\` names: they are made at its first use, or by
-- \`reactor returners create sqlite\`.`,
}

function made(name: string, where: string): string {
  return `-- The tables of the returner \`${name}\`, ${where}: what \`reactor returners create ${name}\` makes.
-- Salt's own tables, which have fewer keys, do too; with these writing is faster, and an event that comes again is kept once.`
}

/** Statements for the client of that database, as it is set by itself. */
export function sqlScript({ name, schema }: Dialect): string {
  const statements = Object.values(schema).map(table =>
    table
      .filter(one => one.startsWith('CREATE'))
      .map(plain)
      .join('\n'),
  )
  const script = `${HEADS[name]}\n\n${statements.join('\n\n')}\n`
  return name === 'mysql' ? script.replace(/"(\w+)"/g, '`$1`') : script
}

/** As it would be written outside of the code. */
const plain = (statement: string): string => `${statement.replace(' IF NOT EXISTS', '').replace(/^ {4}/gm, '')};`
