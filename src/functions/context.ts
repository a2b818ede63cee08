// What a function may use while it runs. Functions get these as their second argument and import nothing of the processes.
import type { Log } from '../base/log.ts'
import type { JobReturn, PublishMessage } from '../protocol/job.ts'
import type { Returning } from '../protocol/returning.ts'
import type { ValuePath } from '../protocol/trust.ts'
import type { FunctionDoc } from './help.ts'
import type { ExecutionContext } from './minion-context.ts'
import type { RunnerContext } from './runner-context.ts'
import type { OrchestrationContext, StateContext } from './state-context.ts'
import type { WheelContext } from './wheel-context.ts'

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

export type PublishRequest = Pick<
  PublishMessage,
  'tgt' | 'tgt_type' | 'fun' | 'arg' | 'kwarg' | 'timeout' | 'run_timeout' | 'subset' | 'metadata' | keyof Returning
> & {
  /** Values in it that an event filled, as far as the function knows; a call that was given any marks all of them. */
  untrusted?: readonly ValuePath[]
}

/** What came of a job that was started and waited for. */
export interface Gathered {
  jid: string
  minions: string[]
  returns: Record<string, JobReturn>
  offline: string[]
  refused: Record<string, string>
  /** They took it and did not return in time. */
  silent: string[]
}

export interface Contexts {
  execution: ExecutionContext
  runner: RunnerContext
  wheel: WheelContext
  /** State functions, run on a minion as part of a state run. */
  state: StateContext
  /** State functions of an orchestration, run on a job worker. */
  orchestration: OrchestrationContext
}
export type Kind = keyof Contexts
