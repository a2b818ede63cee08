import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findServer } from '../../../src/bus/server/find.ts'
import { launchServer } from '../../../src/bus/server/launch.ts'
import { reclaimStale } from '../../../src/bus/server/reclaim.ts'

const { path: binary } = await findServer()

async function folder() {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-reclaim-'))
  const files = { pidFile: join(dir, 'nats.pid'), configFile: join(dir, 'nats.conf'), portsDir: join(dir, 'ports') }
  const lines = ['host: 127.0.0.1', 'port: -1', `ports_file_dir: "${files.portsDir}"`, `pid_file: "${files.pidFile}"`]
  await writeFile(files.configFile, `${lines.join('\n')}\n`)
  return { ...files, binary, logFile: join(dir, 'nats.log') }
}

/** A supervisor in a process of its own that has started a server, and the server's pid. */
async function supervisor(files: Awaited<ReturnType<typeof folder>>): Promise<{ child: ChildProcess; pid: number }> {
  const env = { ...process.env, REACTOR_SUPERVISOR: '' }
  const script = `
    const { spawn } = require('node:child_process')
    const env = { ...process.env, REACTOR_SUPERVISOR: String(process.pid) }
    const server = spawn(${JSON.stringify(binary)}, ['-c', ${JSON.stringify(files.configFile)}], { detached: true, stdio: ['ignore', 'ignore', 'pipe'], env })
    server.stderr.on('data', text => String(text).includes('Server is ready') && console.log(server.pid))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'], env })
  const [line] = await once(child.stdout!, 'data')
  return { child, pid: Number(String(line)) }
}

describe('reclaiming a server that was left over', () => {
  it('ends the server of a supervisor that was killed', async () => {
    const files = await folder()
    const { child, pid } = await supervisor(files)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await reclaimStale(files)).toEqual({ found: 'stale', pid })
    expect(await reclaimStale(files)).toEqual({ found: 'nothing' })
  })

  it('does not touch the server of a supervisor that lives', async () => {
    const files = await folder()
    const server = await launchServer(files)
    expect(await reclaimStale(files)).toEqual({ found: 'running', pid: server.pid, supervisor: process.pid })
    process.kill(server.pid, 0)
    await server.stop()
  })

  it('does not touch another program that has the pid by now, and forgets the pid file', async () => {
    const files = await folder()
    await writeFile(files.pidFile, String(process.pid))
    expect(await reclaimStale(files)).toEqual({ found: 'nothing' })
    await expect(readFile(files.pidFile)).rejects.toThrow('ENOENT')
  })

  it('does not touch a server that runs with another config', async () => {
    const [files, other] = [await folder(), await folder()]
    const server = await launchServer(other)
    await writeFile(files.pidFile, String(server.pid))
    expect(await reclaimStale(files)).toEqual({ found: 'nothing' })
    process.kill(server.pid, 0)
    await server.stop()
  })

  it.each(['', 'none', '-1', '0', '1 2'])('takes a pid file that says %j for none', async text => {
    const files = await folder()
    await writeFile(files.pidFile, text)
    expect(await reclaimStale(files)).toEqual({ found: 'nothing' })
  })
})
