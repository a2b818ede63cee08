// The real minion alone: a server with what a minion needs of CORE, and the minion's process, to be killed and started again.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { onTestFinished } from 'vitest'
import { provisionStreams } from '../../src/bus/provision.ts'
import { rawFromLive } from '../../src/bus/raw.ts'
import { type Event, readEvent } from '../../src/protocol/event.ts'
import { createJidSource } from '../../src/protocol/jid.ts'
import type { JobAnswer, JobMessage, JobReturn } from '../../src/protocol/job.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { holdToCatalogue } from '../helpers/conformance.ts'
import { testFolder } from '../helpers/folder.ts'
import { startRestartableServer } from '../helpers/restartable.ts'
import { createSeen } from '../helpers/wait.ts'
import { MAIN } from './reactor.ts'

const newJid = createJidSource()
const subjects = createSubjects('reactor')

export const job = (fun: string, arg: unknown[], kwarg: Record<string, unknown> = {}): JobMessage => ({
  jid: newJid(),
  fun,
  arg,
  kwarg,
  user: 'root',
  deadline: Date.now() + 60_000,
  run_until: Date.now() + 60_000,
  tgt: 'web1',
  tgt_type: 'glob',
  key: 'k',
  hops: 1,
})

/** `settings`: of the minion. */
export async function startAll(settings: Record<string, unknown> = {}) {
  const dir = await testFolder()
  const server = await startRestartableServer()
  const nc = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 0 })
  onTestFinished(async () => {
    await nc.close()
    await server.remove()
  })
  await provisionStreams(nc, 'reactor', DEFAULT_LIMITS)
  const events = createSeen<Event>()
  nc.subscribe(`${subjects.livePrefix}>`, {
    callback: (_error, message) => {
      const read = readEvent(subjects.livePrefix, rawFromLive(message))
      if (!read.ok) return
      holdToCatalogue(read.event)
      events.push(read.event)
    },
  })
  const answers = { grains: '{"ok":true}', beat: '', missed: '{"jobs":[]}' } as const
  for (const [service, answer] of Object.entries(answers))
    nc.subscribe(subjects.anyMinion(service as keyof typeof answers), {
      callback: (_error, message) => void message.respond(answer),
    })
  await nc.flush()
  const config = join(dir, 'config.json')
  await writeFile(config, JSON.stringify({ minion: settings }))

  let child: ChildProcess | undefined
  const starts = () => events.items.filter(({ tag }) => tag === 'salt/minion/web1/start').length
  const startMinion = async () => {
    const before = starts()
    child = spawn(
      process.execPath,
      [MAIN, 'minion', '--config', config, '--isolation', 'none', '--server', server.url, '--id', 'web1', '--dir', dir],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
    await events.find(({ tag }) => tag === 'salt/minion/web1/start' && starts() > before, 'the start of the minion')
  }
  const killMinion = async () => {
    const exit = once(child!, 'exit')
    child!.kill('SIGKILL')
    await exit
  }
  onTestFinished(async () => {
    if (child && child.exitCode === null && child.signalCode === null) await killMinion()
  })
  const send = async (sent: JobMessage) =>
    (await nc.request(subjects.job('web1'), JSON.stringify(sent), { timeout: 30_000 })).json<JobAnswer>()
  const returnsOf = ({ jid }: JobMessage) => events.items.filter(({ tag }) => tag === `salt/job/${jid}/ret/web1`)
  const returnOf = async (sent: JobMessage) => {
    const tag = `salt/job/${sent.jid}/ret/web1`
    return (await events.find(event => event.tag === tag, `the return of ${sent.fun}`)).data as unknown as JobReturn
  }
  const onDisk = () => readFile(join(dir, 'jobs.jsonl'), 'utf8')
  return { dir, server, nc, events, startMinion, killMinion, send, returnOf, returnsOf, onDisk }
}
