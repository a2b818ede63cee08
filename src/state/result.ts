// Results of states: what a function returned, checked, and as the run keeps it.
import { isObject, MAX_DEPTH } from '../base/json.ts'
import { cut } from '../base/text.ts'
import type { StateReturn } from '../functions/state-context.ts'
import type { StateResult } from '../functions/states.ts'
import type { Chunk } from './types.ts'

/** A return with what the run itself adds to it. */
export type Done = StateReturn & Pick<StateResult, 'skip_watch' | '__state_ran__'>

export const failed = (comment: string): Done => ({ result: false, changes: {}, comment })

/** Of a state that the run did not call. */
export const notRun = (result: boolean, comment: string): Done => ({
  result,
  changes: {},
  comment,
  __state_ran__: false,
})

export const hasChanges = ({ changes }: StateReturn): boolean => Object.keys(changes).length > 0

/** For others that ask for a change: that it would be changed is one, though not every state can say what. */
export const hasChanged = (done: StateReturn): boolean =>
  done.result === null || (done.result === true && hasChanges(done))

/** The return of `fun` where it has the shape of one, else a failed one that says what is wrong with it. */
export function checkReturn(value: unknown, fun: string): Done {
  const problem = problemOf(value)
  if (problem !== undefined)
    return failed(`${fun} does not return what a state function returns, {result, changes, comment}: ${problem}`)
  const { result, changes, comment, warnings, skip_watch, __jid__, __orchestration__ } = value as Done
  return {
    result,
    changes,
    comment,
    ...(warnings?.length ? { warnings } : {}),
    ...(skip_watch === true ? { skip_watch } : {}),
    ...(__jid__ === undefined ? {} : { __jid__ }),
    ...(__orchestration__ === true ? { __orchestration__ } : {}),
  }
}

function problemOf(value: unknown): string | undefined {
  if (!isObject(value)) return `it returned ${preview(value)}`
  const { result, changes, comment, warnings } = value
  if (result !== true && result !== false && result !== null)
    return `result is ${preview(result)}, not true, false or null`
  if (!isObject(changes)) return `changes is ${preview(changes)}, not a map`
  if (!isData(changes)) return 'changes holds what is no JSON, or is deeper than anybody reads'
  if (typeof comment !== 'string') return `comment is ${preview(comment)}, not a text`
  if (warnings !== undefined && !(Array.isArray(warnings) && warnings.every(one => typeof one === 'string')))
    return `warnings is ${preview(warnings)}, not a list of texts`
  return undefined
}

/** A circle has no end, and so is too deep; what is too deep for a reader would cost the return of the whole run. */
function isData(value: unknown, depth = MAX_DEPTH - AROUND): boolean {
  if (typeof value !== 'object' || value === null)
    return value === undefined || ['string', 'number', 'boolean', 'object'].includes(typeof value)
  return depth > 0 && Object.values(value).every(inner => isData(inner, depth - 1))
}

/** Levels of an event, or of a return, that are around the changes of a state. */
const AROUND = 20

const preview = (value: unknown): string => {
  try {
    return cut(JSON.stringify(value) ?? String(value), 80)
  } catch {
    // A cycle, or a number that JSON does not know.
    return `a ${typeof value} that is no JSON`
  }
}

/** When a state began, and how long ago that is. */
export function startTimer() {
  const at = new Date()
  const began = performance.now()
  return (): Pick<StateResult, 'start_time' | 'duration'> => ({
    start_time: timeOfDay(at),
    duration: Math.round((performance.now() - began) * 1000) / 1000,
  })
}

/** `17:52:04.123000`, local time, as Salt prints it. */
function timeOfDay(at: Date): string {
  const two = (part: number) => String(part).padStart(2, '0')
  const ms = String(at.getMilliseconds()).padStart(3, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}000`
}

export const resultOf = (
  chunk: Chunk,
  done: Done,
  times: Pick<StateResult, 'start_time' | 'duration'>,
  runNum: number,
): StateResult => ({
  name: chunk.name,
  ...done,
  __id__: chunk.__id__,
  __sls__: chunk.__sls__,
  __run_num__: runNum,
  ...times,
})
