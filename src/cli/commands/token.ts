// `reactor token <create|list|revoke>`: join tokens, which let in minions that nobody waits for.
import type { Command } from 'commander'
import { cleanText } from '../../base/clean.ts'
import { formatDuration } from '../../base/duration.ts'
import { ReactorError } from '../../base/errors.ts'
import type { JoinToken } from '../../functions/wheel-context.ts'
import { wholeNumber } from '../call/request.ts'
import { type ClientOptions, withClientOptions } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { table, tableLook } from '../jobs/table.ts'
import { askMaster } from '../keys/ask-master.ts'
import { print, printJson } from '../out/print.ts'
import { durationOption, readDuration } from '../timeout.ts'
import { withClient } from '../with-client.ts'

type Options = ClientOptions & { json?: boolean }

export const command: AddCommand = program => {
  const token = program
    .command('token')
    .description('join tokens: create one, and new minions that show it are accepted')
    .addHelpText('after', '\nExit codes: 0, 1 there is no such token, 69 no master.')
  addCreate(token)
  addList(token)
  addRevoke(token)
}

function addCreate(token: Command): void {
  withClientOptions(token.command('create').description('make a token; it is shown this once'))
    .option('--ids <glob>', 'ids that it lets in', '*')
    .option('--uses <n>', 'how many minions it lets in', wholeNumber, 1)
    .addOption(durationOption('--expires <duration>', 'how long it is good').default(readDuration('1h'), '1h'))
    .option('--json', 'print {token, name, ids, expires, uses_left} as JSON')
    .action(({ ids, uses, expires, ...options }: Options & { ids: string; uses: number; expires: number }) =>
      withClient(options, async client => {
        const kwarg = { ids, uses, expires: expires / 1000 }
        const made = await askMaster<JoinToken & { token: string }>(client, 'token.create', kwarg)
        if (options.json) return printJson(made)
        // Alone on stdout, for a file or a variable.
        print(made.token)
        process.stderr.write(
          `lets in ${made.uses_left === 1 ? 'one minion' : `${made.uses_left} minions`} whose id matches '${made.ids}', for ${formatDuration(expires)}: reactor minion --join @FILE, which holds it (--join TOKEN shows it to whoever lists the processes)\nits name is ${made.name}: 'reactor token revoke ${made.name}' ends it\n`,
        )
      }),
    )
}

function addList(token: Command): void {
  withClientOptions(token.command('list').description('the tokens that are good, without their secrets'))
    .option('--json', 'print [{name, ids, expires, uses_left, created_by}] as JSON')
    .action((options: Options) =>
      withClient(options, async client => {
        const tokens = await askMaster<JoinToken[]>(client, 'token.list')
        if (options.json) return printJson(tokens)
        if (tokens.length === 0) return void process.stderr.write('no tokens\n')
        const rows = tokens.map(one => [
          one.name,
          cleanText(one.ids),
          String(one.uses_left),
          formatDuration(Math.max(0, one.expires - Date.now())),
          cleanText(one.created_by),
        ])
        print(table(['NAME', 'IDS', 'USES LEFT', 'EXPIRES IN', 'CREATED BY'], rows, tableLook()).join('\n'))
      }),
    )
}

function addRevoke(token: Command): void {
  withClientOptions(token.command('revoke').description('end a token; who it has let in stays'))
    .argument('<name>', "as 'reactor token list' names it")
    .action((name: string, options: Options) =>
      withClient(options, async client => {
        if (await askMaster<boolean>(client, 'token.revoke', { name })) return print(`Token ${name} revoked.`)
        throw new ReactorError('not_found', `no token '${name}'; 'reactor token list' shows those there are`)
      }),
    )
}
