// State runs in a few words: each state as it is done, and the whole run where it has returned.
import { cleanText } from '../base/clean.ts'
import { isObject } from '../base/json.ts'
import { isStateRun, type StateResult, type StateRun } from '../functions/states.ts'
import { cut } from './width.ts'

/** The state that an event of a run's progress tells of (`salt/job/<jid>/prog/<id>/<n>`, `salt/state_result/…`). */
export function stateOf(tag: string, data: Record<string, unknown>): StateResult | undefined {
  if (!PROGRESS.test(tag) || !isStateRun(data.ret)) return undefined
  return Object.values(data.ret)[0]
}

const PROGRESS = /^salt\/(?:(?:job|run)\/[^/]+\/prog|state_result)\//

/** The state run that a return is: of a minion, or of an orchestration (`{data: {<host>_master: <run>}, outputter, …}`). */
export function runOf(value: unknown): StateRun | undefined {
  if (isStateRun(value)) return value
  if (!isObject(value) || value.outputter !== 'highstate' || !isObject(value.data)) return undefined
  const [run] = Object.values(value.data)
  return isStateRun(run) ? run : undefined
}

/** `2/3 ✓ file.managed /etc/motd changed`; of one that failed with its comment. */
export function describeState(state: StateResult, { fun, len }: Record<string, unknown>, budget: number): string {
  const { result, changes, comment, __run_num__: at } = state
  const name = cut(cleanText(String(state.name).slice(0, budget * 4)), Math.max(8, Math.floor(budget / 2)))
  // What listens runs after all others, and is not counted among them.
  const place = typeof len === 'number' && Number(at) < len ? `${Number(at) + 1}/${len}` : `${Number(at) + 1}`
  const head = `${place} ${result === false ? '✗' : '✓'} ${cleanText(String(fun))} ${name}`
  if (result === false)
    return `${head}: ${cleanText(
      String(comment)
        .trim()
        .slice(0, budget * 4),
    )}`
  if (result === null) return `${head} would change`
  return isObject(changes) && Object.keys(changes).length > 0 ? `${head} changed` : head
}

/** `3 states, 1 failed, 2 changed` */
export function describeRun(run: StateRun): string {
  const states = Object.values(run)
  const count = (what: string, counts: (state: StateResult) => boolean) => {
    const number = states.filter(counts).length
    return number > 0 ? [`${number} ${what}`] : []
  }
  const hasChanges = ({ changes }: StateResult) => isObject(changes) && Object.keys(changes).length > 0
  return [
    states.length === 1 ? '1 state' : `${states.length} states`,
    ...count('failed', ({ result }) => result === false),
    ...count('changed', state => state.result !== null && hasChanges(state)),
    ...count('would change', ({ result }) => result === null),
  ].join(', ')
}
