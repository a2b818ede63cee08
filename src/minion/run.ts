// One job while it runs: its context, its processes, and its end: by itself, by a signal, by its time, or by the minion's stop.
import { constants } from 'node:os'
import { LONGEST_TIMER_MS } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { GRACE_MS, JobEnded, signalGroup } from '../execution/group.ts'
import { createGroups } from '../execution/groups.ts'
import { bindArgs } from '../functions/args.ts'
import { callFunction, type Outcome } from '../functions/call.ts'
import type { Gathered } from '../functions/context.ts'
import type { ExecutionContext } from '../functions/minion-context.ts'
import type { RenderOptions } from '../functions/minion-data.ts'
import type { Registry } from '../functions/registry.ts'
import type { States } from '../functions/states.ts'
import type { JobMessage, JobReturn } from '../protocol/job.ts'
import { everyArgument } from '../protocol/trust.ts'
import { hideReturn, refuseSecrets } from './hidden.ts'
import { hidingLog } from './hiding-log.ts'
import { returnOf, returnOfOutcome } from './job-return.ts'

/** What is the same for every job of a minion. */
export type Surroundings = Pick<
  ExecutionContext,
  | 'profiles'
  | 'dir'
  | 'config'
  | 'publicKey'
  | 'mineFunctions'
  | 'mine'
  | 'jobs'
  | 'bus'
  | 'returners'
  | 'schedule'
  | 'beacons'
  | 'pillar'
  | 'files'
  | 'refreshGrains'
> & {
  id: string
  /** State runs as part of a job. */
  states(job: ExecutionContext): States
  render(job: ExecutionContext, text: string, options: RenderOptions): Promise<string>
  /** As in a function's context, with the job that asks. */
  peer(request: Parameters<ExecutionContext['peer']>[0] & { cause: string }): Promise<Gathered>
  registry: Registry<'execution'>
  grains(): Readonly<Record<string, unknown>>
  /** Fires an event caused by a job; resolves once it is stored, or on disk while the link is down. */
  fire(job: JobMessage, tag: string, data: Record<string, unknown>): Promise<void>
  now(): number
  log: Log
}

/** Why a job is ended before it has done so itself. */
export interface Ending {
  words: string
  retcode: number
  outcome?: 'timed_out'
  /** Its process groups get this one; what does not end is killed after the grace. */
  signal: number
}

export interface JobRun {
  readonly job: JobMessage
  /** Its return, in any case. */
  readonly done: Promise<JobReturn>
  /** Pids of the process groups that it has started and that live. */
  pids(): number[]
  signal(signal: number): number[]
  /** Ends it. A function that takes no notice is left behind: the return does not wait for it. */
  end(ending: Ending): void
}

const TIMED_OUT = 124
const { SIGTERM, SIGKILL } = constants.signals
/** What a killed function gets to come back; one whose processes are only asked to end has their grace, and this. */
const LINGER_MS = 500

export function runJob(around: Surroundings, job: JobMessage, onProcess: (pid: number) => void): JobRun {
  const { id, registry, now } = around
  const controller = new AbortController()
  const groups = createGroups()
  // Whatever the job says or hands on is without the secrets of the pillar.
  const { hide } = around.pillar
  const log = hidingLog(around.log.child({ jid: job.jid, fun: job.fun }), hide)
  // Whatever such a job passes on may hold what it was given.
  const untrusted = job.untrusted?.length ? { paths: job.untrusted, by: job.user } : undefined
  let retcode = 0
  let ending: Ending | undefined
  /** The job is over, and its function goes on. */
  let behind = false
  let leave: () => void = () => undefined
  const left = new Promise<'left'>(resolve => {
    leave = () => resolve('left')
  })

  const end = (why: Ending) => {
    if (ending) {
      // Who is asked to end may still be killed.
      if (why.signal === SIGKILL && ending.signal !== SIGKILL) groups.signal(SIGKILL)
      return
    }
    ending = why
    groups.signal(why.signal)
    controller.abort(new JobEnded(why.words))
    setTimeout(leave, why.signal === SIGKILL ? LINGER_MS : GRACE_MS + LINGER_MS).unref()
  }
  const overtime = setOvertime(job.run_until, now, () => {
    const at = new Date(job.run_until).toISOString()
    end({
      words: `the job had not ended when its time was over (run_until ${at}); the minion ended it`,
      retcode: TIMED_OUT,
      outcome: 'timed_out',
      signal: SIGTERM,
    })
  })

  const context: ExecutionContext = {
    id,
    jid: job.jid,
    user: job.user,
    key: job.key,
    log,
    signal: controller.signal,
    get grains() {
      return around.grains()
    },
    profiles: around.profiles,
    dir: around.dir,
    config: around.config,
    publicKey: around.publicKey,
    mineFunctions: around.mineFunctions,
    mine: {
      ...around.mine,
      send: (name, data, allow) => around.mine.send(name, hide(data), allow),
    },
    jobs: around.jobs,
    bus: { fire: (tag, data) => around.bus.fire(hide(tag), hide(data)) },
    returners: around.returners,
    get schedule() {
      return around.schedule
    },
    get beacons() {
      return around.beacons
    },
    pillar: around.pillar,
    files: around.files,
    get states() {
      return around.states(context)
    },
    render: (text, options) => around.render(context, text, options),
    docs: () => registry.docs(),
    setRetcode: code => {
      retcode = code
    },
    onProcess(pid) {
      groups.add(pid)
      if (ending) signalGroup(pid, behind ? SIGKILL : ending.signal)
      onProcess(pid)
    },
    fire: (tag, data) => around.fire(job, hide(tag), hide(data)),
    refreshGrains: around.refreshGrains,
    peer: request => {
      refuseSecrets(request, hide)
      return around.peer({
        ...request,
        cause: job.jid,
        ...(untrusted ? { untrusted: everyArgument(request.arg, request.kwarg) } : {}),
      })
    },
    call: async (fun, arg = [], kwarg = {}) => {
      const fn = registry.get(fun)
      const forwarded = untrusted && { ...untrusted, paths: everyArgument(arg, kwarg) }
      return (await fn.run(bindArgs(fun, fn, arg, kwarg, forwarded), context)) ?? null
    },
  }

  const run = async (): Promise<JobReturn> => {
    const outcome = await Promise.race([callFunction(registry, job.fun, job.arg, job.kwarg, context, untrusted), left])
    overtime.clear()
    if (outcome === 'left') {
      behind = true
      groups.signal(SIGKILL)
      log.warn('a function took no notice of its end; what it does goes on without the job')
    }
    if (ending) {
      const { words, outcome: how } = ending
      const said = { ...returnOf(id, job, words, ending.retcode), success: false }
      return how ? { ...said, outcome: how } : said
    }
    return returnOfOutcome(id, job, outcome as Outcome, retcode, log)
  }

  const hidden = async (): Promise<JobReturn> => hideReturn(await run(), hide)

  return { job, done: hidden(), pids: groups.alive, signal: groups.signal, end }
}

/** A timer for a time that may lie further ahead than a timer can wait. */
function setOvertime(atMs: number, now: () => number, onTime: () => void): { clear(): void } {
  let timer: NodeJS.Timeout
  const arm = () => {
    const left = Math.max(atMs - now(), 0)
    timer = setTimeout(left > LONGEST_TIMER_MS ? arm : onTime, Math.min(left, LONGEST_TIMER_MS)).unref()
  }
  arm()
  return { clear: () => clearTimeout(timer) }
}
