// `--return`, `--return-config`, `--return-kwargs` of a command line: the returners that get what a function returned besides.
import { type Command, Option } from 'commander'
import { ReactorError } from '../../base/errors.ts'
import { RETURNING, type Returning, returningOf } from '../../protocol/returning.ts'
import { readMap } from '../words.ts'

export interface ReturnOptions {
  return?: string
  returnConfig?: string
  /** As typed. */
  returnKwargs?: string
  /** Salt's spellings of the two. */
  return_config?: string
  return_kwargs?: string
}

export const withReturnOptions = (command: Command, names: string): Command =>
  command
    .option('--return <names>', names)
    .option('--return-config <name>', "with --return: the minion's settings under that name come before its others")
    .option(
      '--return-kwargs <map>',
      "with --return: settings that come before those of the minion, such as '{db: audit}'",
    )
    .addOption(new Option('--return_config <name>').hideHelp().conflicts('returnConfig'))
    .addOption(new Option('--return_kwargs <map>').hideHelp().conflicts('returnKwargs'))

/** Throws `usage`. */
export async function readReturning(options: ReturnOptions): Promise<Returning> {
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
