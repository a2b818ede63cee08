// What runner functions may use of a job worker. Whatever they do in an operator's name is held to that operator's roles, so
// that nobody reaches through a runner what they may not do themselves.
import type { NatsConnection } from '@nats-io/transport-node'
import { ReactorError } from '../base/errors.ts'
import { cut } from '../base/text.ts'
import { requestJson } from '../bus/request.ts'
import type { JobCache } from '../cache/client.ts'
import type { MinionEntry } from '../fleet/registry.ts'
import type { CallContext } from '../functions/context.ts'
import type { MinionPillars, RunnerContext } from '../functions/runner-context.ts'
import { maySeeJob } from '../operators/authority.ts'
import { createTagCheck, notAllowed } from '../operators/may.ts'
import { fetchWholeJob } from '../payload/fetch.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { TargetContext } from '../protocol/target.ts'
import { escapeToken } from '../protocol/token.ts'
import { causedBy } from '../protocol/trace.ts'
import { extendContext } from './call-context.ts'
import type { ReactionControl } from './control/reactions.ts'
import { forwarding } from './forwarding.ts'
import type { Gather } from './gather.ts'
import type { Missed } from './missed.ts'
import type { OpenOrchestrations } from './orchestrate.ts'
import type { PublishJob, ResolveJob } from './publish.ts'
import type { JobRecords } from './records.ts'
import type { FunctionCall } from './run-function.ts'
import { type InnerCallParts, runnerCalls } from './runner-calls.ts'
import { type CloudsOfWorker, runnerClouds } from './runner-clouds.ts'
import { runnerEvents } from './runner-events.ts'
import { type QueueParts, runnerQueues } from './runner-queues.ts'
import { runnerReactions } from './runner-reactions.ts'
import { type RuleParts, runnerRules } from './runner-rules.ts'
import { runnerSchedule } from './runner-schedule.ts'
import type { AskSchedule } from './schedule-client.ts'
import { createLookUp, type LookUpParts } from './schedule-functions.ts'
import { wheelRequest } from './wheel-client.ts'

export interface RunnerContextParts {
  nc: NatsConnection
  subjects: Subjects
  publishJob: PublishJob
  resolveJob: ResolveJob
  gather: Gather
  cache: JobCache
  records: Pick<JobRecords, 'find'>
  missed: Pick<Missed, 'forget'>
  fleet: { values: ReadonlyMap<string, MinionEntry> }
  targets: TargetContext
  rules: RuleParts
  reactions: ReactionControl
  schedule: AskSchedule
  minionFunctions: LookUpParts['minionFunctions']
  queues: QueueParts
  clouds: CloudsOfWorker
  pillars: MinionPillars
  inner: Omit<InnerCallParts, 'nc' | 'subjects'>
  orchestrations: OpenOrchestrations
  config(): Record<string, unknown>
}

const CONNECTED_TIMEOUT_MS = 5000
/** Bytes that runner functions get of all the returns of a stored job. */
const MOST_OF_JOB = 64 * 1024 * 1024
/** Who may call one of these on a minion may take away a job that waits for it. */
const ENDING = ['saltutil.kill_job', 'saltutil.term_job']

export function createRunnerContext(parts: RunnerContextParts) {
  const { nc, subjects, publishJob, resolveJob, gather, cache, records, missed } = parts
  const fleet = { minion: (id: string) => parts.fleet.values.get(escapeToken(id)), targets: parts.targets }

  const extend = (context: CallContext, call: FunctionCall & { jid: string }): RunnerContext => {
    const { user, grants } = call
    const trace = causedBy(call.jid, call)
    const asked = { user, ...(call.source ? { source: call.source } : {}), ...(grants ? { grants } : {}), ...trace }
    const own = { user: `runner:${call.fun}`, ...trace }
    const sees = (job: { user: string }) => maySeeJob(user, grants?.(), job)
    const visible = async <T extends { user: string }>(job: Promise<T | null | undefined>) => {
      const found = await job
      return found && sees(found) ? found : undefined
    }
    const { fire } = context
    const askMaster = <T>(fun: string): Promise<T> => {
      const { headers, body } = wheelRequest({ user, arg: [], kwarg: {}, ...trace, hops: trace.hops + 1 })
      return requestJson(nc, subjects.wheel(fun), body, {
        timeoutMs: CONNECTED_TIMEOUT_MS,
        headers,
        what: `wheel ${fun}`,
      })
    }
    return extendContext<RunnerContext>(context, {
      async fire(tag, data) {
        // What tells of the function's own job is its own; the rest would be said by the operator with the worker's voice.
        const mayFire = !grants || tag.startsWith(`salt/run/${call.jid}/`) || createTagCheck(grants().fire)(tag)
        if (!mayFire)
          throw new ReactorError('forbidden', `'${user}' may not fire '${cut(tag, 200)}': no role of theirs grants it`)
        await fire(tag, data)
      },
      publish: request => publishJob(...forwarding(request, call, asked)),
      gather: (request, timeoutMs) =>
        gather(...forwarding(request, call, asked), { timeoutMs, signal: context.signal }),
      probe: (request, timeoutMs) => gather(...forwarding(request, call, own), { timeoutMs, signal: context.signal }),
      resolve: request => resolveJob(forwarding(request, call, asked)[0], asked).minions,
      run: runnerCalls({ nc, subjects, ...parts.inner }, call, asked),
      hear: runnerEvents(parts, call),
      // What of an event comes into one has been looked at by then, by the guard of its pillar: steps are not its carriers.
      orchestrations: parts.orchestrations(() => extend(Object.create(context), { ...call, untrusted: undefined })),
      cache: {
        job: async (jid, source) => (await visible(cache.job(jid, source))) ?? null,
        jobs: request => (grants && grants().jobs !== 'all' ? cache.jobs({ ...request, user }) : cache.jobs(request)),
        whole: job => fetchWholeJob({ nc, subjects }, job, MOST_OF_JOB),
      },
      record: jid => visible(records.find(jid)),
      async forgetMissed(jid) {
        const record = grants && (await records.find(jid))
        if (grants && record && record.user !== user) {
          const minions = record.minions ?? []
          if (ENDING.every(fun => notAllowed(grants(), fun, minions, fleet).length > 0))
            throw new ReactorError(
              'forbidden',
              `'${user}' may not end job ${jid}: no role of theirs grants ${ENDING[0]} on its minions`,
            )
        }
        await missed.forget(jid)
      },
      rules: runnerRules(parts.rules, call),
      reactions: runnerReactions(parts.reactions, call),
      schedule: runnerSchedule(
        parts.schedule,
        call,
        fleet,
        createLookUp({
          ...parts.inner,
          listWheels: () => askMaster('sys.list_functions'),
          minionFunctions: parts.minionFunctions,
        }),
      ),
      queues: runnerQueues(parts.queues, call, () => context.docs().map(({ name }) => name)),
      clouds: runnerClouds(parts.clouds, call, context.signal),
      pillars: parts.pillars,
      fleet: () => [...parts.fleet.values.values()],
      connected: () => askMaster('minions.connected'),
      presence: () => askMaster('minions.presence'),
      config: parts.config,
    })
  }
  return extend
}
