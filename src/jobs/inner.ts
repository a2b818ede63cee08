// What a call runs besides: functions that are given the name of another one run it, so the right to that one is asked for too.
import { isObject } from '../base/json.ts'
import { type MineFunction, mineFunction, readMineFunction } from '../mine/rules.ts'
import { returnerRights } from '../protocol/returning.ts'

export interface InnerCall {
  fun: string
  arg: unknown[]
  kwarg: Record<string, unknown>
  /** On these minions, as it is asked there; undefined: where the call itself runs. */
  on?: { tgt: string | string[]; tgt_type: string }
  /** That its returns go to. */
  rights?: string[]
}

type Args = Readonly<Record<string, unknown>>

/**
 * The calls that are named in the arguments of a call. What it would take from a minion's own config is not among them, nor
 * what the function will refuse. Throws `bad_argument` on a definition of the mine that is none.
 */
export function innerCalls(fun: string, arg: readonly unknown[], kwarg: Args): InnerCall[] {
  if (fun === 'mine.send') return ofMineSend(arg, kwarg)
  if (fun === 'mine.update') return ofMineUpdate(arg[1] ?? kwarg.mine_functions)
  if (fun === 'schedule.add' || fun === 'schedule.modify') return ofSchedule(kwarg)
  if (fun === 'schedule.move' || fun === 'schedule.copy') return ofCarried(arg[1] ?? kwarg.target)
  return fun === 'saltutil.cmd' ? ofPeer(arg, kwarg) : []
}

/** All that a call runs besides, calls within calls too, as the rights that it takes; wherever it is. */
export const innerRights = (fun: string, arg: readonly unknown[], kwarg: Args): string[] =>
  innerCalls(fun, arg, kwarg).flatMap(inner => [
    inner.fun,
    ...(inner.rights ?? []),
    ...innerRights(inner.fun, inner.arg, inner.kwarg),
  ])

function ofMineSend(arg: readonly unknown[], { name, ...named }: Args): InnerCall[] {
  const [first, ...rest] = arg.length > 0 ? arg : [name]
  return first === undefined ? [] : [callOf(mineFunction(String(first), rest, named))]
}

function ofMineUpdate(given: unknown): InnerCall[] {
  const entries = Array.isArray(given) ? given.map((name): [string, unknown] => [String(name), undefined]) : []
  return [...entries, ...(isObject(given) ? Object.entries(given) : [])].map(([name, definition]) =>
    callOf(readMineFunction(name, definition)),
  )
}

const callOf = ({ fun, arg, kwarg }: MineFunction): InnerCall => ({ fun, arg, kwarg })

/** Of an entry that stands on a minion nobody can tell from here what it runs: it takes the right to all functions. */
const ANY = '*'

/** By the keys of an entry, and Salt's other names for them; a null is none. */
function ofSchedule(item: Args): InnerCall[] {
  const of = (...keys: string[]) => keys.map(key => item[key]).find(value => value !== undefined && value !== null)
  const [fun, arg, kwarg] = [of('function', 'func', 'fun'), of('args', 'job_args'), of('kwargs', 'job_kwargs')]
  const [returner, ret_kwargs] = [of('returner'), of('return_kwargs')]
  const ret = Array.isArray(returner) ? returner.join(',') : returner
  // Arguments, or settings of returners, of what the entry says already.
  const isPart = fun === undefined && (arg !== undefined || kwarg !== undefined)
  const rights = [
    ...(isPart || (ret === undefined && ret_kwargs !== undefined) ? [ANY] : []),
    ...returnerRights({ ret, ret_kwargs }),
  ]
  const call = { arg: Array.isArray(arg) ? arg : [arg], kwarg: isObject(kwarg) ? kwarg : {} }
  const [first, ...rest] = fun === undefined ? rights : [String(fun), ...rights]
  return first === undefined ? [] : [{ fun: first, ...call, rights: rest }]
}

const ofCarried = (target: unknown): InnerCall[] =>
  target === undefined
    ? []
    : [ANY, 'schedule.add'].map(fun => ({ fun, arg: [], kwarg: {}, on: { tgt: String(target), tgt_type: 'glob' } }))

const CMD = ['tgt', 'fun', 'arg', 'timeout', 'tgt_type', 'ret', 'kwarg', 'ret_config', 'ret_kwargs'] as const

/** By the names and places of the arguments of `saltutil.cmd`. */
function ofPeer(given: readonly unknown[], named: Args): InnerCall[] {
  const [tgt, fun, arg, , type = 'glob', ret, kwarg, , ret_kwargs] = CMD.map(
    (name, at) => given[at] ?? named[name] ?? undefined,
  )
  if (tgt === undefined || fun === undefined) return []
  const listed = Array.isArray(tgt)
  const tgt_type = listed && type === 'glob' ? 'list' : String(type)
  return [
    {
      fun: String(fun),
      arg: Array.isArray(arg) ? arg : [],
      kwarg: isObject(kwarg) ? kwarg : {},
      on: { tgt: listed ? tgt.map(String) : String(tgt), tgt_type },
      rights: returnerRights({ ret, ret_kwargs }),
    },
  ]
}
