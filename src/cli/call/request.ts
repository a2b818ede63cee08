// The command line of `reactor call` as the request that it makes.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { ReactorError } from '../../base/errors.ts'
import type { PublishMessage } from '../../protocol/job.ts'
import { TARGET_TYPES, type TargetOption } from '../target-types.ts'
import { durationOption } from '../timeout.ts'
import { parseWords, readMap } from '../words.ts'
import { type ReturnOptions, readReturning, withReturnOptions } from './returning.ts'

type TargetOptions = Partial<Record<TargetOption, boolean>> & { subset?: number }

export interface RequestOptions extends TargetOptions, ReturnOptions {
  doc?: boolean
  /** Milliseconds. */
  runTimeout?: number
  /** As typed. */
  metadata?: string
}

function withTargetOptions(command: Command): Command {
  const options = TARGET_TYPES.map(
    ([letter, type, , what]) => new Option(`-${letter}, --${type.replace('_', '-')}`, what),
  )
  const names = options.map(option => option.attributeName())
  for (const option of options)
    command.addOption(option.conflicts(names.filter(name => name !== option.attributeName())))
  return command.option('--subset <n>', 'only so many of the minions that match, drawn by lot', wholeNumber)
}

export function withRequestOptions(command: Command): Command {
  const requesting = withTargetOptions(command)
    .addOption(durationOption('--run-timeout <duration>', 'within which the job must have ended; minions end it then'))
    .option('--metadata <map>', "kept with the job, for searches, such as '{ticket: 4711}'")
  return withReturnOptions(
    requesting,
    'returners that minions give the returns to besides, with commas, such as mysql,redis',
  )
}

/** What is to be published. Throws `usage`. */
export async function requestOf(
  tgt: string,
  fun: string | undefined,
  words: readonly string[],
  options: RequestOptions,
): Promise<PublishMessage> {
  if (!fun && !options.doc)
    throw new ReactorError('usage', "call needs a function, such as test.ping; 'reactor functions' lists them")
  return {
    tgt,
    tgt_type: targetType(options),
    ...(options.doc ? { fun: 'sys.doc', arg: fun ? [fun] : [] } : { fun: fun!, ...(await parseWords(words)) }),
    ...(options.subset === undefined ? {} : { subset: options.subset }),
    ...(options.runTimeout === undefined ? {} : { run_timeout: options.runTimeout / 1000 }),
    ...(options.metadata === undefined ? {} : { metadata: await readMap('--metadata', options.metadata) }),
    ...(await readReturning(options)),
  }
}

const targetType = (options: TargetOptions): string =>
  TARGET_TYPES.find(([, , option]) => options[option])?.[1] ?? 'glob'

export function wholeNumber(text: string): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || count < 1 || !Number.isSafeInteger(count))
    throw new InvalidArgumentError(`'${text}' is no whole number from 1 on.`)
  return count
}
