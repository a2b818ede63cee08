// Running one process of the system in the foreground: config, log, start, a ready message to a supervisor, and a clean
// end on Ctrl-C or SIGTERM.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { asReactorError, errorMessage } from '../base/errors.ts'
import { createLog, LOG_LEVELS, type Log, type LogFormat, type LogLevel } from '../base/log.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import type { Monitored } from '../metrics/metrics.ts'
import { type ChildMessage, type GoMessage, TOLD_VARIABLE } from '../up/children.ts'

export interface DaemonOptions {
  config?: string
  server?: string
  seed?: string
  namespace?: string
  isolation?: string
  logLevel?: LogLevel
  logFormat?: LogFormat
  metricsPort?: number
  metricsHost?: string
}

/** Of an option's value, as commander calls it. */
export function parsePort(text: string): number {
  const port = text.trim() === '' ? Number.NaN : Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError(`'${text}' is no port: 0 to 65535`)
  return port
}

export function withDaemonOptions(command: Command): Command {
  return command
    .option('--config <file>', 'config file (docs/config.md)')
    .addOption(new Option('--server <url>', 'NATS server, or several with commas').env('REACTOR_SERVER'))
    .addOption(new Option('--seed <file>', "file with this process's nkey seed").env('REACTOR_SEED'))
    .option('--namespace <name>', 'first token of every subject')
    .addOption(
      new Option('--isolation <how>', "'none' runs on a bare server without accounts (tests on loopback only)").choices(
        ['accounts', 'none'],
      ),
    )
    .addOption(new Option('--log-level <level>').choices(LOG_LEVELS))
    .addOption(new Option('--log-format <format>').choices(['text', 'json']))
    .addOption(
      new Option('--metrics-port <n>', 'port of /metrics, /healthz and /readyz; 0: any free one').argParser(parsePort),
    )
    .option('--metrics-host <address>', 'address that they are served on (default: 127.0.0.1)')
}

/** The config with the command line on top; `overrides` are the values of the command's own options. */
export function daemonConfig(options: DaemonOptions, overrides: Record<string, unknown> = {}): Promise<Config> {
  return loadConfig(options.config, {
    ...overrides,
    servers: options.server?.split(','),
    seed: options.seed,
    namespace: options.namespace,
    isolation: options.isolation,
    log_level: options.logLevel,
    log_format: options.logFormat,
    metrics: { port: options.metricsPort, host: options.metricsHost },
  })
}

/** Starts, says that it is ready, runs until told to stop. `start` may give facts for the ready message. */
export async function runDaemon(
  name: string,
  config: Config,
  start: (log: Log) => Promise<Monitored & { facts?: Record<string, unknown> }>,
): Promise<void> {
  const log = createLog(name, config.log_level, config.log_format)
  const stopping = waitForStop()
  let running: Awaited<ReturnType<typeof start>>
  try {
    running = await Promise.race([start(log), stopping.then(() => Promise.reject(new Stopped()))])
  } catch (error) {
    if (error instanceof Stopped) process.exit(0)
    if (!process.channel) throw error
    const failed = { code: asReactorError(error).code, message: errorMessage(error) }
    process.send?.({ failed } satisfies ChildMessage, () => process.exit(1))
    return
  }
  const { facts, metricsUrl } = running
  const metrics = metricsUrl === undefined ? {} : { metrics: metricsUrl }
  if (!process.channel) log.info(metrics, 'ready')
  process.send?.({ ready: { ...facts, ...metrics } } satisfies ChildMessage)
  await stopping
  const forced = setTimeout(() => process.exit(1), 4000)
  forced.unref()
  await running.stop()
  log.debug('stopped')
  process.exit(0)
}

/** Resolves when a supervisor says that this process may connect; at once where nobody says so. To be called before anything slow. */
export function mayConnect(): Promise<void> {
  if (!process.channel || process.env[TOLD_VARIABLE] === undefined) return Promise.resolve()
  return new Promise(resolve => {
    const listen = (message: GoMessage) => {
      if (message.go !== true) return
      process.off('message', listen)
      resolve()
    }
    process.on('message', listen)
  })
}

class Stopped extends Error {}

/** Resolves at the first SIGINT or SIGTERM, or when the supervisor that started this process is gone. */
function waitForStop(): Promise<void> {
  return new Promise(resolve => {
    process.once('SIGTERM', () => resolve())
    process.once('SIGHUP', () => resolve())
    if (process.channel) {
      // Ctrl-C in a terminal reaches the whole group: the supervisor decides who stops when.
      process.on('SIGINT', () => undefined)
      process.once('disconnect', () => resolve())
    } else process.once('SIGINT', () => resolve())
  })
}
