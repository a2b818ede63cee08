// `reactor user add|list|passwd|role|remove`: the wheel functions `user.*`. A password is hashed here; it goes nowhere.
import { rm, stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { cleanText } from '../../base/clean.ts'
import { asReactorError, ReactorError } from '../../base/errors.ts'
import { identityIn } from '../../bus/identity.ts'
import type { OperatorView } from '../../functions/wheel-context.ts'
import { hashPassword } from '../../operators/password.ts'
import { isPublicKey } from '../../protocol/key.ts'
import { isOperatorName } from '../../protocol/login.ts'
import { callFunction } from '../call-service.ts'
import { type Client, type ClientOptions, withClientOptions } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { table, tableLook } from '../jobs/table.ts'
import { print, printJson } from '../out/print.ts'
import { newPassword } from '../password.ts'
import { withClient } from '../with-client.ts'

interface LoginOptions {
  nkey?: string
  genKey?: string
  passwordStdin?: boolean
}

interface Json {
  json?: boolean
}

type Login = { nkey: string } | { password_hash: string }

const TIMEOUT_MS = 30_000

const HELP = `
A user logs in by key or by password. By default the password is asked for; only its hash leaves this machine.

Examples:
  reactor user add ada --role admin --gen-key ada.nk
  reactor user add bob --role deploy reader
  printf %s "$PASSWORD" | reactor user add ci --role deploy --password-stdin

Exit codes: 0 done, 1 refused by the master (a name that is taken or not there, an unknown role), 64 a wrong command line,
77 you may not do this.`

export const command: AddCommand = program => {
  const user = program
    .command('user')
    .description('operators: who may log in, and with which roles')
    .addHelpText('after', HELP)
  addAdd(user)
  addList(user)
  addPasswd(user)
  addRole(user)
  addRemove(user)
}

const withLogin = (command: Command): Command =>
  withClientOptions(command)
    .option('--nkey <key>', 'the public key that they log in with (U…)')
    .option('--gen-key <file>', 'make a key: the seed goes into this new file, for you to hand over')
    .option('--password-stdin', 'read the password from standard input')

function addAdd(user: Command): void {
  withLogin(user.command('add').description('let somebody in'))
    .argument('<name>')
    .requiredOption('--role <role...>', "roles of the master's config, or admin or reader")
    .option('--json', 'print what the master knows of them as JSON')
    .action((name: string, options: ClientOptions & LoginOptions & Json & { role: string[] }) =>
      withLoginOf(requireName(name), options, async (client, login) => {
        const added = await callUser(client, 'add', { name, roles: options.role, ...login })
        if (options.json) return printJson(added)
        process.stderr.write(`added ${name} (${options.role.join(', ')}), who logs in by ${byWhat(login)}\n`)
      }),
    )
}

function addPasswd(user: Command): void {
  withLogin(
    user.command('passwd').description('give a user another password, or another key; whoever is connected is cut off'),
  )
    .argument('<name>')
    .option('--json', 'print what the master knows of them as JSON')
    .action((name: string, options: ClientOptions & LoginOptions & Json) =>
      withLoginOf(requireName(name), options, async (client, login) => {
        const changed = await callUser(client, 'change', { name, ...login })
        if (options.json) return printJson(changed)
        process.stderr.write(`${name} logs in by another ${byWhat(login)} from now on\n`)
      }),
    )
}

function addRole(user: Command): void {
  withClientOptions(user.command('role').description('set the roles of a user, in place of those they have'))
    .argument('<name>')
    .argument('<roles...>')
    .option('--json', 'print what the master knows of them as JSON')
    .action((name: string, roles: string[], options: ClientOptions & Json) =>
      withClient(options, async client => {
        const changed = await callUser(client, 'change', { name: requireName(name), roles })
        if (options.json) return printJson(changed)
        process.stderr.write(`${name} has the roles ${roles.join(', ')}\n`)
      }),
    )
}

function addRemove(user: Command): void {
  withClientOptions(user.command('remove').description('let a user in no more; whoever is connected is cut off'))
    .argument('<name>')
    .action((name: string, options: ClientOptions) =>
      withClient(options, async client => {
        await callUser(client, 'remove', { name: requireName(name) })
        process.stderr.write(`removed ${name}\n`)
      }),
    )
}

function addList(user: Command): void {
  withClientOptions(user.command('list').description('the users that the master lets in'))
    .option('--json', 'print {users: [{name, roles, login, nkey?, since}]} as JSON')
    .action((options: ClientOptions & Json) =>
      withClient(options, async client => {
        const users = await callUser<OperatorView[]>(client, 'list', {})
        if (options.json) return printJson({ users })
        if (users.length === 0) return void process.stderr.write('no users\n')
        const rows = users.map(({ name, roles, login, nkey, since }) => [
          cleanText(name),
          cleanText(roles.join(', ')),
          cleanText(nkey ?? login),
          new Date(since).toISOString().slice(0, 10),
        ])
        print(table(['NAME', 'ROLES', 'LOGIN', 'SINCE'], rows, tableLook()).join('\n'))
      }),
    )
}

const callUser = <T = OperatorView>(client: Client, deed: string, kwarg: Record<string, unknown>): Promise<T> =>
  callFunction<T>(client, 'wheel', `user.${deed}`, { arg: [], kwarg }, TIMEOUT_MS)

/** The login is made while the connection is open: nobody types a password for a system that is away. */
async function withLoginOf(
  name: string,
  options: ClientOptions & LoginOptions,
  act: (client: Client, login: Login) => Promise<unknown>,
): Promise<void> {
  checkLogin(options)
  // Standard input waits for nobody.
  const early = options.passwordStdin ? await newPassword(true) : undefined
  await withClient(options, async client => {
    if (options.genKey !== undefined) return withNewKey(options.genKey, nkey => act(client, { nkey }))
    if (options.nkey !== undefined) return act(client, { nkey: options.nkey })
    const password = early ?? (await askPassword(name))
    return act(client, { password_hash: await hashPassword(password) })
  })
}

function askPassword(name: string): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write(`Password of ${name}, at least 8 characters.\n`)
  return newPassword(false)
}

function checkLogin({ nkey, genKey, passwordStdin }: LoginOptions): void {
  if ([nkey !== undefined, genKey !== undefined, passwordStdin === true].filter(Boolean).length > 1)
    throw new ReactorError('usage', '--nkey, --gen-key and --password-stdin are several logins: give one of them')
  if (nkey !== undefined && !isPublicKey(nkey))
    throw new ReactorError(
      'usage',
      `'${nkey.slice(0, 60)}' is no public key of a user: U and 55 more characters, of which the last check the others`,
    )
}

function requireName(name: string): string {
  if (isOperatorName(name)) return name
  throw new ReactorError(
    'usage',
    `'${name.slice(0, 80)}' is no name for a user: 1 to 64 letters, digits and . _ @ + -, beginning with a letter or digit, and no public key`,
  )
}

/** A key that the master does not take is removed again. */
async function withNewKey(file: string, act: (nkey: string) => Promise<unknown>): Promise<unknown> {
  if (await stat(file).catch(() => undefined))
    throw new ReactorError(
      'unwritable',
      `${file} is there already: name a new file, or give its public key with --nkey`,
    )
  const nkey = await identityIn(file)
  try {
    return await act(nkey)
  } catch (error) {
    // Where no answer came the master may know it already.
    if (!['timeout', 'unreachable'].includes(asReactorError(error).code)) await rm(file, { force: true })
    throw error
  }
}

const byWhat = (login: Login): string => ('nkey' in login ? `key ${login.nkey}` : 'password')
