// `reactor call <tgt> <fun> [args…]`
import { ReactorError } from '../../base/errors.ts'
import { batchSize } from '../../call/batch.ts'
import type { BatchCommandOptions } from '../call/batch.ts'
import { type CallCommandOptions, callAndPrint, startOnly } from '../call/one.ts'
import { type RequestOptions, requestOf, withRequestOptions } from '../call/request.ts'
import { type ClientOptions, openClient, withClientOptions } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { outOption, withStateOptions } from '../out/format.ts'
import { print, printJson } from '../out/print.ts'
import { durationOption, timeoutOption } from '../timeout.ts'

interface Options extends ClientOptions, RequestOptions, CallCommandOptions {
  async?: boolean
  batch?: string
  batchWait?: number
  failhard?: boolean
}

const HELP = `
Examples:
  reactor call '*' test.ping
  reactor call web1 cmd.run uptime timeout=10
  reactor call -G 'os:Debian' -b 25% service.restart nginx

Exit codes: 0 all returned well (or Ctrl-C: the job goes on), 1 a minion failed or did not return, 2 no minion matched.
A word for the function that looks like an option goes behind --.`

export const command: AddCommand = program => {
  const call = withClientOptions(program.command('call').description('run an execution function on minions'))
    .argument('<tgt>', "which minions: a glob such as 'web*', or what one of the letters below says")
    .argument('[fun]', 'module.function (with -d: a module or function to show the help of)')
    .argument('[args...]', 'positional values and key=value pairs')
  withStateOptions(withRequestOptions(call))
    .option('-b, --batch <n>', 'so many minions at once, or a share such as 25%; the next starts when one ends')
    .addOption(durationOption('--batch-wait <duration>', 'pause before the place of one that has ended is taken'))
    .option('--failhard', 'with -b: start no more when one has failed')
    .option('--async', 'print the jid and do not wait')
    .addOption(timeoutOption('how long to wait for returns', '5m'))
    .option('-d, --doc', 'show the help of the functions that the minions have')
    .option('-v, --verbose', 'say the jid first')
    .addOption(outOption())
    .option('-s, --static', 'print all returns at the end, as one value')
    .option('--json', 'print one JSON object {id: return} at the end; with --async {jid, minions}')
    .option('--summary', 'count the minions at the end')
    .addHelpText('after', HELP)
    .action(run)
}

async function run(tgt: string, fun: string | undefined, words: string[], options: Options): Promise<void> {
  checkBatch(options)
  const request = await requestOf(tgt, fun, words, options)
  const client = await openClient(options)
  try {
    if (options.async) return await startOnly(client, request, options)
    const { batch, batchWait = 0 } = options
    if (batch === undefined) process.exitCode = await callAndPrint(client, request, options)
    else {
      const { batchAndPrint } = await import('../call/batch.ts')
      const all: BatchCommandOptions = { ...options, batch, batchWait }
      process.exitCode = await batchAndPrint(client, request, all)
    }
  } catch (error) {
    if (!(error instanceof ReactorError && error.code === 'no_minions')) throw error
    process.stderr.write('No minions matched the target. No command was sent, no jid was assigned.\n')
    if (options.json) printJson({})
    // As Salt does, so that what reads it always gets JSON.
    else if (options.out === 'json') print('{}')
    process.stderr.write('ERROR: No return received\n')
    process.exitCode = 2
  } finally {
    await client.close()
  }
}

/** What would have no effect is refused. */
function checkBatch({ batch, batchWait, failhard, async: noWait }: Options): void {
  if (batch !== undefined) {
    batchSize(batch, 1)
    if (noWait)
      throw new ReactorError('usage', '--async and --batch exclude each other: a batch is driven by this command')
  } else if (batchWait !== undefined || failhard)
    throw new ReactorError('usage', `${failhard ? '--failhard' : '--batch-wait'} is for batches: give --batch too`)
}
