// What is said of each state of a run while it goes on: `salt/job/<jid>/prog/<id>/<run number>`, or the event that the state
// itself asks for (`fire_event`).
import { errorMessage } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import { cut } from '../base/text.ts'
import type { StateResult } from '../functions/states.ts'
import { type jobProgress, type orchestrationProgress, stateResult } from '../protocol/catalogue/jobs.ts'
import { functionOf } from './chunk.ts'
import type { StateOver } from './run.ts'

export interface ProgressParts {
  id: string
  jid: string
  /** What tells of a state that asks for nothing else. */
  progress: typeof jobProgress | typeof orchestrationProgress
  /** Whether every state is told of, or only those with `fire_event`. */
  every: boolean
  fire(tag: string, data: Record<string, unknown>): Promise<void>
  log: Log
}

export interface Progress {
  /** Does not wait until it is stored. */
  over(state: StateOver): void
  /** Resolves once what was said is stored, or could not be. */
  said(): Promise<void>
}

/** Of one text, such as a diff, and of a whole result in an event: the job's return has all of it. */
const MOST_OF_TEXT = 4096
const MOST_OF_RESULT = 32_768

export function createProgress({ id, jid, progress, every, fire, log }: ProgressParts): Progress {
  const pending = new Set<Promise<void>>()
  const say = async ([tag, data]: [string, Record<string, unknown>]) => {
    try {
      await fire(tag, data)
    } catch (error) {
      log.debug({ tag, error: errorMessage(error) }, 'the progress of a state run could not be said')
    }
  }
  return {
    over({ tag, result, chunk, len }) {
      const own = chunk.fire_event
      const asked = own === true || typeof own === 'string'
      if (!every && !asked) return
      const about = { id, jid, fun: functionOf(chunk), len, ret: { [tag]: { ...bounded(result) } } }
      const told = asked
        ? stateResult.of({ jid, id, name: own === true ? result.name : own }, about)
        : progress.of({ jid, id, run_num: `${result.__run_num__}` }, about)
      const one = say(told).finally(() => pending.delete(one))
      pending.add(one)
    },
    said: async () => void (await Promise.all(pending)),
  }
}

/** The result, of a size that an event may have. */
export function bounded(result: StateResult): StateResult {
  const cutOf = shorten(result) as StateResult
  const { length } = JSON.stringify(cutOf)
  if (length <= MOST_OF_RESULT) return cutOf
  const changes = { left_out: `${length} characters of changes: the return of the job has them` }
  return { ...cutOf, comment: cut(cutOf.comment, MOST_OF_TEXT), changes: { ...changes }, warnings: [] }
}

function shorten(value: unknown): unknown {
  if (typeof value === 'string') return cut(value, MOST_OF_TEXT)
  if (Array.isArray(value)) return value.map(shorten)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shorten(inner)]))
}
