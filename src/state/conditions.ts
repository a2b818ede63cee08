// Conditions of a state: `unless`, `onlyif` and `creates` before it, `check_cmd` after it.
import { existsSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { FunctionDefinition } from '../functions/define.ts'
import { type Done, failed } from './result.ts'
import type { Chunk } from './types.ts'

/** How the conditions of a run are asked. */
export interface Conditions {
  /** A function that is asked as `{fun: …, args: […], <name>: …}`. Throws its failure. */
  call(fun: string, args: unknown[], named: Record<string, unknown>): Promise<unknown>
  /** The return code of a line that a shell reads, as Salt gives it to one; without it, lines are refused. */
  command?(line: string, chunk: Chunk): Promise<number>
  /** Whether paths are looked for where it runs, for `creates`. */
  paths?: boolean
}

type Ask = (entry: unknown, word: string) => Promise<boolean>

/** The result of a state that its conditions leave nothing to do; undefined: it is to run. Throws `bad_argument`, or a failure. */
export async function unwanted(
  chunk: Chunk,
  fn: FunctionDefinition,
  conditions: Conditions | undefined,
): Promise<Done | undefined> {
  const has = (word: string) => chunk[word] !== undefined && !Object.hasOwn(fn.args, word)
  const ask = asker(chunk, conditions)
  if (has('onlyif') && !(await every(chunk.onlyif, 'onlyif', ask))) return nothingToDo('onlyif condition is false')
  if (has('unless') && (await every(chunk.unless, 'unless', ask))) return nothingToDo('unless condition is true')
  if (has('creates')) {
    if (!conditions?.paths) throw notHere('creates')
    const paths = listOf(chunk.creates).map(absolute)
    if (paths.length > 0 && paths.every(path => existsSync(path)))
      return nothingToDo(Array.isArray(chunk.creates) ? 'All files in creates exist' : `${paths[0]} exists`)
  }
  return undefined
}

/** `check_cmd`: what its commands make of the result of a state that ran; a failed one stays so only where they fail too. */
export async function checked(
  chunk: Chunk,
  fn: FunctionDefinition,
  conditions: Conditions | undefined,
  done: Done,
): Promise<Done> {
  if (chunk.check_cmd === undefined || Object.hasOwn(fn.args, 'check_cmd')) return done
  if (await every(chunk.check_cmd, 'check_cmd', asker(chunk, conditions)))
    return { ...done, result: true, comment: 'check_cmd determined the state succeeded' }
  return { ...done, ...failed('check_cmd determined the state failed'), changes: done.changes }
}

const nothingToDo = (comment: string): Done => ({ result: true, changes: {}, comment, skip_watch: true })

/** One after another, up to the first that does not hold. */
async function every(given: unknown, word: string, ask: Ask): Promise<boolean> {
  const entries = listOf(given)
  if (entries.length === 0) throw new ReactorError('bad_argument', `${word} is empty: give it a command`)
  for (const entry of entries) if (!(await ask(entry, word))) return false
  return true
}

function asker(chunk: Chunk, conditions: Conditions | undefined): Ask {
  return async (entry, word) => {
    if (isObject(entry)) {
      const { fun, args = [], get_return, ...named } = entry
      if (typeof fun !== 'string')
        throw new ReactorError('bad_argument', `${word}: ${JSON.stringify(entry)} has no 'fun', the function to ask`)
      if (!conditions) throw notHere(word)
      const value = await conditions.call(fun, listOf(args), named)
      return isTrue(get_return === undefined ? value : valueAt(value, String(get_return)))
    }
    // YAML reads the commands `true` and `false` as what they mean.
    if (typeof entry === 'boolean') return entry
    if (typeof entry !== 'string')
      throw new ReactorError(
        'bad_argument',
        `${word}: ${JSON.stringify(entry)} is no command and no map with the function to ask ('fun')`,
      )
    if (!conditions?.command) throw notHere(`${word} with a command`)
    return (await conditions.command(entry, chunk)) === 0
  }
}

/** As Python has it. */
function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  return isObject(value) ? Object.keys(value).length > 0 : Boolean(value)
}

/** `a:b:0` */
function valueAt(value: unknown, path: string): unknown {
  return path.split(':').reduce<unknown>((inner, step) => {
    if (Array.isArray(inner)) return inner[Number(step)]
    return isObject(inner) && Object.hasOwn(inner, step) ? inner[step] : undefined
  }, value)
}

function absolute(path: unknown): string {
  if (typeof path === 'string' && isAbsolute(path)) return path
  throw new ReactorError('bad_argument', `creates: ${JSON.stringify(path)} is no absolute path`)
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value])

const notHere = (word: string) => new ReactorError('bad_argument', `${word} is not supported here`)
