// The real program under a burst of jobs while its processes are killed with -9 or stopped for a while: a jid runs at most
// once, every job that was taken has one return, and no job stays open.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ReactorError } from '../../src/base/errors.ts'
import { requestJson } from '../../src/bus/request.ts'
import { operatorInbox } from '../../src/protocol/inbox.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import type { JobSent } from '../../src/protocol/job.ts'
import type { JobView } from '../../src/protocol/job-view.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { type Running, startReactor } from './reactor.ts'

const subjects = createSubjects('reactor')
const newJid = createJidSource()
const RARELY = { interval: 500, timeout: 150_000 }
/** The minion itself has said how it ended. */
const ENDED: ReadonlySet<string> = new Set(['returned', 'failed', 'died'])

async function startAll() {
  const reactor = await startReactor({ args: ['--id', 'web1', '--no-tail'], config: { minion: { concurrency: 4 } } })
  onTestFinished(() => reactor.clean())
  const nc = await operator(reactor)
  const returns = new Map<string, number>()
  nc.subscribe('reactor.live.web1.salt.job.*.ret.web1', {
    callback: (_error, message) => {
      const jid = message.subject.split('.')[5]!
      returns.set(jid, (returns.get(jid) ?? 0) + 1)
    },
  })
  await nc.flush()
  const ran = async () => (await readFile(join(reactor.dir, 'ran'), 'utf8')).split('\n').filter(Boolean)
  return { reactor, nc, returns, ran }
}

async function operator(reactor: Running): Promise<NatsConnection> {
  const seed = (await readFile(join(reactor.dir, 'var/keys/admin.nk'), 'utf8')).trim()
  const nc = await connect({
    servers: reactor.ready.server,
    authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
    inboxPrefix: operatorInbox('admin'),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
  })
  onTestFinished(() => nc.close())
  return nc
}

/** Publishes jobs that each leave their jid in a file; those whose answer came. */
async function burst(
  { reactor, nc }: Pick<Awaited<ReturnType<typeof startAll>>, 'reactor' | 'nc'>,
  count: number,
  after: Record<number, () => void>,
) {
  const answered = new Map<string, JobSent>()
  const unanswered: string[] = []
  const running: Promise<void>[] = []
  for (let n = 0; n < count; n++) {
    after[n]?.()
    const jid = newJid()
    const body = {
      tgt: 'web1',
      fun: 'cmd.run',
      arg: [`echo ${jid} >> ${join(reactor.dir, 'ran')}`],
      kwarg: { python_shell: true },
      jid,
      // Far longer than a busy machine takes for all of them.
      timeout: 60,
      run_timeout: 70,
    }
    const publish = async () => {
      for (let tries = 0; ; tries++) {
        try {
          answered.set(
            jid,
            await requestJson<JobSent>(nc, subjects.publish, body, { timeoutMs: 30_000, what: 'publish' }),
          )
          return
        } catch (error) {
          // While no worker is there nothing has happened; after a request that got lost nobody knows.
          if ((error as ReactorError).code !== 'unreachable' || tries === 100) return void unanswered.push(jid)
          await new Promise(resolve => setTimeout(resolve, 100))
        }
      }
    }
    running.push(publish())
    if (n % 5 === 4) await new Promise(resolve => setTimeout(resolve, 30))
  }
  await Promise.all(running)
  return { answered, unanswered }
}

const viewOf = async (nc: NatsConnection, jid: string) =>
  (await requestJson<{ job: JobView | null }>(nc, subjects.historyJob, { jid }, { timeoutMs: 30_000, what: 'history' }))
    .job

describe.each([
  ['the job worker is killed', 'jobs', 'SIGKILL'],
  ['the cache worker is killed', 'cache', 'SIGKILL'],
  ['the minion is killed', 'minion', 'SIGKILL'],
  ['the nats-server is killed', 'nats-server', 'SIGKILL'],
  ['the minion is stopped for four seconds', 'minion', 'SIGSTOP'],
] as const)('a burst of jobs in whose middle %s', (_what, victim, signal) => {
  it('has one return a job, runs none twice, and leaves none open', async () => {
    const all = await startAll()
    const { reactor, nc, returns, ran } = all
    const pid = reactor.ready.processes[victim]!
    const hit = () => {
      process.kill(pid, signal)
      if (signal === 'SIGSTOP') setTimeout(() => process.kill(pid, 'SIGCONT'), 4000)
    }
    const { answered, unanswered } = await burst(all, 150, { 50: hit })
    expect(answered.size).toBeGreaterThan(0)
    const views = (jids: Iterable<string>) => Promise.all([...jids].map(jid => viewOf(nc, jid)))
    // By the job cache: what is stored while this client is away itself does not reach it.
    const open = async () => (await views(answered.keys())).filter(job => !ENDED.has(job!.states.web1!))
    await expect.poll(open, RARELY).toEqual([])
    await expect.poll(async () => (await views(unanswered)).filter(job => job?.active), RARELY).toEqual([])
    for (const job of await views(unanswered))
      if (job) expect(job.states.web1).toMatch(job.returns.web1 ? /^(returned|failed|died)$/ : /^(offline|timed_out)$/)
    expect([...returns.values()].filter(count => count !== 1)).toEqual([])
    const lines = await ran()
    expect(new Set(lines).size).toBe(lines.length)
  }, 300_000)
})
