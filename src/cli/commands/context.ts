// `reactor context add|use|list|show|remove`
import { access, constants } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { withoutPassword } from '../../bus/connect.ts'
import { createSubjects } from '../../protocol/subject.ts'
import type { AddCommand } from '../command.ts'
import {
  type Context,
  chooseContext,
  chosenContext,
  contextFile,
  contextNames,
  findContext,
  readContext,
  removeContext,
  writeContext,
} from '../context/file.ts'
import { table, tableLook } from '../jobs/table.ts'
import { print, printJson } from '../out/print.ts'

interface AddOptions {
  server: string
  user?: string
  seed?: string
  passwordFile?: string
  namespace?: string
  tlsCa?: string
  tlsCert?: string
  tlsKey?: string
  use?: boolean
  force?: boolean
}

interface Json {
  json?: boolean
}

const HELP = `
Contexts lie in $XDG_CONFIG_HOME/reactor (~/.config/reactor). They name the files that hold seeds and passwords, and never
hold them. 'reactor <command> --context NAME' or REACTOR_CONTEXT uses one; the chosen one is used where no reactor up runs
in the folder. Options and their variables go before what a context says.

Example:
  reactor context add prod --server tls://nats.example.com --user ada --seed ~/ada.nk --use`

export const command: AddCommand = program => {
  const context = program
    .command('context')
    .description('servers and logins by name, for systems that do not run in this folder')
    .addHelpText('after', HELP)
  addAdd(context)
  addUse(context)
  addList(context)
  addShow(context)
  addRemove(context)
}

function addAdd(context: Command): void {
  context
    .command('add')
    .description('write down a context')
    .argument('<name>')
    .requiredOption('--server <url>', 'NATS server, or several with commas')
    .option('--user <name>', 'your name as an operator (default: admin)')
    .option('--seed <file>', 'file with your nkey seed')
    .option('--password-file <file>', 'file with your password')
    .option('--namespace <name>', 'first token of every subject (default: reactor)')
    .option('--tls-ca <file>', "certificates of the authorities that sign servers (default: the system's)")
    .option('--tls-cert <file>', 'certificate of your own')
    .option('--tls-key <file>', 'its key')
    .option('--use', 'choose it too')
    .option('--force', 'in place of one of that name')
    .action(async (name: string, options: AddOptions) => {
      const file = contextFile(name)
      if (!options.force && (await findContext(name).catch(() => true)))
        throw new ReactorError('usage', `there is a context '${name}' already (${file}); --force writes it anew`)
      await writeContext(name, await contextOf(options))
      if (options.use) await chooseContext(name)
      process.stderr.write(`${file} written${options.use ? ', and chosen' : ''}\n`)
    })
}

/** Throws `usage`, and `unreadable` on a file that is not there. */
async function contextOf(options: AddOptions): Promise<Context> {
  const { server, user, seed, passwordFile, namespace, tlsCa, tlsCert, tlsKey } = options
  if (server.trim() === '') throw new ReactorError('usage', '--server is empty text: name a NATS server')
  if (server !== withoutPassword(server))
    throw new ReactorError(
      'usage',
      '--server holds a name or a password before an @: give the name with --user, and the password in a file of its own with --password-file',
    )
  if (namespace !== undefined) createSubjects(namespace)
  if (seed !== undefined && passwordFile !== undefined)
    throw new ReactorError('usage', '--seed and --password-file are two logins: give one of them')
  if (passwordFile !== undefined && user === undefined)
    throw new ReactorError('usage', 'a password needs a name: give --user NAME')
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new ReactorError('usage', '--tls-cert and --tls-key belong together: give both, or neither')
  const tls = await files({ ca: tlsCa, cert: tlsCert, key: tlsKey })
  return {
    server,
    ...(namespace === undefined ? {} : { namespace }),
    ...(user === undefined ? {} : { user }),
    ...(await files({ seed, password_file: passwordFile })),
    ...(Object.keys(tls).length > 0 ? { tls } : {}),
  }
}

/** Those that are given, by their whole paths: a context is used from any folder. */
async function files<Key extends string>(given: Record<Key, string | undefined>): Promise<{ [K in Key]?: string }> {
  const found: [string, string][] = []
  for (const [key, file] of Object.entries<string | undefined>(given)) {
    if (file === undefined) continue
    await access(file, constants.R_OK).catch(error => {
      throw new ReactorError('unreadable', `${file} cannot be read: ${errorMessage(error)}`)
    })
    found.push([key, resolve(file)])
  }
  return Object.fromEntries(found) as { [K in Key]?: string }
}

/** A file that somebody has written by hand may hold a password. */
const shown = (server: string): string => server.split(',').map(withoutPassword).join(',')

function addUse(context: Command): void {
  context
    .command('use')
    .description('choose the context that commands use')
    .argument('[name]')
    .option('--none', 'choose none')
    .action(async (name: string | undefined, { none }: { none?: boolean }) => {
      if ((name === undefined) !== (none === true)) throw new ReactorError('usage', 'give a name, or --none')
      if (name !== undefined) await readContext(name)
      await chooseContext(name)
    })
}

function addList(context: Command): void {
  context
    .command('list')
    .description('the contexts; the chosen one has a star')
    .option('--json', 'print {contexts: [{name, chosen, …}]} as JSON')
    .action(async ({ json }: Json) => {
      const chosen = await chosenContext()
      const contexts = await Promise.all(
        (await contextNames()).map(async name => ({ name, chosen: name === chosen, ...(await readContext(name)) })),
      )
      if (json) return printJson({ contexts })
      if (contexts.length === 0) return void process.stderr.write('no contexts\n')
      const rows = contexts.map(one => [
        `${one.chosen ? '*' : ' '} ${one.name}`,
        one.user ?? 'admin',
        shown(one.server),
      ])
      print(table(['  NAME', 'USER', 'SERVER'], rows, tableLook()).join('\n'))
    })
}

function addShow(context: Command): void {
  context
    .command('show')
    .description('what a context says (default: the chosen one)')
    .argument('[name]')
    .option('--json', 'print it as JSON in one line')
    .action(async (name: string | undefined, { json }: Json) => {
      const wanted = name ?? (await chosenContext())
      if (wanted === undefined)
        throw new ReactorError('usage', "no context is chosen: name one ('reactor context list' shows them)")
      const found = await readContext(wanted)
      if (json) return printJson({ name: wanted, ...found })
      const { tls = {}, ...rest } = found
      const texts = { ...rest, server: shown(rest.server) }
      const facts = { ...texts, ...Object.fromEntries(Object.entries(tls).map(([key, file]) => [`tls.${key}`, file])) }
      print([wanted, ...Object.entries(facts).map(([key, value]) => `  ${key.padEnd(14)}${value}`)].join('\n'))
    })
}

function addRemove(context: Command): void {
  context
    .command('remove')
    .description('forget a context; the files that it names stay')
    .argument('<name>')
    .action(async (name: string) => {
      if (!(await removeContext(name))) await readContext(name)
    })
}
