// `reactor run` and `reactor wheel`: a function of a service, called by request, its return printed.
import { headers as createHeaders } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { didYouMean } from '../base/suggest.ts'
import { requestJson } from '../bus/request.ts'
import { HEADER } from '../protocol/event.ts'
import { joinArgs } from '../protocol/salt-args.ts'
import { type Client, type ClientOptions, openClient, withClientOptions } from './client.ts'
import type { AddCommand } from './command.ts'
import {
  createReturnPrinter,
  createValuePrinter,
  forPeople,
  type OutOptions,
  outOption,
  withStateOptions,
} from './out/format.ts'
import { print } from './out/print.ts'
import { timeoutOption } from './timeout.ts'
import { parseWords, type TypedArguments } from './words.ts'

interface ServiceCommand {
  name: 'run' | 'wheel'
  kind: 'runner' | 'wheel'
  description: string
  example: string
}

interface Options extends ClientOptions, OutOptions {
  doc?: boolean
  timeout: number
}

export function serviceCommand({ name, kind, description, example }: ServiceCommand): AddCommand {
  return program => {
    const command = withClientOptions(program.command(name).description(description))
    // Orchestrations return state runs, and jobs that are looked up; nothing of the master does.
    if (kind === 'runner') withStateOptions(command)
    command
      .argument('[fun]', 'module.function (with -d: a module or function to show the help of)')
      .argument('[args...]', 'positional values and key=value pairs')
      .option('-d, --doc', `show the help of the ${kind} functions`)
      .addOption(timeoutOption('how long to wait for the return', '5m'))
      .addOption(outOption())
      .option('--json', 'print the return as JSON in one line')
      .addHelpText(
        'after',
        `\nExample:\n  ${example}\n\nExit codes: 0 it returned, 1 it failed or is not there, 69 nobody serves it, or what it needs is away, 75 no return in time.\nA word for the function that looks like an option goes behind --.`,
      )
      .action(async (fun: string | undefined, words: string[], options: Options) => {
        if (!fun && !options.doc)
          throw new ReactorError('usage', `${name} needs a function; '${name} -d' shows the help of all`)
        const given = options.doc ? { arg: fun ? [fun] : [], kwarg: {} } : await parseWords(words)
        const printReturn = await createServicePrinter(options)
        const client = await openClient(options)
        try {
          let failed = false
          const onFailed = () => {
            failed = true
          }
          const called = options.doc ? 'sys.doc' : fun!
          const value = await callFunction(client, kind, called, given, options.timeout, onFailed)
          if (options.doc && forPeople(options) && isObject(value))
            for (const key of Object.keys(value).sort()) print(`${key}:\n\n${String(value[key])}\n`)
          else process.exitCode = printReturn(value, failed)
        } finally {
          await client.close()
        }
      })
  }
}

/**
 * Prints a return, and gives the exit code: that of a return which names its outputter and its retcode, as orchestrations do,
 * else 1 of one that has failed. Returns of minions that are state runs are shown as such, too.
 */
async function createServicePrinter(options: OutOptions): Promise<(value: unknown, failed: boolean) => number> {
  const { json, out = 'highstate' } = options
  const printValue = await createValuePrinter(options)
  const printRuns = await createReturnPrinter(options)
  return (value, failed) => {
    const { data, outputter, retcode } = isObject(value) ? value : {}
    const isRun = outputter === 'highstate' && isObject(data)
    const code = isRun && typeof retcode === 'number' ? retcode : failed ? 1 : 0
    if (isRun && !json && out === 'highstate') printRuns(data, code !== 0, 'state.sls')
    else if (isObject(value)) printRuns(value, failed)
    else printValue(value, failed)
    return code
  }
}

/** Calls a runner or wheel function. Throws its failure, `unknown_function`, `unreachable` or `timeout`. */
export function callFunction<T = unknown>(
  client: Client,
  kind: 'runner' | 'wheel',
  fun: string,
  { arg, kwarg }: TypedArguments,
  timeoutMs: number,
  onFailed?: () => void,
): Promise<T> {
  const { nc, subjects } = client.bus
  const headers = createHeaders()
  headers.set(HEADER.user, client.user)
  const options = { timeoutMs, headers, what: `${kind}.${fun}`, ...(onFailed ? { onFailed } : {}) }
  return requestJson<T>(nc, subjects[kind](fun), joinArgs(arg, kwarg), options).catch(error =>
    explain(error, client, kind, fun),
  )
}

/** Nobody on the subject of one function, while the service is there: the function is unknown. Its info tells a near one. */
async function explain(thrown: unknown, client: Client, kind: 'runner' | 'wheel', fun: string): Promise<never> {
  if (!(thrown instanceof ReactorError && thrown.code === 'unreachable')) throw thrown
  const { nc, subjects } = client.bus
  const info = await nc
    .request(`$SRV.INFO.${subjects.ns}-${kind}`, '', { timeout: 2000 })
    .then(reply => reply.json<{ endpoints: { metadata?: { function?: string } }[] }>())
    .catch(() => undefined)
  if (!info) throw thrown
  const known = info.endpoints.map(({ metadata }) => String(metadata?.function).slice(kind.length + 1))
  if (known.includes(fun)) throw thrown
  const { loadFunctions } = await import('../functions/load.ts')
  const execution = await loadFunctions('execution')
  const elsewhere = execution.names().includes(fun)
    ? ` It is an execution function, which runs on minions: reactor call <tgt> ${fun}`
    : didYouMean(fun, known)
  throw new ReactorError('unknown_function', `'${fun}' is not available.${elsewhere}`)
}
