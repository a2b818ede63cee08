// `reactor tail [glob…]`
import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../../base/duration.ts'
import { errorMessage } from '../../base/errors.ts'
import { startTail, type TailOptions } from '../../tail/run.ts'
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

Exit codes: 0 after --count or Ctrl-C, 64 a wrong command line, 69 nothing answers, 77 you may not follow events.`

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
    .addHelpText('after', HELP)
    .action(follow)
}

async function follow(
  globs: string[],
  { color, since, data, json, reactions, count, where, func, ...rest }: Flags,
): Promise<void> {
  const options: TailOptions = {
    ...terminalLook(color),
    globs,
    ...withoutUndefined({ sinceMs: since, data, json, reactions, count, where, func }),
  }
  const client = await openClient(rest)
  const interrupted = onceInterrupted()
  try {
    const tail = await Promise.race([startTail({ client, options, write: print }), interrupted.signal])
    if (!tail) return
    await Promise.race([tail.done, interrupted.signal])
    await tail.stop()
  } finally {
    interrupted.release()
    await client.close()
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
