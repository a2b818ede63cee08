// `reactor call <tgt> <fun> [args…]`
import { ReactorError } from '../../base/errors.ts'
import { isObject } from '../../base/json.ts'
import { type CallEnd, callMinions } from '../../call/collect.ts'
import { createJidSource } from '../../protocol/jid.ts'
import type { JobReturn, PublishMessage } from '../../protocol/job.ts'
import { type ClientOptions, openClient, withClientOptions } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { print, printJson, printNested } from '../output.ts'
import { timeoutOption } from '../timeout.ts'
import { parseWords } from '../words.ts'

interface Options extends ClientOptions {
  json?: boolean
  list?: boolean
  doc?: boolean
  verbose?: boolean
  async?: boolean
  /** Milliseconds. */
  timeout: number
}

export const command: AddCommand = program => {
  withClientOptions(program.command('call').description('run an execution function on minions'))
    .argument('<tgt>', "which minions: a glob such as 'web*', or a list with -L")
    .argument('[fun]', 'module.function (with -d: a module or function to show the help of)')
    .argument('[args...]', 'positional values and key=value pairs')
    .option('-L, --list', 'the target is a list of ids with commas')
    .option('-d, --doc', 'show the help of the functions that the minions have')
    .option('-v, --verbose', 'say the jid first')
    .option('--async', 'print the jid and do not wait')
    .addOption(timeoutOption('how long to wait for returns', '5m'))
    .option('--json', 'print one JSON object {id: return}; with --async {jid, minions}')
    .allowUnknownOption()
    .addHelpText(
      'after',
      "\nExamples:\n  reactor call '*' test.ping\n  reactor call web1 cmd.run 'uptime' timeout=10\n\nExit codes: 0 all returned well, 1 a minion failed or did not answer, 2 no minion matched.\nA word for the function that looks like an option of this command goes behind --.",
    )
    .action(async (tgt: string, fun: string | undefined, words: string[], options: Options) => {
      if (!fun && !options.doc)
        throw new ReactorError('usage', "call needs a function, such as test.ping; 'reactor functions' lists them")
      const request: PublishMessage = {
        tgt,
        tgt_type: options.list ? 'list' : 'glob',
        ...(options.doc ? { fun: 'sys.doc', arg: fun ? [fun] : [] } : { fun: fun!, ...parseWords(words) }),
      }
      const client = await openClient(options)
      try {
        if (options.async) return await startOnly(client, request, options)
        process.exitCode = await callAndPrint(client, request, options)
      } catch (error) {
        if (!(error instanceof ReactorError && error.code === 'no_minions')) throw error
        process.stderr.write('No minions matched the target. No command was sent, no jid was assigned.\n')
        if (options.json) printJson({})
        process.exitCode = 2
      } finally {
        await client.close()
      }
    })
}

type Client = Awaited<ReturnType<typeof openClient>>

async function startOnly({ bus, user }: Client, request: PublishMessage, { json }: Options): Promise<void> {
  const stop = new AbortController()
  stop.abort()
  const jid = createJidSource()()
  const wait = { user, timeoutMs: 0, signal: stop.signal }
  const { published } = await callMinions(bus, jid, request, { onReturn: () => undefined }, wait)
  if (json) printJson({ jid, minions: published.minions })
  else print(`Executed command with job ID: ${jid}`)
}

async function callAndPrint({ bus, user }: Client, request: PublishMessage, options: Options): Promise<number> {
  const jid = createJidSource()()
  const results = new Map<string, unknown>()
  const docs: Record<string, unknown> = {}
  let failed = false
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  const onReturn = (returned: JobReturn) => {
    results.set(returned.id, returned.return)
    failed ||= !returned.success
    if (options.json) return
    if (options.doc && isObject(returned.return)) Object.assign(docs, returned.return)
    else printNested({ [returned.id]: returned.return })
  }
  if (options.verbose) print(`Executing job with jid ${jid}\n${'-'.repeat(43)}\n`)
  const end = await callMinions(
    bus,
    jid,
    request,
    { onReturn },
    { user, timeoutMs: options.timeout, signal: interrupted.signal },
  )
  if (interrupted.signal.aborted) {
    process.stderr.write(
      `\nExiting gracefully on Ctrl-c\nThis job's jid is: ${jid}\nThe minions may not have all finished; see what comes with:\n\n  reactor tail 'salt/job/${jid}/**' --since 1h\n`,
    )
    return 0
  }
  const missing = whyNot(end, jid)
  for (const [id, reason] of missing) {
    failed = true
    results.set(id, reason)
    if (!options.json) printNested({ [id]: reason })
  }
  if (options.json) printJson(Object.fromEntries([...results].sort(([a], [b]) => (a < b ? -1 : 1))))
  else if (options.doc) for (const name of Object.keys(docs).sort()) print(`${name}:\n\n${String(docs[name])}\n`)
  if (failed) process.stderr.write('ERROR: Minions returned with non-zero exit code\n')
  return failed ? 1 : 0
}

/** Why each minion that was expected gave no return, in Salt's words where it has them. */
function whyNot({ published, silent }: CallEnd, jid: string): [string, string][] {
  return [
    ...published.offline.map((id): [string, string] => [id, 'Minion did not return. [Not connected]']),
    ...Object.entries(published.refused).map(([id, reason]): [string, string] => [
      id,
      `Minion did not take the job: ${reason}`,
    ]),
    ...published.missing.map((id): [string, string] => [id, 'Minion did not return. [Unknown minion]']),
    ...silent.map((id): [string, string] => [
      id,
      `Minion did not return. [No response]\nIt took job ${jid} and may still be running; see: reactor tail 'salt/job/${jid}/**' --since 1h`,
    ]),
  ]
}
