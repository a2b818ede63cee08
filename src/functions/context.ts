// What a function may use while it runs. Functions get these as their second argument and import nothing of the processes.
import type { Log } from '../base/log.ts'
import type { JobRecord, JobReturn, PublishMessage } from '../protocol/job.ts'
import type { JobsPage, JobsRequest, JobView } from '../protocol/job-view.ts'
import type {
  ReactionDetail,
  ReactionOperation,
  ReactionResult,
  ReactionsPage,
  ReactionsRequest,
} from '../protocol/reaction-view.ts'
import type { Returning } from '../protocol/returning.ts'
import type {
  ActivationView,
  PartStored,
  PushRequest,
  PushResult,
  RuleShown,
  RulesView,
  SwitchResult,
} from '../protocol/rule-view.ts'
import type { ScheduleOperation } from '../protocol/schedule.ts'
import type { ValuePath } from '../protocol/trust.ts'
import type { FunctionDoc } from './help.ts'
import type { ScheduleOperations } from './schedule-operations.ts'

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

/** A job in hand on a minion, with the fields of Salt's `saltutil.running`. */
export interface RunningJob {
  jid: string
  fun: string
  /** As in events: positional ones, then one map of named ones that is marked; secrets left out. */
  arg: unknown[]
  tgt: string | string[]
  tgt_type: string
  user: string
  ret: string
  /** The entry of the minion's schedule that it is a run of. */
  schedule?: string
  /** Of the process that it started, or the minion's own where it runs inside. */
  pid: number
}

/** The jobs of this minion, for `saltutil`. */
export interface MinionJobs {
  /** Those that run now, this one included, in the order in which they started. */
  running(): RunningJob[]
  /**
   * Sends a signal (its number) to every process group of a running job. SIGTERM and SIGKILL also end what runs inside the
   * minion itself, and the job has a return in any case. The pids it went to, none: it has no process; undefined: no such job.
   */
  signal(jid: string, signal: number): number[] | undefined
  /** A finished job that this minion remembers, as its return. */
  cached(jid: string): Promise<JobReturn | undefined>
}

/** Returns that minions share by name; who may read one is said by who sends it. */
export interface Mine {
  send(name: string, data: unknown, allow?: { tgt: string | string[]; tgt_type: string }): Promise<void>
  /** Of every minion that matches and allows this one to read it: `{id: data}`, or by name for several names. */
  get(tgt: string | string[], names: string[], tgt_type: string): Promise<Record<string, unknown>>
  delete(name: string): Promise<void>
  /** Removes all entries of this minion, but those named. */
  flush(keep?: readonly string[]): Promise<void>
}

/** A return that did not get to its returner. */
export interface ParkedReturn {
  jid: string
  fun: string
  returner: string
  reason: string
  /** When it was parked. */
  _stamp: string
}

/** Of those that fit both; without any: all. */
export interface WhichReturns {
  returner?: string | undefined
  jid?: string | undefined
}

/** What waits for a returner. */
export interface WaitingReturns {
  returner: string
  returns: number
  bytes: number
  /** Why it does not take them now. */
  problem?: string
}

/** Returns of a minion on their way to returners, for `returners`. */
export interface MinionReturners {
  waiting(): WaitingReturns[]
  /** Those that never got there, the oldest first. */
  parked(which: WhichReturns): Promise<ParkedReturn[]>
  /** Gives parked ones to their returners again: how many wait for that now, and which cannot, with the reason for that. */
  retry(which: WhichReturns): Promise<{ retried: number; left: ParkedReturn[] }>
  /** Lets go of parked ones, and with `waiting` of what waits; how many. */
  drop(which: WhichReturns & { waiting: boolean }): Promise<number>
}

/** Execution functions run on a minion. */
export interface ExecutionContext extends CallContext {
  /** The minion's id. */
  readonly id: string
  readonly grains: Readonly<Record<string, unknown>>
  /** The minion's `module_config`: settings of modules, such as `service.init_dir`. */
  readonly config: Readonly<Record<string, unknown>>
  /** The public nkey that the minion logs in with; undefined where it has none yet. */
  publicKey(): Promise<string | undefined>
  /** The minion's `mine_functions`. */
  readonly mineFunctions: Readonly<Record<string, unknown>>
  readonly mine: Mine
  readonly jobs: MinionJobs
  readonly returners: MinionReturners
  /** The minion's own; without the minion itself it throws `unreachable`. */
  readonly schedule: ScheduleOperations
  /** The job's return code, 0 unless set: a non-zero one marks the return as failed. */
  setRetcode(retcode: number): void
  /** Says that this job has started a process that leads a group of its own, so that it can be signalled and ended. */
  onProcess(pid: number): void
  /** Collects the grains again and sends them up. */
  refreshGrains(): Promise<void>
  /** Calls another function of this minion as part of this job. Throws its failure. */
  call(fun: string, arg?: unknown[], kwarg?: Record<string, unknown>): Promise<unknown>
  /** Asks for a job on other minions and gathers its returns; refused unless the job workers' `peer` allows it. */
  peer(request: PublishRequest & { timeoutMs: number }): Promise<Gathered>
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

/**
 * The rules in force. Whoever may call a function that changes them must have the right to `rules.enable`, `rules.disable` or
 * `rules.push` itself, else it throws `forbidden`: what rules do is held to no role.
 */
export interface Rules {
  list(): Promise<RulesView>
  /** Throws `not_found`. */
  show(name: string): Promise<RuleShown>
  /** Newest first. */
  history(): Promise<ActivationView[]>
  /** All of them or none. Throws `not_found`. */
  switch(names: readonly string[], to: 'on' | 'off', reason?: string): Promise<SwitchResult>
  /** Throws `bad_rule` with all that is wrong; then nothing has changed. */
  push(request: PushRequest): Promise<PushResult | PartStored>
}

/**
 * What rules decided, and what became of it. Seen by whoever may read every event, else it throws `forbidden`; `act` also asks
 * for the right to `reactions.<operation>` itself: what a reaction does is held to no role.
 */
export interface Reactions {
  list(request: ReactionsRequest): Promise<ReactionsPage>
  /** Throws `not_found`. */
  show(key: string): Promise<ReactionDetail>
  /** Says of each what was done, or why nothing was; refusals are no errors. */
  act(operation: ReactionOperation, keys: readonly string[]): Promise<ReactionResult[]>
}

/**
 * The master's schedule, as the schedule worker that leads has it. A change takes the right to the runner function of that name
 * (`schedule.add`), and to have an entry run takes the right to what it runs; else it throws `forbidden`.
 */
export interface MasterSchedule {
  /** Throws `unreachable` where no schedule worker runs, `not_found`, `bad_argument`. */
  ask(operation: ScheduleOperation, ...args: unknown[]): Promise<unknown>
}

/**
 * Runner functions run on a job worker. The right to call one is no right to anything else: what it does in the name of the
 * operator who asked (`publish`, `gather`, `fire`, `cache`, `record`, `forgetMissed`) is held to that operator's own roles,
 * and throws `forbidden` or finds nothing. Asked for by a rule or a schedule, it may everything.
 */
export interface RunnerContext extends CallContext {
  /** Starts a job on minions; resolves once it is published, not once it is done. */
  publish(request: PublishRequest): Promise<{ jid: string; minions: string[] }>
  /** Starts a job on minions and waits for the returns; with nobody matching, all is empty. */
  gather(request: PublishRequest, timeoutMs: number): Promise<Gathered>
  /**
   * The same as a question of the function's own, whatever the operator may, under the user `runner:<function>`. Only with
   * a function and arguments that the code fixes and that change nothing. A target may be the caller's, where the right to
   * the runner function is one to ask about the whole fleet, by any grain: docs/operators.md says so of `manage.*`.
   */
  probe(request: PublishRequest, timeoutMs: number): Promise<Gathered>
  /** The job cache; without the right to everybody's jobs only the operator's own are in it. */
  readonly cache: {
    /** `source`: the returner whose store alone is asked. */
    job(jid: string, source?: string): Promise<JobView | null>
    /** The same job with its returns that are larger than a message in place. */
    whole(job: JobView): Promise<JobView>
    jobs(request: JobsRequest): Promise<JobsPage>
  }
  /** The record of a job with its arguments as they were given, while it is kept; another's only with the right to it. */
  record(jid: string): Promise<JobRecord | undefined>
  /** Minions that are away do not get a job any more when they come. Another's job only who may end it there. */
  forgetMissed(jid: string): Promise<void>
  readonly rules: Rules
  readonly reactions: Reactions
  readonly schedule: MasterSchedule
  /** The known minions with their grains, by id. */
  fleet(): { id: string; grains: Record<string, unknown> }[]
  /** Ids of the minions whose heartbeat is fresh. */
  connected(): Promise<string[]>
  /** The configuration in force, without secrets. */
  config(): Record<string, unknown>
}

/** Ids of minions by the state of their key, as Salt names the lists: `minions`, `minions_pre`, … */
export type KeyLists = Record<string, string[]>

/**
 * A glob over ids, or several with commas; or ids by Salt's names of the lists. With its key beside it (`{list: {id: nkey}}`) an
 * id counts only while its key there is that one.
 */
export type KeyMatch = string | Readonly<Record<string, readonly string[] | Readonly<Record<string, string>>>>

/** The keys of minions. Answers hold what was changed. */
export interface Keys {
  lists(match?: string): KeyLists
  /** The public nkeys, by list and id. */
  keys(match: KeyMatch): Record<string, Record<string, string>>
  accept(match: KeyMatch, options: { rejected: boolean; denied: boolean }): Promise<KeyLists>
  reject(match: KeyMatch, options: { accepted: boolean; denied: boolean }): Promise<KeyLists>
  delete(match: KeyMatch): Promise<KeyLists>
  /** Accepts a key for an id before the minion exists. Throws `bad_argument`, and where the id has another key unless `force`. */
  seed(id: string, nkey: string, force: boolean): Promise<void>
  /** The public key that signs logins. */
  master(): string | undefined
}

export interface JoinToken {
  /** What it is called in lists and events; no secret. */
  name: string
  /** Glob that the ids must match which it lets in. */
  ids: string
  /** Milliseconds since the epoch. */
  expires: number
  uses_left: number
  created_by: string
}

/** Tokens that let in the keys of new minions. */
export interface JoinTokens {
  /** The secret is given once, here. Throws `bad_argument`. */
  create(wanted: { ids: string; uses: number; expiresMs: number; by: string }): Promise<JoinToken & { token: string }>
  list(): JoinToken[]
  /** False: no such token. */
  revoke(name: string): Promise<boolean>
}

export interface OperatorView {
  name: string
  roles: string[]
  login: 'nkey' | 'password'
  nkey?: string
  /** Milliseconds since the epoch. */
  since: number
}

/** Operators that log in by the auth callout. */
export interface Operators {
  list(): OperatorView[]
  /** Throws `bad_argument` on a name that is taken or none, an unknown role, a malformed key or hash. */
  add(wanted: { name: string; roles: string[]; nkey?: string; password_hash?: string }): Promise<OperatorView>
  /** What is given is changed, and who is connected has to log in anew. Throws `not_found`, `bad_argument`. */
  change(name: string, wanted: { roles?: string[]; nkey?: string; password_hash?: string }): Promise<OperatorView>
  /** False: no such operator. */
  remove(name: string): Promise<boolean>
}

/** Wheel functions run in the master, on its own state. */
export interface WheelContext extends CallContext {
  readonly keys: Keys
  readonly tokens: JoinTokens
  readonly operators: Operators
  /** The configuration in force, without secrets. */
  config(): Record<string, unknown>
  /** Ids of the minions whose heartbeat is fresh. */
  connected(): string[]
}

export interface Contexts {
  execution: ExecutionContext
  runner: RunnerContext
  wheel: WheelContext
}
export type Kind = keyof Contexts
