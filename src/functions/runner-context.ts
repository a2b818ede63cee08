// What a runner function may use on its job worker, beside what every call has.
import type { JobRecord } from '../protocol/job.ts'
import type { JobsPage, JobsRequest, JobView } from '../protocol/job-view.ts'
import type { DeadItem, QueuedRun, QueueProcess } from '../protocol/queue.ts'
import type {
  ReactionDetail,
  ReactionOperation,
  ReactionResult,
  ReactionsPage,
  ReactionsRequest,
} from '../protocol/reaction-view.ts'
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
import type { CallContext, Gathered, PublishRequest } from './context.ts'
import type { Pillar, PillarRequest } from './minion-data.ts'
import type { States } from './states.ts'

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

/** Which store keeps the queue; null or absent: the one of the config. */
export interface QueueChoice {
  backend?: string | null | undefined
}

export interface TakeChoice extends QueueChoice {
  /** Calls that `insertRunner` kept, and not items. */
  runners?: boolean
}

/**
 * Queues of items, which are unique in each and go out in the order in which they came: docs/queues.md. Each operation takes the
 * right to the runner function of that name (`queue.insert`), else it throws `forbidden`. All throw `bad_argument` on a name that is
 * none, and `unreachable` or `store_refused` where the store is away or full.
 */
export interface Queues {
  /** A list is several items. Returns those that were there already, which are not inserted again. */
  insert(queue: string, items: unknown, options?: QueueChoice & { delayMs?: number }): Promise<unknown[]>
  /** Calls and dead items too; what is not there is no error. */
  delete(queue: string, items: unknown, options?: QueueChoice): Promise<void>
  list(options?: QueueChoice): Promise<string[]>
  /** Items and calls that wait or are given out. */
  length(queue: string, options?: QueueChoice): Promise<number>
  /** Oldest first. Without a limit it throws `bad_argument` where there are more than a call may name. */
  items(queue: string, options?: QueueChoice & { limit?: number }): Promise<unknown[]>
  pop(queue: string, quantity: number | 'all', options?: TakeChoice): Promise<unknown[]>
  /** Fires `salt/queue/<queue>/process` with the items, and removes them once that is stored. */
  process(queue: string, quantity: number | 'all', options?: TakeChoice): Promise<QueueProcess & { _stamp: string }>
  /** Keeps a call of a runner function, to be run with the rights that its caller has now. False: it is kept already. */
  insertRunner(
    call: { fun: string; args: unknown[]; kwargs: Record<string, unknown> },
    options?: QueueChoice & { queue?: string | undefined },
  ): Promise<boolean>
  /** Runs calls that were kept, one after the other. */
  processRunner(quantity: number | 'all', options?: QueueChoice & { queue?: string | undefined }): Promise<QueuedRun[]>
  /** Items that were given out too often and never finished. */
  dead(queue: string, options?: QueueChoice): Promise<DeadItem[]>
  /** They wait again; without items all of them. Returns how many. */
  retryDead(queue: string, items?: unknown, options?: QueueChoice): Promise<number>
}

/** Pillars of minions as the master makes them, with `[redacted]` in the place of secrets. Throws `unreachable`. */
export interface MinionPillars {
  /** From the grains that the minion sent last, or these. */
  show(minion: string, request?: PillarRequest & { grains?: Record<string, unknown> }): Promise<Pillar>
  /** What the top file gives it: `{env: [sls]}`. */
  top(
    minion: string,
    request?: PillarRequest,
  ): Promise<{ matches: Record<string, string[]>; errors: readonly string[] }>
}

/** What came of a function that was called as part of a job. */
export interface RanWithin {
  /** Of a runner function. */
  jid?: string
  success: boolean
  /** Without what only its caller is given; of a failure what went wrong. */
  return: unknown
}

/** What became of each machine that a call named. */
export interface CloudDone {
  done: Record<string, Record<string, unknown>>
  /** `Error` says why, `stage` where it ended, `left` what could not be taken away again. */
  failed: Record<string, Record<string, unknown>>
}

type ByProvider = Record<string, Record<string, Record<string, unknown>>>

/**
 * Machines of clouds: docs/cloud.md. Each operation takes the right to the runner function of that name (`cloud.create`), else it
 * throws `forbidden`; all throw `bad_argument` on names that are none.
 */
export interface Clouds {
  create(provider: string, instances: readonly string[], options: Record<string, unknown>): Promise<CloudDone>
  /** `options` over those of the profile. */
  profile(profile: string, instances: readonly string[], options: Record<string, unknown>): Promise<CloudDone>
  /** `missing`: names that no provider has. Throws `not_found` where none of them is there. */
  destroy(
    instances: readonly string[],
  ): Promise<{ destroyed: ByProvider; failed: CloudDone['failed']; missing: string[] }>
  /** `failed`: providers that could not be asked, and why. */
  query(full: boolean): Promise<{ machines: ByProvider; failed: Record<string, string> }>
  providers(): Record<string, Record<string, unknown>>
  /** Of one provider, or of `all`; without secrets. */
  profiles(provider: string): ByProvider
}

/** Runs of states on a job worker, whose steps are jobs. */
export interface Orchestrations extends Pick<States, 'apply' | 'single' | 'show'> {
  /** Under which their results stand: `<host>_master`, as in Salt. */
  readonly id: string
}

/**
 * Runner functions run on a job worker. The right to call one is no right to anything else: what it does in the name of the
 * operator who asked (`publish`, `gather`, `run`, `hear`, `fire`, `cache`, `record`, `forgetMissed`) is held to that operator's own roles,
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
  /** The minions that a job of this kind would be for now, with `fun` those on which the operator may call it. */
  resolve(request: PublishRequest): string[]
  /**
   * Calls another runner function, or a wheel function, as a job of its own, and waits for it. Throws `forbidden`,
   * `unknown_function`, and of a wheel function its failure.
   */
  run(kind: 'runner' | 'wheel', fun: string, arg?: unknown[], kwarg?: Record<string, unknown>): Promise<RanWithin>
  /**
   * Events that are stored from when it resolves on and whose tags match the glob (Salt's: `*` crosses `/`), until `signal`
   * aborts; those that the operator may not read are left out.
   */
  hear(
    glob: string,
    onEvent: (event: { tag: string; data: Record<string, unknown> }) => void,
    signal: AbortSignal,
  ): Promise<void>
  readonly orchestrations: Orchestrations
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
  readonly queues: Queues
  readonly clouds: Clouds
  readonly pillars: MinionPillars
  /** The known minions with their grains, by id. */
  fleet(): { id: string; grains: Record<string, unknown> }[]
  /** Ids of the minions whose heartbeat is fresh. */
  connected(): Promise<string[]>
  /** The same, and the ids that have an accepted key and are not connected; sorted. */
  presence(): Promise<{ connected: string[]; not_connected: string[] }>
  /** The configuration in force, without secrets. */
  config(): Record<string, unknown>
}
