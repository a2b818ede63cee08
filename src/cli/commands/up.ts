// `reactor up`
import { once } from 'node:events'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, Option } from 'commander'
import { LOG_LEVELS } from '../../base/log.ts'
import { createStack } from '../../base/service.ts'
import { withoutPassword } from '../../bus/connect.ts'
import { mergeConfig, readConfigFile } from '../../config/load.ts'
import { startTail } from '../../tail/run.ts'
import { terminalLook } from '../../tail/terminal.ts'
import { cancellable } from '../../up/cancel.ts'
import { startUp, type Up } from '../../up/start.ts'
import { openClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { parsePort } from '../daemon.ts'
import { print, printJson } from '../out/print.ts'

interface Options {
  data: string
  rules?: string
  id?: string
  port: number
  nats?: string
  isolation?: string
  config?: string
  namespace?: string
  logLevel?: string
  metricsPort?: number
  metricsHost?: string
  json?: boolean
  tail: boolean
}

const MAIN = join(dirname(fileURLToPath(import.meta.url)), '..', 'main.js')
const DEFAULT_PORT = 4222
/** As a shell has it for a program that Ctrl-C killed. */
const FORCED = 130
const SLOW_STOP_MS = 1000

export const command: AddCommand = program => {
  addOptions(
    program
      .command('up')
      .description('run everything on this machine: nats-server, master, reactor, workers, one minion'),
  )
    .addHelpText(
      'after',
      '\nExit codes: 0 stopped by Ctrl-C, 130 by a second one that did not wait, 1 rules that cannot be read, 69 no server or its port is taken, 70 a process died at start, 73 the data folder cannot be written, 78 a config that is wrong.',
    )
    .action(async (options: Options) => {
      const signal = stopSignal()
      try {
        await run(options, signal)
      } catch (error) {
        // Ctrl-C while it starts is a stop like any other.
        if (!signal.aborted) throw error
      }
      process.exit(0)
    })
}

/** Everything from the start to the stop; whatever throws on the way, what has been started is stopped. */
async function run(options: Options, signal: AbortSignal): Promise<void> {
  const began = Date.now()
  const { data, port, nats, json = false } = options
  const say = (line: string) => void process.stderr.write(`reactor: ${line}\n`)
  const stack = createStack(say)
  try {
    const config = await configOf(options)
    const up = stack.add(await startUp({ data, port, nats, config, main: MAIN, say, signal }))
    const client = await cancellable(openClient({ dataDir: up.folder.path }), signal)
    stack.defer(() => client.close())
    if (options.tail) {
      const tail = startTail({ client, options: { json, ...terminalLook() }, write: print })
      stack.add(await cancellable(tail, signal))
    }
    if (json) printJson(readyFacts(up, began))
    else print(readyBlock(up, began, options.tail))
    if (!signal.aborted) await once(signal, 'abort')
    if (!json && process.stdout.isTTY) print('')
  } finally {
    await stack.stop()
  }
}

/** Ctrl-C counts from the first moment: what has been started by then is stopped again. A second one waits for nothing. */
function stopSignal(): AbortSignal {
  const stop = new AbortController()
  process.on('SIGINT', () => {
    if (stop.signal.aborted) process.exit(FORCED)
    stop.abort()
    const still = () => process.stderr.write('reactor: still stopping; Ctrl-C again ends it at once\n')
    setTimeout(still, SLOW_STOP_MS).unref()
  })
  // SIGHUP: the terminal was closed.
  for (const name of ['SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort())
  return stop.signal
}

function addOptions(command: Command): Command {
  return command
    .addOption(new Option('--data <dir>', 'data folder').default('var').env('REACTOR_DATA'))
    .option('--rules <dir>', 'folder of rules (default: reactors)')
    .option('--id <id>', "the minion's id (default: the host's name)")
    .addOption(
      new Option('--port <n>', 'port of the private nats-server; 0: any free one')
        .default(DEFAULT_PORT)
        .argParser(parsePort),
    )
    .option('--nats <url>', 'use this NATS server instead of a private one')
    .addOption(
      new Option(
        '--isolation <how>',
        "'none': the server given with --nats has no accounts (tests on loopback only)",
      ).choices(['accounts', 'none']),
    )
    .option('--config <file>', 'config file (docs/config.md)')
    .option('--namespace <name>', 'first token of every subject (default: reactor)')
    .addOption(new Option('--log-level <level>').choices(LOG_LEVELS))
    .addOption(
      new Option(
        '--metrics-port <n>',
        'serve /metrics, /healthz and /readyz of each process, from this port on upwards; 0: any free ones',
      ).argParser(parsePort),
    )
    .option('--metrics-host <address>', 'address that they are served on (default: 127.0.0.1)')
    .option('--no-tail', 'do not show the live events after the ready block')
    .option('--json', 'one JSON line when ready, then one JSON line an event')
}

async function configOf(options: Options): Promise<Record<string, unknown>> {
  const file = options.config === undefined ? {} : await readConfigFile(options.config)
  return mergeConfig(file, {
    namespace: options.namespace,
    isolation: options.isolation,
    log_level: options.logLevel,
    react: { rules: options.rules },
    minion: { id: options.id },
    metrics: { port: options.metricsPort, host: options.metricsHost },
  })
}

function readyFacts(up: Up, began: number) {
  return {
    ready: true,
    server: up.file.server,
    namespace: up.file.namespace,
    data: up.folder.path,
    rules: up.rules,
    minion: up.config.minion.id,
    processes: up.processes(),
    ...(Object.keys(up.metrics).length > 0 ? { metrics: up.metrics } : {}),
    ...(up.webhooks === undefined ? {} : { webhooks: up.webhooks }),
    pid: process.pid,
    ms: Date.now() - began,
  }
}

function readyBlock(up: Up, began: number, tail: boolean): string {
  const { colour } = terminalLook()
  const bold = (text: string) => (colour ? `\u001b[1m${text}\u001b[0m` : text)
  const { rules } = up
  const broken =
    rules.problems === 0
      ? ''
      : `, ${rules.problems} problem${rules.problems === 1 ? '' : 's'} (reactor check ${rules.folder})`
  const server = up.config.servers.map(withoutPassword).join(',')
  const where = up.folder.path === resolve('var') ? '' : ` --data-dir ${up.folder.path}`
  return [
    '',
    `${bold('reactor is ready')} (${((Date.now() - began) / 1000).toFixed(1)} s)`,
    `  NATS     ${server}`,
    `  data     ${up.folder.path}`,
    `  rules    ${rules.loaded} from ${rules.folder}${broken}`,
    ...rules.missing.map(
      ({ rule, kind, profile }) =>
        `           ${rule} waits for the ${kind} profile '${profile}' in the config (docs/alerts.md)`,
    ),
    `  minion   ${up.config.minion.id}`,
    ...(up.webhooks === undefined ? [] : [`  webhooks ${up.webhooks}/hook/…`]),
    ...Object.entries(up.metrics).map(
      ([name, url], i) => `${i === 0 ? '  metrics  ' : '           '}${name.padEnd(9)}${url}/metrics`,
    ),
    '',
    'Try, in a second terminal in this folder:',
    `  npx reactor call '*' test.ping${where}`,
    `  npx reactor send hello/world '{"name": "Ada"}'${where}`,
    `  npx reactor functions`,
    ...(up.config.isolation === 'accounts'
      ? [
          'A second minion, and letting it in (docs/keys.md):',
          `  npx reactor minion --id second --dir second --server ${server}`,
          `  npx reactor key accept second${where}`,
        ]
      : []),
    ...(tail ? ['', 'Events and reactions as they happen (Ctrl-C stops everything):'] : []),
  ].join('\n')
}
