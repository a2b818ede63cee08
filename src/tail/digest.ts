// The data of an event in a few words: the most telling fields first by kind, the rest as key=value, never longer than
// asked for, whatever the data holds.

import { cleanText } from '../base/clean.ts'
import { isObject } from '../base/json.ts'
import { splitArgs } from '../protocol/salt-args.ts'
import { isFailure, isReturn, kindOf } from './colour.ts'
import { describeRun, describeState, runOf, stateOf } from './state-run.ts'
import { cut } from './width.ts'

/** Fields that say again what the line says already. */
const NOISE = new Set(['_stamp', 'cmd', 'pretag', 'pub', 'tag'])
/** Shown before others, in this order. */
const FIRST = [
  'id',
  'name',
  'fun',
  'act',
  'result',
  'state',
  'status',
  'new',
  'lost',
  'present',
  'error',
  'message',
  'comment',
]

/**
 * One line of at most `columns` columns, without control characters; an empty text where there is nothing to tell. An
 * `id` that is the origin's, which stands in the line already, is left out.
 */
export function digest(tag: string, data: Record<string, unknown>, columns: number, origin?: string): string {
  const { id, ...others } = data
  return cut(describe(tag, id === origin ? others : data, Math.max(columns, 8)), columns)
}

/** `salt/job/<jid>/prog/<id>/start` */
const JOB_START = /^salt\/job\/[^/]+\/prog\/.+\/start$/

function describe(tag: string, data: Record<string, unknown>, budget: number): string {
  const kind = kindOf(tag)
  if (typeof data.fun === 'string') {
    if (isReturn(tag)) return describeReturn(tag, data, budget)
    if ((kind === 'job' || kind === 'run' || kind === 'wheel') && tag.endsWith('/new')) return describeNew(data, budget)
    if (JOB_START.test(tag))
      return `${'id' in data ? `${brief(data.id, budget)} ` : ''}started ${brief(data.fun, budget)}`
    const state = stateOf(tag, data)
    if (state) return `${'id' in data ? `${brief(data.id, budget)} ` : ''}${describeState(state, data, budget)}`
  }
  if (kind === 'job' && tag.endsWith('/sent') && Array.isArray(data.offline)) return describeSent(data, budget)
  if (kind === 'minion' && typeof data.data === 'string' && tag.endsWith('/start'))
    return cleanText(data.data.slice(0, budget * 4))
  return fields(data, budget)
}

/** `web1 ✗ cmd.run retcode=2 'no such file'`, `web1 ✗ cmd.run died 'the minion died'`, `web1 ✓ cmd.run (5,242,880 bytes)` */
function describeReturn(tag: string, data: Record<string, unknown>, budget: number): string {
  const failed = isFailure(tag, data)
  const id = 'id' in data ? `${brief(data.id, budget)} ` : ''
  const retcode = failed && data.retcode !== undefined ? ` retcode=${brief(data.retcode, 12)}` : ''
  const how = data.outcome === 'died' ? ' died' : data.outcome === 'timed_out' ? ' timed out' : retcode
  return `${id}${failed ? '✗' : '✓'} ${brief(data.fun, budget)}${how}${returnedValue(data, budget)}`
}

/** One that lies apart from its event is told by its size. */
function returnedValue({ payload, ...data }: Record<string, unknown>, budget: number): string {
  if (isObject(payload) && typeof payload.size === 'number') return ` (${payload.size.toLocaleString('en')} bytes)`
  const run = runOf(data.return)
  if (run) return ` ${describeRun(run)}`
  return 'return' in data ? ` ${brief(data.return, budget)}` : ''
}

/** `offline=[web1] refused={db1: busy} waiting=12 minions`; nothing of the kind: all minions of the job run it. */
function describeSent({ offline, refused, waiting }: Record<string, unknown>, budget: number): string {
  const named = (label: string, ids: unknown[]) => {
    if (ids.length === 0) return []
    return [`${label}=${ids.length > 3 ? `${ids.length} minions` : brief(ids, budget)}`]
  }
  const reasons = isObject(refused) ? Object.keys(refused) : []
  const parts = [
    ...named('offline', Array.isArray(offline) ? offline : []),
    ...(reasons.length > 3
      ? named('refused', reasons)
      : reasons.length > 0
        ? [`refused=${brief(refused, budget)}`]
        : []),
    ...named('waiting', Array.isArray(waiting) ? waiting : []),
  ]
  return parts.join(' ') || 'all run it'
}

/** `cmd.run 'uptime' tgt=web* minions=[web1, web2] user=root` */
function describeNew(data: Record<string, unknown>, budget: number): string {
  const parts = [
    `${brief(data.fun, budget)}${callArgs(data.arg ?? data.fun_args, Math.max(20, Math.floor(budget / 3)))}`,
  ]
  const { tgt, tgt_type: type, minions, missing, user } = data
  if (tgt !== undefined)
    parts.push(
      `tgt=${brief(tgt, budget)}${type === undefined || type === 'glob' || type === 'list' ? '' : ` (${brief(type, 20)})`}`,
    )
  if (Array.isArray(minions))
    parts.push(minions.length > 3 ? `${minions.length} minions` : `minions=${brief(minions, budget)}`)
  if (Array.isArray(missing) && missing.length > 0) parts.push(`missing=${brief(missing, budget)}`)
  if (user !== undefined) parts.push(`user=${brief(user, budget)}`)
  return parts.join(' ')
}

/** Arguments as they were typed: positional ones, then `key=value`. */
function callArgs(args: unknown, budget: number): string {
  if (!Array.isArray(args) || args.length === 0) return ''
  const { arg, kwarg } = splitArgs(args)
  const texts = [...arg.slice(0, 10).map(value => brief(value, budget)), fields(kwarg, budget)].filter(Boolean)
  return texts.length > 0 ? ` ${cut(texts.join(' '), budget)}` : ''
}

/** `key=value` pairs, the telling ones first; stops once the budget is spent. */
function fields(data: Record<string, unknown>, budget: number): string {
  const keys = [
    ...FIRST.filter(key => Object.hasOwn(data, key)),
    ...Object.keys(data).filter(key => !FIRST.includes(key)),
  ]
  let out = ''
  for (const key of keys) {
    const value = data[key]
    if (value === undefined || NOISE.has(key)) continue
    out += `${out ? ' ' : ''}${cleanText(key.slice(0, budget))}=${brief(value, budget)}`
    if (out.length > budget * 2) break
  }
  return out
}

/** A value in short: texts bare where that is unmistakable, else quoted; maps and lists in one line, three levels deep. */
export function brief(value: unknown, budget: number, depth = 0): string {
  if (typeof value === 'string') {
    const text = cleanText(value.length > budget * 4 ? value.slice(0, budget * 4) : value)
    return text === '' || /[\s'",[\]{}=]/.test(text) ? `'${text}'` : text
  }
  if (Array.isArray(value)) return bracket('[', ']', value, item => brief(item, budget, depth + 1), budget, depth)
  if (isObject(value)) {
    const show = (key: string) => `${cleanText(key.slice(0, budget))}: ${brief(value[key], budget, depth + 1)}`
    return bracket('{', '}', Object.keys(value), show, budget, depth)
  }
  return String(value)
}

function bracket<T>(
  open: string,
  close: string,
  items: readonly T[],
  show: (item: T) => string,
  budget: number,
  depth: number,
): string {
  if (items.length > 0 && depth >= 3) return `${open}…${close}`
  let out = open
  for (const [index, item] of items.entries()) {
    if (out.length > budget * 2) return `${out}, …${close}`
    out += `${index > 0 ? ', ' : ''}${show(item)}`
  }
  return out + close
}
