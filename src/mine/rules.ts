// The rules of the mine: what a mine function's definition means, and who may read an entry. Pure.
import { ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { createBudget } from '../protocol/target/budget.ts'
import { resolveWithin } from '../protocol/target.ts'

/** Which minions may read an entry; they are targeted as jobs are. */
export interface Allow {
  tgt: string | string[]
  tgt_type: string
}

/** What is run for an entry of the mine. */
export interface MineFunction {
  fun: string
  arg: unknown[]
  kwarg: Record<string, unknown>
  allow?: Allow
}

/**
 * What `mine_functions` says of an entry, in Salt's forms: nothing, a list of arguments, a map of named ones, or a list
 * of both; `mine_function` names the function where the entry is called otherwise. Throws `bad_argument`.
 */
export function readMineFunction(name: string, definition: unknown): MineFunction {
  const items = isObject(definition) ? [definition] : (definition ?? [])
  if (!Array.isArray(items))
    throw wrong(name, `must be a list of arguments or a map of named ones, got ${JSON.stringify(definition)}`)
  const kwarg = Object.assign({}, ...items.filter(isObject)) as Record<string, unknown>
  return mineFunction(
    name,
    items.filter(item => !isObject(item)),
    kwarg,
  )
}

/** The same of arguments that are told apart already. Throws `bad_argument`. */
export function mineFunction(name: string, arg: unknown[], named: Readonly<Record<string, unknown>>): MineFunction {
  const { mine_function, allow_tgt, allow_tgt_type, ...kwarg } = named
  const fun = mine_function || name
  if (typeof fun !== 'string') throw wrong(name, `'mine_function' must be a text, got ${JSON.stringify(fun)}`)
  // An update that runs an update would have no end.
  if (fun.startsWith('mine.')) throw wrong(name, `'${fun}' is a function of the mine itself, which cannot go into it`)
  const allow = readAllow(name, allow_tgt, allow_tgt_type)
  return { fun, arg, kwarg, ...(allow ? { allow } : {}) }
}

function readAllow(name: string, tgt: unknown, type: unknown): Allow | undefined {
  // As in Salt: no target, or an empty one, allows everybody.
  if (tgt === undefined || tgt === null || tgt === '' || (Array.isArray(tgt) && tgt.length === 0)) return undefined
  const listed = Array.isArray(tgt) && tgt.every(id => typeof id === 'string')
  if (typeof tgt !== 'string' && !listed)
    throw wrong(name, `'allow_tgt' must be a text or a list of ids, got ${JSON.stringify(tgt)}`)
  if (type && typeof type !== 'string')
    throw wrong(name, `'allow_tgt_type' must be a text, got ${JSON.stringify(type)}`)
  return { tgt, tgt_type: typeof type === 'string' && type !== '' ? type : listed ? 'list' : 'glob' }
}

const wrong = (name: string, what: string) => new ReactorError('bad_argument', `mine entry '${name}': ${what}`)

export interface Reader {
  id: string
  grains: Record<string, unknown>
  readonly pillar?: Record<string, unknown> | undefined
}

export type Nodegroups = Readonly<Record<string, string | string[]>>

/** A rule that costs more than this for one reader is no rule that anybody needs. */
const RULE_BUDGET_MS = 500

/**
 * Whether a minion may read an entry; one without a rule is for everybody. As in Salt, who sent it is asked like the
 * others. Throws `bad_argument` on a rule that is no target, such as a nodegroup that is gone, or costs too much.
 */
export function mayRead(allow: Allow | undefined, reader: Reader, nodegroups: Nodegroups): boolean {
  if (!allow) return true
  const targets = { nodegroups, pillar: true }
  const budget = createBudget(RULE_BUDGET_MS)
  return resolveWithin(budget, allow.tgt, allow.tgt_type, [reader], targets).minions.includes(reader.id)
}

export interface MineEntry {
  minion: string
  name: string
  data: unknown
}

/** `{minion: data}` of one name, `{name: {minion: data}}` of several. */
export function shapeEntries(entries: readonly MineEntry[], byName: boolean): Record<string, unknown> {
  if (!byName) return Object.fromEntries(entries.map(({ minion, data }) => [minion, data]))
  const names = new Map<string, [string, unknown][]>()
  for (const { minion, name, data } of entries) {
    const known = names.get(name)
    if (known) known.push([minion, data])
    else names.set(name, [[minion, data]])
  }
  return Object.fromEntries([...names].map(([name, known]) => [name, Object.fromEntries(known)]))
}
