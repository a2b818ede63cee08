// A schedule entry as the words and options of a command line say it.
import { type Command, Option } from 'commander'
import { ReactorError } from '../../base/errors.ts'
import { parseValue, parseWords } from '../words.ts'

export interface ItemOptions {
  every?: string
  cron?: string
  when?: string[]
  once?: string
  zone?: string
  splay?: string
  tgt?: string
  tgtType?: string
  set?: string[]
}

const several = (value: string, before: string[] = []): string[] => [...before, value]

export function withItemOptions(command: Command): Command {
  return command
    .option('--every <duration>', 'an interval, such as 5m or 1h30m')
    .option('--cron <line>', "minute hour day month weekday, such as '0 4 * * *'")
    .option(
      '--when <time>',
      "a time of the day or week, such as '5:00pm' or 'Monday 9:00'; given again, one more",
      several,
    )
    .option('--once <time>', 'one time, such as 2026-12-24T18:00:00')
    .option(
      '--zone <name>',
      "of its times, such as Europe/Berlin (default: the schedule's, or that of the worker's machine)",
    )
    .option('--splay <duration>', 'run up to so much later, by chance')
    .option('--tgt <target>', 'the minions of a local function')
    .addOption(new Option('--tgt-type <type>', 'how the target is read (default: glob)'))
    .option('--set <option=value>', 'any other option of an entry, such as catch_up=last or maxrunning=3', several)
}

/** Throws `usage`. */
export async function readItemOptions(
  words: readonly string[],
  options: ItemOptions,
): Promise<Record<string, unknown>> {
  const [fun, ...rest] = words
  const { arg, kwarg } = await parseWords(rest)
  const item: Record<string, unknown> = {
    ...(fun === undefined ? {} : { function: fun }),
    ...(arg.length > 0 ? { args: arg } : {}),
    ...(Object.keys(kwarg).length > 0 ? { kwargs: kwarg } : {}),
  }
  const given = {
    every: options.every,
    cron: options.cron,
    when: options.when,
    once: options.once,
    timezone: options.zone,
    splay: options.splay,
    tgt: options.tgt,
    tgt_type: options.tgtType,
  }
  for (const [key, value] of Object.entries(given)) if (value !== undefined) item[key] = value
  for (const text of options.set ?? []) {
    const [, key, value] = /^([a-z_]+)=(.*)$/s.exec(text) ?? []
    if (key === undefined)
      throw new ReactorError('usage', `--set takes option=value such as catch_up=last, got '${text}'`)
    item[key] = await parseValue(value!)
  }
  return item
}
