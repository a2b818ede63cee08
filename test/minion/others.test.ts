// The jobs of a minion as `reactor local` beside it sees them, by real files and real processes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { isAlive } from '../../src/base/process-start.ts'
import { openHeldJobs } from '../../src/minion/held.ts'
import { openOthersJobs } from '../../src/minion/others.ts'
import { testFolder } from '../helpers/folder.ts'
import { job } from './engine.ts'

async function startProcess(command: string): Promise<number> {
  const child = spawn('/bin/sh', ['-c', command], { detached: true, stdio: 'ignore' })
  const exit = once(child, 'exit')
  await once(child, 'spawn')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  return child.pid!
}

/** A minion's file with a job that runs; this process is the minion. */
async function openFile(pid?: number) {
  const path = join(await testFolder(), 'jobs.jsonl')
  const file = await openHeldJobs(path, silentLog)
  onTestFinished(() => file.close())
  const sent = job('cmd.run', { arg: ['sleep 1000'] })
  await file.put(sent.jid, { state: 'running', job: sent, started: 0, ...(pid === undefined ? {} : { pid }) })
  return { path, file, jid: sent.jid }
}

it('shows what runs and signals its process', async () => {
  const pid = await startProcess('exec sleep 1000')
  const { path, jid } = await openFile(pid)
  const jobs = await openOthersJobs(path)
  expect(jobs.running()).toMatchObject([{ jid, fun: 'cmd.run', arg: ['sleep 1000'], pid }])
  expect(jobs.signal(jid, 9)).toEqual([pid])
  await expect.poll(() => isAlive(pid)).toBe(false)
  expect(jobs.signal('20261120091820999999', 9)).toBeUndefined()
})

it('shows nothing that a dead minion has left as running, and leaves its pids alone', async () => {
  const pid = await startProcess('exec sleep 1000')
  const { path, file, jid } = await openFile(pid)
  await file.close()
  for (const lock of [undefined, '999999999 1']) {
    if (lock !== undefined) await writeFile(`${path}.lock`, lock)
    const jobs = await openOthersJobs(path)
    expect(jobs.running()).toEqual([])
    expect(jobs.signal(jid, 9)).toBeUndefined()
  }
  expect(isAlive(pid)).toBe(true)
})

it('does not signal a pid that is another’s by now, and says what ends a job without a process', async () => {
  // Of a child's child: as any process that is not the minion's own.
  const { path, jid } = await openFile(process.ppid)
  const none = await openFile()
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
  onTestFinished(() => kill.mockRestore())
  for (const one of [{ path, jid }, none]) {
    const jobs = await openOthersJobs(one.path)
    expect(() => jobs.signal(one.jid, 9)).toThrow(`'reactor jobs kill ${one.jid}' has the minion itself end it`)
  }
  expect(kill.mock.calls.filter(([, signal]) => signal !== 0)).toEqual([])
})
