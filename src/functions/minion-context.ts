// What an execution function may use on its minion, beside what every call has.
import type { JobReturn } from '../protocol/job.ts'
import type { BeaconOperations } from './beacon-operations.ts'
import type { CallContext, Gathered, PublishRequest } from './context.ts'
import type { MinionBus } from './minion-bus.ts'
import type { Files, MinionPillar, RenderOptions } from './minion-data.ts'
import type { ScheduleOperations } from './schedule-operations.ts'
import type { States } from './states.ts'

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
  /** The minion's own folder, absolute: what functions keep there is gone when somebody clears it. */
  readonly dir: string
  /** The minion's `module_config`: settings of modules, such as `service.init_dir`. */
  readonly config: Readonly<Record<string, unknown>>
  /** The public nkey that the minion logs in with; undefined where it has none yet. */
  publicKey(): Promise<string | undefined>
  /** The minion's `mine_functions`. */
  readonly mineFunctions: Readonly<Record<string, unknown>>
  readonly mine: Mine
  readonly jobs: MinionJobs
  readonly bus: MinionBus
  readonly returners: MinionReturners
  /** The minion's own; without the minion itself it throws `unreachable`. */
  readonly schedule: ScheduleOperations
  /** As `schedule`. */
  readonly beacons: BeaconOperations
  readonly pillar: MinionPillar
  readonly files: Files
  readonly states: States
  /** Renders a Jinja text with what a template of a minion sees: grains, pillar, salt, and `names` over them. Throws `template`. */
  render(text: string, options: RenderOptions): Promise<string>
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
