// `reactor local <fun> [args…]`: a function of this machine's minion, as salt-call runs it.
import { userInfo } from 'node:os'
import { ReactorError } from '../../base/errors.ts'
import { createLog } from '../../base/log.ts'
import { loadConfig } from '../../config/load.ts'
import { type ReturnOptions, readReturning, withReturnOptions } from '../call/returning.ts'
import type { AddCommand } from '../command.ts'
import { createReturnPrinter, type OutOptions, outOption, withStateOptions } from '../out/format.ts'
import { findOwnMinion } from '../own-minion.ts'
import { parseWords } from '../words.ts'

interface Options extends OutOptions, ReturnOptions {
  config?: string
  server?: string
  seed?: string
  dataDir?: string
  local?: boolean
  doc?: boolean
}

const HELP = `
Examples:
  reactor local grains.get os
  reactor local --local cmd.run uptime
  reactor local grains.items --out yaml
  reactor local state.apply web test=True --state-output changes
  reactor local --local test.ping --return sqlite --return-kwargs '{database: /tmp/salt.db}'

Exit codes: 0 it returned well, 1 it failed, 69 no server, 74 a returner does not have its return, 78 no such returner or wrong
settings, and it has not run. A word for the function that looks like an option goes behind --.`

export const command: AddCommand = program => {
  const local = program
    .command('local')
    .description("run a function on this machine's minion, as salt-call does")
    .argument('[fun]', 'module.function (with -d: a module or function to show the help of)')
    .argument('[args...]', 'positional values and key=value pairs')
    .option('--config <file>', "the minion's config file (default: the reactor up of this folder)")
    .option('--server <url>', 'NATS server, or several with commas')
    .option('--seed <file>', "file with the minion's nkey seed")
    .option('--data-dir <dir>', 'data folder of the reactor up (default: ./var, or one above)')
    .option('--local', 'without a server: only returners hear of the return')
    .option('-d, --doc', 'show the help of the functions that this machine has')
  withStateOptions(
    withReturnOptions(
      local,
      'returners that this process gives the return to besides, with commas, such as mysql,redis',
    ),
  )
    .addOption(outOption())
    .option('--json', 'print {local: return} in one line')
    .addHelpText('after', HELP)
    .action(run)
}

async function run(fun: string | undefined, words: string[], options: Options): Promise<void> {
  if (!fun && !options.doc)
    throw new ReactorError('usage', "local needs a function, such as test.ping; 'local -d' shows the help of all")
  const call = options.doc
    ? { fun: 'sys.doc', arg: fun ? [fun] : [], kwarg: {} }
    : { fun: fun!, ...(await parseWords(words)) }
  const returning = await readReturning(options)
  const masterless = options.local || options.doc || false
  const config = await configOf(options, masterless)
  const printReturns = await createReturnPrinter(options)
  const stopping = new AbortController()
  process.once('SIGINT', () => stopping.abort())
  const { runLocally } = await import('../../processes/local.ts')
  const { returned, unstored } = await runLocally(
    config,
    { ...call, user: userInfo().username, returning },
    { masterless, signal: stopping.signal, log: createLog('local', 'warn') },
  )
  printReturns({ local: returned.return }, !returned.success, returned.fun)
  if (unstored) throw unstored
  process.exitCode = returned.success ? 0 : returned.retcode === INTERRUPTED ? INTERRUPTED : 1
}

const INTERRUPTED = 130

/** The config of the minion: the one named, that of the `reactor up` of this folder, or, without a server, none. */
async function configOf({ config, server, seed, dataDir }: Options, masterless: boolean) {
  const over = { servers: server?.split(','), seed }
  const own = await findOwnMinion({ config, dataDir }, over)
  if (own) return own
  if (masterless || server !== undefined) return loadConfig(undefined, over)
  throw new ReactorError(
    'unreachable',
    "no reactor is running in this folder: name the minion's config with --config, or run without a server by --local",
  )
}
