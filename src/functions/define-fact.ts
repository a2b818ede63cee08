// How a fact of a user's own is declared: a file of the folder `facts/` whose default export it is, named as the file.
import { parseDuration } from '../base/duration.ts'
import { ReactorError } from '../base/errors.ts'

/** The event that a fact is asked for. */
export interface EventOfFact {
  tag: string
  data: Readonly<Record<string, unknown>>
  origin: string
  stamp: string
  /** Cached grains of the minion that sent it, where one did and they are known. */
  minion?: Readonly<Record<string, unknown>>
}

export interface FactSpec {
  /** What it says of an event, in a line. */
  doc: string
  /** A duration such as `500ms`; a number is seconds. Default `2s`. */
  timeout?: string | number
  /**
   * The value: JSON, or undefined where there is none. `params` is what the condition says beside `fact`. `signal` is
   * aborted when the time is over. What it throws parks the reactions of the rules that asked.
   */
  run(
    event: EventOfFact,
    params: Readonly<Record<string, unknown>>,
    options: { signal: AbortSignal },
  ): unknown | Promise<unknown>
}

const MARK = Symbol.for('reactor.fact')
const DEFAULT_MS = 2000
/** An event waits for its facts, and the reactor must have decided on it before it is given to another. */
const LONGEST_MS = 30_000

export interface FactDefinition extends Pick<FactSpec, 'doc' | 'run'> {
  readonly [MARK]: true
  readonly timeoutMs: number
}

/** Throws `bad_module` on a time that is none, or over 30 s. */
export function fact({ doc, timeout, run }: FactSpec): FactDefinition {
  if (typeof doc !== 'string' || typeof run !== 'function')
    throw new ReactorError('bad_module', 'a fact has a doc and a run: fact({ doc, run: async (event, params) => … })')
  return { [MARK]: true, doc: doc.trim(), timeoutMs: timeout === undefined ? DEFAULT_MS : readTimeout(timeout), run }
}

export function isFactDefinition(value: unknown): value is FactDefinition {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[MARK] === true
}

function readTimeout(timeout: string | number): number {
  const ms = parseDuration(timeout)
  if (ms >= 1 && ms <= LONGEST_MS) return ms
  throw new ReactorError('bad_module', `timeout: '${timeout}' is not between 1ms and ${LONGEST_MS / 1000}s`)
}
