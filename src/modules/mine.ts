// Module `mine`: returns that minions share by name through the cache worker.
import { z } from 'zod'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { execution } from '../functions/define.ts'
import { fixed, functionName, type Guard, target } from '../functions/guards.ts'
import type { ExecutionContext } from '../functions/minion-context.ts'
import { type MineFunction, mineFunction, readMineFunction } from '../mine/rules.ts'

/** Arguments of the function that is run, and how the mine is to take what it returns. */
const forwarded: Guard = {
  as: 'a setting of the mine',
  problem: (_value, [name]) =>
    ['mine_function', 'allow_tgt', 'allow_tgt_type'].includes(String(name))
      ? 'only the rule itself may say it'
      : undefined,
}
const targets = z.union([z.string().min(1), z.array(z.string()).min(1)])

export const send = execution({
  doc: `Runs a function and puts its return into the mine under its name; returns true once it is there.
    Further arguments are the function's, but for these by name:
    mine_function: the function to run, where the entry is to have another name.
    allow_tgt, allow_tgt_type: the minions that may read the entry; default: all.
    Example: reactor call web1 mine.send addresses ipv4 mine_function=grains.get allow_tgt='G@role:lb' allow_tgt_type=compound`,
  args: { name: z.string().min(1).describe('the name of the entry: the function itself, or any') },
  rest: 'args',
  extra: 'kwargs',
  guards: { name: functionName, kwargs: forwarded },
  idempotent: true,
  async run({ name, args, kwargs }, context) {
    await runAndSend(name, mineFunction(name, args, kwargs), context)
    return true
  },
})

export const get = execution({
  doc: `Returns what the minions targeted have in the mine and let this minion read: a map by minion, or, where several
    functions are named, by function and minion.
    Example: reactor call web1 mine.get 'G@os:Debian' addresses,test.version compound`,
  args: {
    tgt: targets.describe('which minions'),
    fun: targets.describe('names of entries, as a list or with commas'),
    tgt_type: z.string().nullish().describe('type of the target; default: glob, list for a list'),
    exclude_minion: z.boolean().default(false).describe('leave this minion itself out'),
  },
  guards: { tgt: target, tgt_type: fixed('the type of a target') },
  idempotent: true,
  async run({ tgt, fun, tgt_type, exclude_minion }, { id, mine }) {
    const listed = Array.isArray(fun) ? fun : fun.split(',')
    const names = [...new Set(listed.map(name => name.trim()).filter(Boolean))]
    if (names.length === 0) throw new ReactorError('bad_argument', 'mine.get: name at least one entry')
    const found = await mine.get(tgt, names, tgt_type ?? (Array.isArray(tgt) ? 'list' : 'glob'))
    const byName = names.length > 1
    const answer = byName
      ? Object.fromEntries(Object.entries(found).map(([name, of]) => [name, without(of, exclude_minion, id)]))
      : without(found, exclude_minion, id)
    // A list is answered by name, even if it is of one.
    const empty = Object.keys(answer).length === 0
    return byName || !Array.isArray(fun) || empty ? answer : { [names[0]!]: answer }
  },
})

export const update = execution({
  doc: `Runs the functions of mine_functions and puts their returns into the mine; returns true once all are there, null
    where there are none. Fails with the names of those that failed, after all others are there.
    Example: reactor call web1 mine.update mine_functions='{addresses: [{mine_function: grains.get}, ipv4]}'`,
  args: {
    clear: z.boolean().default(false).describe("removes this minion's entries of other names"),
    mine_functions: z
      .union([z.array(z.string()), z.record(z.string(), z.unknown())])
      .nullish()
      .describe("these instead of the configured ones: names, or a map as the minion's config has it"),
  },
  guards: { mine_functions: functionName },
  idempotent: true,
  async run({ clear, mine_functions }, context) {
    const wanted = functionsOf(mine_functions, context)
    if (wanted.length === 0) return null
    const failed: string[] = []
    for (const [name, definition] of wanted) {
      try {
        await runAndSend(name, readMineFunction(name, definition), context)
      } catch (error) {
        // The mine is away: every other would fail after its own wait.
        if (error instanceof ReactorError && error.code === 'unreachable') throw error
        failed.push(`${name}: ${errorMessage(error)}`)
      }
    }
    // After the new ones are there: nobody finds the mine empty meanwhile.
    if (clear) await context.mine.flush(wanted.map(([name]) => name))
    if (failed.length === 0) return true
    throw new ReactorError(
      'function_failed',
      `${failed.length} of ${wanted.length} entries of the mine could not be updated: ${failed.join('; ')}`,
    )
  },
})

const remove = execution({
  doc: `Removes an entry of this minion from the mine; returns true.
    Example: reactor call web1 mine.delete addresses`,
  args: { fun: z.string().min(1).describe('the name of the entry') },
  idempotent: true,
  async run({ fun }, { mine }) {
    await mine.delete(fun)
    return true
  },
})

export { remove as delete }

export const flush = execution({
  doc: `Removes all entries of this minion from the mine; returns true.
    Example: reactor call web1 mine.flush`,
  idempotent: true,
  async run(_args, { mine }) {
    await mine.flush()
    return true
  },
})

async function runAndSend(name: string, { fun, arg, kwarg, allow }: MineFunction, context: ExecutionContext) {
  const data = await context.call(fun, arg, kwarg)
  await context.mine.send(name, data, allow)
}

function functionsOf(
  given: string[] | Record<string, unknown> | null | undefined,
  context: ExecutionContext,
): [string, unknown][] {
  if (Array.isArray(given)) return given.map(name => [name, undefined])
  // As in Salt, an empty map means the configured ones.
  return Object.entries(given && Object.keys(given).length > 0 ? given : context.mineFunctions)
}

function without(found: unknown, exclude: boolean, id: string): Record<string, unknown> {
  const byMinion = found as Record<string, unknown>
  return exclude ? Object.fromEntries(Object.entries(byMinion).filter(([minion]) => minion !== id)) : byMinion
}
