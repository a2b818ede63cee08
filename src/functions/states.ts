// State runs of a minion, as functions ask for them.
import { isObject } from '../base/json.ts'
import type { FunctionDoc } from './help.ts'
import type { StateReturn } from './state-context.ts'

/** One state of a run that is over, under `<module>_|-<id>_|-<name>_|-<function>`. */
export interface StateResult extends StateReturn {
  name: string
  __id__: string
  __sls__: string
  __run_num__: number
  /** Of the day, local time, as Salt prints it: `17:52:04.123456`. */
  start_time: string
  /** Milliseconds. */
  duration: number
  /** A condition of it (`unless` and the like) said that there is nothing to do. */
  skip_watch?: true
  /** The run did not call it: a requisite failed, or asked for nothing. */
  __state_ran__?: false
}

export type StateRun = Record<string, StateResult>

/** By its shape, whoever it comes from: the values under its keys may still be of any type. An empty map says nothing. */
export function isStateRun(value: unknown): value is StateRun {
  if (!isObject(value)) return false
  const entries = Object.entries(value)
  const isOne = ([tag, one]: [string, unknown]) =>
    tag.split('_|-').length >= 4 && isObject(one) && 'result' in one && '__run_num__' in one
  return entries.length > 0 && entries.every(isOne)
}

export interface StateRunOptions {
  /** What was called, as those are told whom it keeps from running. */
  fun?: string
  saltenv?: string
  pillarenv?: string
  /** Only say what would be done. */
  test?: boolean
  /** Laid over the minion's pillar. */
  pillar?: Record<string, unknown>
  /** Only the states of this ID, and those that they need. */
  id?: string
  /** SLS names, or `{id: …}` and `{sls: …}`, that are left out. */
  exclude?: readonly unknown[]
  /** Waits while another state run goes on, instead of being refused; a number: with at most so many waiting. */
  queue?: boolean | number
  /** Runs beside another state run. */
  concurrent?: boolean
}

/** What a state run cannot begin with: one line for each thing that is wrong, as Salt returns them. The job fails. */
export type StateRefusal = readonly string[]

/** What to show instead of running it. */
export type StateView = 'high' | 'low'

export interface States {
  /** Runs the states of these SLS, or with undefined those that the top file gives this minion. */
  apply(mods: readonly string[] | undefined, options: StateRunOptions): Promise<StateRun | StateRefusal>
  /** Runs one state function. */
  single(
    fun: string,
    name: string,
    args: Record<string, unknown>,
    options: StateRunOptions,
  ): Promise<StateRun | StateRefusal>
  /** The data of these SLS, or of the highstate, merged (`high`) or in the order in which it would run (`low`). */
  show(view: StateView, mods: readonly string[] | undefined, options: StateRunOptions): Promise<unknown | StateRefusal>
  /** What the top file gives this minion: `{env: [sls, …]}`. */
  showTop(options: StateRunOptions): Promise<Record<string, string[]> | StateRefusal>
  /** Of state runs in hand: one line each, as Salt's `state.running`. */
  running(): string[]
  docs(): FunctionDoc[]
}
