// A minion's jobs without its process, for tests: the engine on a folder of its own, that can be stopped and started again.
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import type { DurableMap } from '../../src/base/durable-map.ts'
import type { Fire } from '../../src/bus/fire.ts'
import { execution, type FunctionDefinition } from '../../src/functions/define.ts'
import { loadFunctions } from '../../src/functions/load.ts'
import type { ExecutionContext } from '../../src/functions/minion-context.ts'
import type { Registry } from '../../src/functions/registry.ts'
import { openFinishedJobs } from '../../src/minion/finished.ts'
import { type Held, openHeldJobs } from '../../src/minion/held.ts'
import { type JobEngine, type JobEngineParts, startJobEngine } from '../../src/minion/jobs.ts'
import type { Returners } from '../../src/minion/returners.ts'
import { createReturns } from '../../src/minion/returns.ts'
import type { MinionSchedule } from '../../src/minion/schedule.ts'
import type { SendPayload } from '../../src/payload/upload.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import type { JobMessage, JobReturn } from '../../src/protocol/job.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { createGate, createSeen } from '../helpers/wait.ts'

export const NOW = Date.UTC(2026, 10, 20, 9, 18, 20)
const newJid = createJidSource()
const shipped = await loadFunctions('execution')

export const job = (fun: string, more: Partial<JobMessage> = {}): JobMessage => ({
  jid: newJid(),
  fun,
  arg: [],
  kwarg: {},
  user: 'root',
  deadline: NOW + 1000,
  run_until: NOW + 60_000,
  tgt: '*',
  tgt_type: 'glob',
  key: 'k',
  hops: 2,
  ...more,
})

export interface FiredReturn {
  tag: string
  data: JobReturn
  id: string | undefined
  hops: number | undefined
  cause: string | undefined
  chain: string | undefined
}

/** The world around the engine: it outlives the engine's stops. */
export async function createWorld() {
  const dir = await testFolder()
  const clock = { now: NOW }
  const gate = createGate()
  const started = createSeen<string>()
  const returns = createSeen<FiredReturn>()
  const said = createSeen<string>()
  const pids = createSeen<number>()
  const { log, lines } = keptLog()
  /** How the server takes a return; replaced by tests. */
  const server: { fire: Fire; payload: SendPayload; maxPayload: number } = {
    fire: async () => ({ id: '', seq: 1 }),
    payload: async () => ({ ok: false, reason: 'nobody takes payloads' }),
    maxPayload: 1_048_576,
  }
  const own: Record<string, FunctionDefinition<'execution'>> = {
    'gate.wait': execution({
      doc: 'Runs until the gate opens, or its job is ended.',
      run: async (_args, { jid, signal }) => {
        started.push(jid)
        await Promise.race([gate.passed, new Promise(resolve => signal.addEventListener('abort', resolve))])
        return jid
      },
    }),
    'gate.deaf': execution({
      doc: 'Runs until the gate opens, whatever becomes of its job.',
      run: async (_args, { jid }) => {
        started.push(jid)
        await gate.passed
        return jid
      },
    }),
    'gate.return': execution({
      doc: 'x',
      args: { what: z.string() },
      run: ({ what }) => (RETURNS[what] ?? (() => 'x'.repeat(Number(what))))(),
    }),
    'gate.call': execution({
      doc: 'x',
      args: { fun: z.string(), arg: z.array(z.unknown()).default([]) },
      run: ({ fun, arg }, context) => context.call(fun, arg),
    }),
    'gate.context': execution({
      doc: 'x',
      run: (_args, { grains, mineFunctions, config, id, user, key }) => ({
        grains,
        mineFunctions,
        config,
        id,
        user,
        key,
      }),
    }),
    'gate.shell': execution({
      doc: 'Tells the pid of its shell.',
      args: { text: z.string() },
      run: ({ text }, context) =>
        context.call('cmd.run', [text], { python_shell: true, cwd: '/' }).finally(() => context.setRetcode(0)),
    }),
  }
  const registry = { ...shipped, get: (name: string) => own[name] ?? shipped.get(name) } as Registry<'execution'>
  const fire: Fire = async (tag, data, options = {}) => {
    const fired = await server.fire(tag, data, options)
    const { id, hops, cause, chain } = options
    returns.push({ tag, data: data as unknown as JobReturn, id, hops, cause, chain })
    return fired
  }

  /** Opens the files and starts the engine on them. */
  const start = async (
    options: {
      concurrency?: number
      cacheJobs?: number
      around?: Partial<JobEngineParts['around']>
      take?: Returners['take']
      /** The minion's own schedule, over the jobs in hand and the engine that is to take its runs. */
      schedule?: (held: DurableMap<Held>, take: JobEngine['take']) => MinionSchedule
    } = {},
  ): Promise<JobEngine & { file: Awaited<ReturnType<typeof openHeldJobs>>; close(): Promise<void> }> => {
    const file = await openHeldJobs(join(dir, 'jobs'), log)
    const finished = await openFinishedJobs(join(dir, 'finished'), options.cacheJobs ?? 100, log)
    const sent = createReturns({
      file,
      fire,
      returners: { take: (job, returned) => options.take?.(job, returned) ?? Promise.resolve() },
      sendPayload: (name, text) => server.payload(name, text),
      maxPayload: () => server.maxPayload,
      now: () => clock.now,
      log,
    })
    const schedule = options.schedule?.(file, job => engine.take(job))
    const engine: JobEngine = startJobEngine({
      id: 'm1',
      file,
      returns: sent,
      finished,
      around: {
        id: 'm1',
        registry,
        grains: () => ({ os: 'Debian' }),
        profiles: { smtp: {}, http: {} },
        dir,
        config: {},
        publicKey: async () => undefined,
        mineFunctions: {},
        mine: {} as ExecutionContext['mine'],
        bus: {} as ExecutionContext['bus'],
        returners: {} as ExecutionContext['returners'],
        schedule: schedule?.operations ?? ({} as ExecutionContext['schedule']),
        beacons: {} as ExecutionContext['beacons'],
        pillar: { current: () => ({ value: {}, errors: [] }), hide: value => value } as Partial<
          ExecutionContext['pillar']
        > as ExecutionContext['pillar'],
        files: {} as ExecutionContext['files'],
        states: () => ({}) as ExecutionContext['states'],
        render: async (_job, text) => text,
        refreshGrains: async () => undefined,
        peer: async () => Promise.reject(new Error('no peers here')),
        fire: async () => undefined,
        now: () => clock.now,
        log,
        ...options.around,
      },
      sayStarted: ({ jid }) => said.push(jid),
      ...(schedule ? { onEnded: schedule.ended } : {}),
      concurrency: options.concurrency ?? 5,
      now: () => clock.now,
      log,
    })
    schedule?.start()
    let closed = false
    /** The engine's stop and all after it, as in the process. */
    const close = async () => {
      if (closed) return
      closed = true
      await schedule?.stop()
      await engine.stop()
      await sent.settle(1000)
      await finished.close()
      await file.close()
    }
    onTestFinished(async () => {
      gate.open()
      await close()
    })
    return { ...engine, file, close }
  }
  const returnOf = async ({ jid }: { jid: string }) =>
    (await returns.find(one => one.data.jid === jid, `the return of ${jid}`)).data
  return { dir, clock, gate, started, returns, said, pids, log, lines, server, start, returnOf }
}

const RETURNS: Record<string, () => unknown> = {
  bigint: () => 10n,
  cyclic: () => {
    const value: Record<string, unknown> = {}
    value.self = value
    return value
  },
  deep: () => {
    let value: unknown = 1
    for (let n = 0; n < 600; n++) value = [value]
    return value
  },
  nothing: () => undefined,
}
