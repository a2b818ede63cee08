// `reactor tail [glob…]`
import { once } from 'node:events'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../../base/duration.ts'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { startTail, type Tail, type TailOptions, toStderr } from '../../tail/run.ts'
import { terminalLook } from '../../tail/terminal.ts'
import { type ClientOptions, openClient, withClientOptions } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { print } from '../out/print.ts'

interface Flags extends ClientOptions {
  data?: boolean
  json?: boolean
  reactions?: boolean
  since?: number
  count?: number
  where?: string[]
  func?: string
  color: boolean
  node: 'master' | 'minion'
  config?: string
}

const HELP = `
Conditions: '<field><operator><value>', all of them must hold. Fields are tag, origin and data.<key>[.<key>…]; a list matches
if any of its items does. Operators: = and != with a glob (in tag as in rules, elsewhere * stands for anything; an empty
value is none at all), ~ and !~ with a regular expression, > >= < <= with a number.

With --json each line is one object. Events are {tag, data, origin, stamp, id}; reactions are shown only with --reactions, as
{reaction: {state, rule, …}}; malformed events are told on stderr. With --func it is {id, total}.

Examples:
  reactor tail                                       everything, reactions under their events
  reactor tail 'salt/job/**' '!salt/job/*/new'       * stays inside a segment, ** crosses
  reactor tail --since 10m --where 'data.id=web*'    what was stored, then live
  reactor tail 'salt/job/*/ret/*' --where 'data.retcode!=0' --data
  reactor tail --func test.ping                      count the minions that reply
  reactor tail 'deploy/**' --json --count 1          wait for one event
  reactor tail -n minion                             what passes over the bus of this machine's minion

Exit codes: 0 after --count or Ctrl-C, 64 a wrong command line, 69 nothing answers (of --node minion: no minion runs here), 77 you may
not follow events.`

export const command: AddCommand = program => {
  withClientOptions(program.command('tail'))
    .description('follow events, and the reactions to them, as they happen')
    .argument('[globs...]', "tags to show, as in rules; several mean any, '!glob' excludes (default: every tag)")
    .option('--data', 'show the data as JSON below each line')
    .option('--json', 'print one JSON object a line')
    .option('--reactions', 'show reactions with --json or --func too')
    .option('--no-reactions', 'show events only')
    .option('--since <duration>', 'begin in the past: 30s, 10m, 2h, 1d', readDuration)
    .option('--count <n>', 'end after this many events', readCount)
    .option('--where <condition>', "only events for which this holds, such as 'data.id=web*'; may be repeated", collect)
    .option('--func <function>', 'count the minions that return this function, each once')
    .option('--no-color', 'no colours (as with NO_COLOR)')
    .addOption(
      new Option('-n, --node <node>', "master: every event of the system; minion: the own bus of this machine's minion")
        .choices(['master', 'minion'])
        .default('master'),
    )
    .option('--config <file>', "of --node minion: the minion's config file (default: the reactor up of this folder)")
    .addHelpText('after', HELP)
    .action(follow)
}

async function follow(globs: string[], flags: Flags, command: Command): Promise<void> {
  const { color, since, data, json, reactions, count, where, func, node, config, ...rest } = flags
  const options: TailOptions = {
    ...terminalLook(color),
    globs,
    ...withoutUndefined({ sinceMs: since, data, json, reactions, count, where, func }),
  }
  if (node === 'minion') {
    refuseOfMaster(flags, command)
    return untilInterrupted(await startOnMinion(options, { config, dataDir: rest.dataDir }))
  }
  if (config !== undefined)
    throw new ReactorError('usage', "--config names a minion's config: give --node minion with it")
  const client = await openClient(rest)
  try {
    await untilInterrupted(startTail({ client, options, write: print }))
  } finally {
    await client.close()
  }
}

async function untilInterrupted(starting: Tail | Promise<Tail>): Promise<void> {
  const interrupted = onceInterrupted()
  try {
    const tail = await Promise.race([starting, interrupted.signal])
    if (!tail) return
    await Promise.race([tail.done, interrupted.signal])
    await tail.stop()
  } finally {
    interrupted.release()
  }
}

async function startOnMinion(
  options: TailOptions,
  which: { config: string | undefined; dataDir: string | undefined },
): Promise<Tail> {
  // Reading a config takes longer than all else that a tail loads.
  const { findOwnMinion } = await import('../own-minion.ts')
  const own = await findOwnMinion(which)
  if (!own)
    throw new ReactorError(
      'unreachable',
      "no reactor is running in this folder: name the config of this machine's minion with --config",
    )
  const { startMinionTail } = await import('../../tail/minion.ts')
  const { stdout } = process
  const written = () => (stdout.writableNeedDrain ? once(stdout, 'drain') : undefined)
  return startMinionTail({ dir: own.minion.dir, options, write: print, written, notice: toStderr })
}

/** Options of the command line that say nothing of a minion's bus; what the environment has is for other commands. */
const OF_MASTER: Readonly<Record<string, string>> = {
  since: 'the bus of a minion keeps nothing',
  func: 'on the bus of a minion there are only its own returns',
  ...Object.fromEntries(
    ['server', 'context', 'user', 'seed', 'passwordFile', 'namespace', 'tlsCa', 'tlsCert', 'tlsKey'].map(name => [
      name,
      'the bus of a minion needs no server',
    ]),
  ),
}

/** Throws `usage`. */
function refuseOfMaster({ reactions }: Flags, command: Command): void {
  if (reactions === true)
    throw new ReactorError(
      'usage',
      "--reactions and --node minion: rules react to what is stored, not to a minion's bus",
    )
  for (const option of command.options) {
    const why = OF_MASTER[option.attributeName()]
    if (why !== undefined && command.getOptionValueSource(option.attributeName()) === 'cli')
      throw new ReactorError('usage', `${option.long} and --node minion: ${why}`)
  }
}

/** Ctrl-C and a polite kill end the tail quietly. */
function onceInterrupted(): { signal: Promise<undefined>; release(): void } {
  let stop: () => void = () => undefined
  const signal = new Promise<undefined>(resolve => {
    stop = () => resolve(undefined)
  })
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  return {
    signal,
    release() {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
    },
  }
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }
const withoutUndefined = <T extends object>(options: T): Defined<T> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<T>

const collect = (value: string, before: string[] = []): string[] => [...before, value]

function readDuration(text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    throw new InvalidArgumentError(errorMessage(error))
  }
}

function readCount(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError('a whole number from 1 on was expected.')
  return count
}
