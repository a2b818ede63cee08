// Machines that are processes, for real: the driver as it is built, since a machine is a program of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { isRunning, processStart } from '../../src/base/process-start.ts'
import type { CloudDefinition, CloudInstance, OpenCloud } from '../../src/functions/define-cloud.ts'
import type { JobMessage } from '../../src/protocol/job.ts'
import { isAlive, ROOT } from '../e2e/reactor.ts'
import { type Core, openCore } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen, type Seen, untilTaken } from '../helpers/wait.ts'

type Machines = OpenCloud<{ size: number }>

let server: TestServer
let definition: CloudDefinition
beforeAll(async () => {
  server = await startTestServer()
  definition = (await import(pathToFileURL(join(ROOT, 'dist/clouds/process.js')).href)).default
})
afterAll(() => server?.stop())

const signal = new AbortController().signal
const profile = { size: 96 }

/** As a job worker has it that starts now. */
async function worker(dir: string): Promise<Machines> {
  const options = definition.options.parse({ most: 3 })
  return (await definition.open(options, { provider: 'local', dir, log: silentLog })) as Machines
}

async function open() {
  const dir = join(await testFolder(), 'local')
  const cloud = await worker(dir)
  onTestFinished(async () => {
    for (const machine of await cloud.list(signal)) await cloud.destroy(machine, signal)
  })
  const running = async (name: string): Promise<CloudInstance> => {
    const { id } = await cloud.request({ name, profile }, signal)
    await until(`${name} answers`, async () => {
      const machine = await cloud.query(id, signal)
      return machine?.state === 'running' && (await cloud.answers(machine, signal))
    })
    return (await cloud.query(id, signal))!
  }
  const minionOf = async (name: string, core: Core) => {
    const machine = await running(name)
    const config = { namespace: core.ns, servers: [server.url], isolation: 'none', minion: { id: name } }
    const beats = beatsOf(core, name)
    const { public_key } = await cloud.deploy(machine, { id: name, config }, signal)
    await beats.reach(1)
    return { machine, public_key, beats, ...(await pidsOf(cloud, machine.id)) }
  }
  return { dir, cloud, running, minionOf }
}

/** A minion that starts says that it is there. */
function beatsOf({ nc, subjects }: Core, name: string): Seen<number> {
  const beats = createSeen<number>()
  nc.subscribe(subjects.ofMinion('beat', name), {
    callback: (_error, message) => {
      beats.push(Date.now())
      message.respond()
    },
  })
  return beats
}

async function pidsOf(cloud: Machines, id: string): Promise<{ pid: number; minion: number }> {
  const { pid, minion_pid } = (await cloud.query(id, signal))!.extra!
  return { pid: pid as number, minion: minion_pid as number }
}

const until = (what: string, holds: () => boolean | Promise<boolean>) =>
  untilTaken(what, async () => {
    if (!(await holds())) throw new Error(`not yet: ${what}`)
  })
/** The process of a job of that minion, which stays until it is ended. */
async function startJob({ nc, subjects }: Core, name: string): Promise<number> {
  const file = join(await testFolder(), 'pid')
  const job: JobMessage = {
    ...{ jid: '20260101000000000001', fun: 'cmd.shell', arg: [`echo $$ > ${file}; exec sleep 1000`], kwarg: {} },
    ...{ user: 'root', deadline: Date.now() + 60_000, run_until: Date.now() + 600_000 },
    ...{ tgt: name, tgt_type: 'glob', key: 'k', hops: 1 },
  }
  await untilTaken('a minion that takes jobs', async () => {
    const answer = await nc.request(subjects.job(name), JSON.stringify(job))
    expect(answer.json()).toEqual({ accepted: true })
  })
  let pid = 0
  await until('its process', async () => {
    pid = Number(await readFile(file, 'utf8'))
    return pid > 1
  })
  const start = processStart(pid)
  onTestFinished(() => {
    if (isRunning(pid, start)) process.kill(pid, 'SIGKILL')
  })
  return pid
}
const gone = (...pids: number[]) => until(`the end of ${pids}`, () => !pids.some(isAlive))
const filesIn = (dir: string) => readdir(dir).catch(() => [])

describe('a machine that is a process', () => {
  it('is asked for, answers, runs a minion with its own key, and leaves nothing', async () => {
    const core = await openCore(server)
    const { dir, cloud, minionOf } = await open()
    const { machine, public_key, pid, minion } = await minionOf('vm1', core)
    expect(machine).toMatchObject({
      name: 'vm1',
      state: 'running',
      size: '96',
      private_ips: ['127.0.0.1'],
      public_ips: [],
    })
    expect(await cloud.list(signal)).toMatchObject([{ id: machine.id, public_key }])
    expect(JSON.stringify(await cloud.list(signal))).not.toContain('token')
    await cloud.destroy(machine, signal)
    await gone(pid, minion)
    expect(await cloud.query(machine.id, signal)).toBeUndefined()
    expect(await filesIn(dir)).toEqual([])
  })

  it('is there once under a name, of two calls at once too', async () => {
    const { dir, cloud } = await open()
    const asked = await Promise.allSettled([1, 2].map(() => cloud.request({ name: 'vm1', profile }, signal)))
    expect(asked.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    await expect(cloud.request({ name: 'vm1', profile }, signal)).rejects.toMatchObject({ code: 'bad_argument' })
    expect(await filesIn(dir)).toEqual(['vm1'])
  })

  it('is one of so many as the provider may have', async () => {
    const { cloud } = await open()
    const names = ['vm1', 'vm2', 'vm3', 'vm4']
    const asked = await Promise.allSettled(names.map(name => cloud.request({ name, profile }, signal)))
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
    await expect(cloud.request({ name: 'vm5', profile }, signal)).rejects.toMatchObject({
      message: expect.stringContaining('most of the provider is 3'),
    })
  })

  it('leaves nothing when the request for it is cut short', async () => {
    const { dir, cloud } = await open()
    await expect(cloud.request({ name: 'vm1', profile }, AbortSignal.abort(new Error('cut')))).rejects.toThrow('cut')
    expect(await filesIn(dir)).toEqual([])
  })

  it('answers nobody who has not its token', async () => {
    const { dir, running } = await open()
    await running('vm1')
    const { port } = JSON.parse(await readFile(join(dir, 'vm1/machine.json'), 'utf8'))
    for (const authorization of ['', 'Bearer x'])
      expect((await fetch(`http://127.0.0.1:${port}/`, { headers: { authorization } })).status).toBe(401)
  })

  it('outlives the job worker that made it, and another takes it away', async () => {
    const { dir, running } = await open()
    const machine = await running('vm1')
    const next = await worker(dir)
    const { pid } = (await next.query(machine.id, signal))!.extra as { pid: number }
    expect(await next.answers(machine, signal)).toBe(true)
    await next.destroy(machine, signal)
    await gone(pid)
  })

  it('starts its minion again when that is killed', async () => {
    const core = await openCore(server)
    const { cloud, minionOf } = await open()
    const { machine, minion, beats } = await minionOf('vm1', core)
    process.kill(minion, 'SIGKILL')
    await gone(minion)
    const before = beats.items.length
    await beats.reach(before + 1)
    expect((await pidsOf(cloud, machine.id)).minion).not.toBe(minion)
  })

  it('is stopped when it is killed, its minion with it; who has its port then is told nothing; and it can be taken away', async () => {
    const core = await openCore(server)
    const { dir, cloud, minionOf } = await open()
    const { machine, pid, minion } = await minionOf('vm1', core)
    process.kill(pid, 'SIGKILL')
    await until('it is stopped', async () => (await cloud.query(machine.id, signal))?.state === 'stopped')
    await gone(minion)
    const { port } = JSON.parse(await readFile(join(dir, 'vm1/machine.json'), 'utf8'))
    const asked: unknown[] = []
    const stranger = createServer((request, response) => {
      asked.push(request.headers)
      response.end('{}')
    })
    await new Promise<void>(listening => stranger.listen(port, '127.0.0.1', listening))
    onTestFinished(() => void stranger.close())
    expect(await cloud.answers(machine, signal)).toBe(false)
    await expect(cloud.deploy(machine, { id: 'vm1', config: {} }, signal)).rejects.toThrow('answers nowhere')
    expect(asked).toEqual([])
    await cloud.destroy(machine, signal)
    expect(await filesIn(dir)).toEqual([])
  })

  it('is killed with all that is of it where it does not end by itself', async () => {
    const core = await openCore(server)
    const { cloud, minionOf } = await open()
    const { machine, pid, minion } = await minionOf('vm1', core)
    process.kill(pid, 'SIGSTOP')
    await cloud.destroy(machine, signal)
    await gone(pid, minion)
  })

  it.each<[string, (machine: number, minion: number) => void]>([
    ['hangs', (_machine, minion) => process.kill(minion, 'SIGSTOP')],
    [
      'is killed together with it',
      (machine, minion) => {
        process.kill(machine, 'SIGKILL')
        process.kill(minion, 'SIGKILL')
      },
    ],
  ])('is taken away with the processes of its jobs where its minion %s', async (_how, harm) => {
    const core = await openCore(server)
    const { cloud, minionOf } = await open()
    const { machine, pid, minion } = await minionOf('vm1', core)
    const work = await startJob(core, 'vm1')
    harm(pid, minion)
    await cloud.destroy(machine, signal)
    await gone(pid, minion, work)
  })

  it('ends with the processes of its jobs when its folder is gone, though its minion hangs', async () => {
    const core = await openCore(server)
    const { dir, minionOf } = await open()
    const { pid, minion } = await minionOf('vm1', core)
    const work = await startJob(core, 'vm1')
    process.kill(minion, 'SIGSTOP')
    await rm(join(dir, 'vm1'), { recursive: true })
    await gone(pid, minion, work)
  })

  it('is not taken for another process that has got its pid', async () => {
    const { dir, cloud, running } = await open()
    const machine = await running('vm1')
    const { pid } = (await cloud.query(machine.id, signal))!.extra as { pid: number }
    process.kill(pid, 'SIGKILL')
    await gone(pid)
    const bystander: ChildProcess = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true })
    onTestFinished(() => void bystander.kill('SIGKILL'))
    const file = join(dir, 'vm1/machine.json')
    const said = JSON.parse(await readFile(file, 'utf8'))
    const other = { pid: bystander.pid, start: said.start }
    await writeFile(file, JSON.stringify({ ...said, ...other, minion: other }))
    expect(await cloud.query(machine.id, signal)).toMatchObject({ state: 'stopped', private_ips: [] })
    await cloud.destroy(machine, signal)
    expect(isAlive(bystander.pid!)).toBe(true)
  })

  it('ends when its folder is gone', async () => {
    const { dir, cloud, running } = await open()
    const machine = await running('vm1')
    const { pid } = (await cloud.query(machine.id, signal))!.extra as { pid: number }
    await rm(join(dir, 'vm1'), { recursive: true })
    await gone(pid)
  })
})
