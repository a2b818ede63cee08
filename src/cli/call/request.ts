// The command line of `reactor call` as the request that it makes.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { ReactorError } from '../../base/errors.ts'
import { isObject } from '../../base/json.ts'
import type { PublishMessage } from '../../protocol/job.ts'
import { RETURNING, type Returning, returningOf } from '../../protocol/returning.ts'
import { TARGET_TYPES, type TargetOption } from '../target-types.ts'
import { durationOption } from '../timeout.ts'
import { parseValue, parseWords } from '../words.ts'

type TargetOptions = Partial<Record<TargetOption, boolean>> & { subset?: number }

export interface RequestOptions extends TargetOptions {
  doc?: boolean
  /** Milliseconds. */
  runTimeout?: number
  /** As typed. */
  metadata?: string
  return?: string
  returnConfig?: string
  returnKwargs?: string
  /** Salt's spellings of the two. */
  return_config?: string
  return_kwargs?: string
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
  return withTargetOptions(command)
    .addOption(durationOption('--run-timeout <duration>', 'within which the job must have ended; minions end it then'))
    .option('--metadata <map>', "kept with the job, for searches, such as '{ticket: 4711}'")
    .option('--return <names>', 'returners that minions give the returns to besides, with commas, such as mysql,redis')
    .option('--return-config <name>', "with --return: the minion's settings under that name come before its others")
    .option(
      '--return-kwargs <map>',
      "with --return: settings that come before those of the minion, such as '{db: audit}'",
    )
    .addOption(new Option('--return_config <name>').hideHelp().conflicts('returnConfig'))
    .addOption(new Option('--return_kwargs <map>').hideHelp().conflicts('returnKwargs'))
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

async function readReturning(options: RequestOptions): Promise<Returning> {
  const { return: ret, returnConfig = options.return_config, returnKwargs = options.return_kwargs } = options
  if (ret === undefined) {
    if (returnConfig === undefined && returnKwargs === undefined) return {}
    throw new ReactorError(
      'usage',
      `--return-${returnConfig === undefined ? 'kwargs' : 'config'} is for returners: name them with --return too`,
    )
  }
  const given: Returning = {
    ret,
    ...(returnConfig === undefined ? {} : { ret_config: returnConfig }),
    ...(returnKwargs === undefined
      ? {}
      : { ret_kwargs: await readMap('--return-kwargs', returnKwargs, '{db: audit}') }),
  }
  if (!RETURNING.ret.fits(ret) || !returningOf(given).ret)
    throw new ReactorError('usage', `--return takes ${RETURNING.ret.what}, got '${ret}'`)
  if (returnConfig !== undefined && !RETURNING.ret_config.fits(returnConfig))
    throw new ReactorError('usage', `--return-config takes ${RETURNING.ret_config.what}, got '${returnConfig}'`)
  return returningOf(given)
}

const targetType = (options: TargetOptions): string =>
  TARGET_TYPES.find(([, , option]) => options[option])?.[1] ?? 'glob'

export function wholeNumber(text: string): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || count < 1 || !Number.isSafeInteger(count))
    throw new InvalidArgumentError(`'${text}' is no whole number from 1 on.`)
  return count
}

/** The map that an option was given. Throws `usage`. */
export async function readMap(
  option: string,
  text: string,
  example = '{ticket: 4711}',
): Promise<Record<string, unknown>> {
  const value = await parseValue(text)
  if (isObject(value)) return value
  throw new ReactorError('usage', `${option} takes a map such as '${example}', got '${text}'`)
}
