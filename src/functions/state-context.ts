// What state functions may use, and what they return.
import type { ExecutionContext } from './minion-context.ts'
import type { RunnerContext } from './runner-context.ts'

/** What a state function returns, in Salt's shape. */
export interface StateReturn {
  /** True: it is as it should be. False: it could not be made so. Null: it would be changed (`test=True`). */
  result: boolean | null
  /** What was changed, or would be; empty where nothing was. */
  changes: Record<string, unknown>
  comment: string
  warnings?: string[]
  /** Of a step of an orchestration: the job that it was, and that its changes are what that job returned. */
  __jid__?: string
  __orchestration__?: true
}

/** What `clean` has to know of a state. */
export interface RequiredState {
  /** `module.function` */
  fun: string
  name: string
  args: Readonly<Record<string, unknown>>
}

/** A state as it stands in a run. */
export interface StateOf {
  /** The ID that it is declared under. */
  id: string
  /** The SLS that declares it, and of which environment. */
  sls: string
  saltenv: string
  /** `module.function` */
  fun: string
  /** States that it requires, `require_in` included; `clean` of `file` states keeps what these manage. */
  required?: readonly RequiredState[]
}

export interface OfAState {
  /** The run shall only say what it would do. */
  readonly test: boolean
  readonly state: StateOf
  /** What states of one run share, such as that the list of packages is fresh; by keys of their own module. */
  readonly shared: Map<string, unknown>
}

export interface StateContext extends ExecutionContext, OfAState {}
export interface OrchestrationContext extends RunnerContext, OfAState {}
