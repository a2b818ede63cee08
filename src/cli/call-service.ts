// `reactor run` and `reactor wheel`: a function of a service, called by request, its return printed.
import { headers as createHeaders } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { didYouMean } from '../base/suggest.ts'
import { requestJson } from '../bus/request.ts'
import { loadFunctions } from '../functions/load.ts'
import { HEADER } from '../protocol/event.ts'
import { type ClientOptions, openClient, withClientOptions } from './client.ts'
import type { AddCommand } from './command.ts'
import { print, printJson, printNested } from './output.ts'
import { timeoutOption } from './timeout.ts'
import { parseWords } from './words.ts'

export interface ServiceCommand {
  name: 'run' | 'wheel'
  kind: 'runner' | 'wheel'
  description: string
  example: string
}

export function serviceCommand({ name, kind, description, example }: ServiceCommand): AddCommand {
  return program => {
    withClientOptions(program.command(name).description(description))
      .argument('[fun]', 'module.function (with -d: a module or function to show the help of)')
      .argument('[args...]', 'positional values and key=value pairs')
      .option('-d, --doc', `show the help of the ${kind} functions`)
      .addOption(timeoutOption('how long to wait for the return', '5m'))
      .option('--json', 'print the return as JSON')
      .allowUnknownOption()
      .addHelpText(
        'after',
        `\nExample:\n  ${example}\n\nExit codes: 0 it returned, 1 it failed or is not there, 69 nobody serves it, 75 no return in time.`,
      )
      .action(
        async (
          fun: string | undefined,
          words: string[],
          options: ClientOptions & { doc?: boolean; timeout: number; json?: boolean },
        ) => {
          if (!fun && !options.doc)
            throw new ReactorError('usage', `${name} needs a function; '${name} -d' shows the help of all`)
          const client = await openClient(options)
          try {
            const { nc, subjects } = client.bus
            const headers = createHeaders()
            headers.set(HEADER.user, client.user)
            const target = options.doc ? 'sys.doc' : fun!
            const { arg, kwarg } = options.doc ? { arg: fun ? [fun] : [], kwarg: {} } : parseWords(words)
            const value = await requestJson(nc, subjects[kind](target), [...arg, { __kwarg__: true, ...kwarg }], {
              timeoutMs: options.timeout,
              headers,
              what: `${kind}.${target}`,
            }).catch(error => explain(error, client, kind, target))
            if (options.json) printJson(value)
            else if (options.doc && isObject(value))
              for (const key of Object.keys(value).sort()) print(`${key}:\n\n${String(value[key])}\n`)
            else printNested(value)
          } finally {
            await client.close()
          }
        },
      )
  }
}

/** Nobody on the subject of one function, while the service is there: the function is unknown. Its info tells a near one. */
async function explain(
  thrown: unknown,
  client: Awaited<ReturnType<typeof openClient>>,
  kind: 'runner' | 'wheel',
  fun: string,
): Promise<never> {
  if (!(thrown instanceof ReactorError && thrown.code === 'unreachable')) throw thrown
  const { nc, subjects } = client.bus
  const info = await nc
    .request(`$SRV.INFO.${subjects.ns}-${kind}`, '', { timeout: 2000 })
    .then(reply => reply.json<{ endpoints: { metadata?: { function?: string } }[] }>())
    .catch(() => undefined)
  if (!info) throw thrown
  const known = info.endpoints.map(({ metadata }) => String(metadata?.function).slice(kind.length + 1))
  if (known.includes(fun)) throw thrown
  const execution = await loadFunctions('execution')
  const elsewhere = execution.names().includes(fun)
    ? ` It is an execution function, which runs on minions: reactor call <tgt> ${fun}`
    : didYouMean(fun, known)
  throw new ReactorError('unknown_function', `'${fun}' is not available.${elsewhere}`)
}
