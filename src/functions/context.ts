// What a function may use while it runs. Functions get these as their second argument and import nothing of the processes.
import type { Log } from '../base/log.ts'
import type { FunctionDoc } from './help.ts'

export type Profiles = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** What the rest of the program says about the call in hand; the same for every kind of function. */
export interface CallContext {
  /** The job's id, 20 digits. */
  readonly jid: string
  /** Who asked, as the server attested it, or the rule or schedule that did. */
  readonly user: string
  /** Names this piece of work over all its retries; goes out as Message-ID and Idempotency-Key. */
  readonly key: string
  readonly log: Log
  /** Aborts when the process stops. */
  readonly signal: AbortSignal
  /** Fires an event under this process's own origin, caused by this job; resolves once it is stored. */
  fire(tag: string, data: Record<string, unknown>): Promise<void>
  /** Named settings with hosts and secrets from this process's config: `profiles.smtp`, `profiles.http`. */
  readonly profiles: { readonly smtp: Profiles; readonly http: Profiles }
  /** The functions loaded beside this one, for help. */
  docs(): FunctionDoc[]
}

/** Execution functions run on a minion. */
export interface ExecutionContext extends CallContext {
  /** The minion's id. */
  readonly id: string
  readonly grains: Readonly<Record<string, unknown>>
  /** The minion's `module_config`: settings of modules, such as `service.init_dir`. */
  readonly config: Readonly<Record<string, unknown>>
  /** The job's return code, 0 unless set: a non-zero one marks the return as failed. */
  setRetcode(retcode: number): void
}

export interface PublishRequest {
  tgt: string | string[]
  tgt_type?: string
  fun: string
  arg?: unknown[]
  kwarg?: Record<string, unknown>
}

/** Runner functions run on a job worker. */
export interface RunnerContext extends CallContext {
  /** Starts a job on minions; resolves once it is published, not once it is done. */
  publish(request: PublishRequest): Promise<{ jid: string; minions: string[] }>
}

/** Wheel functions run in the master, on its own state. */
export interface WheelContext extends CallContext {
  /** The configuration in force, without secrets. */
  config(): Record<string, unknown>
  /** Ids of the minions whose heartbeat is fresh. */
  connected(): string[]
}

/** Returner functions take a return to a store of its own. */
export interface ReturnerContext extends CallContext {
  readonly options: Readonly<Record<string, unknown>>
}

export interface Contexts {
  execution: ExecutionContext
  runner: RunnerContext
  wheel: WheelContext
  returner: ReturnerContext
}
export type Kind = keyof Contexts
