import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import ps from '../../src/beacons/ps.ts'
import { runningAmong } from '../../src/execution/processes.ts'
import { testFolder } from '../helpers/folder.ts'
import { openBeacon } from './open.ts'

const limits = { timeoutMs: 15_000 }

/** A process of that name that runs until it is ended. */
async function run(name: string): Promise<{ end(): Promise<void> }> {
  const path = join(await testFolder(), name)
  // Newer ones of Node name themselves otherwise.
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', 'command -v sleep'])
  await symlink(stdout.trim(), path)
  const child = spawn(path, ['1000'], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  const end = async () => {
    child.kill('SIGKILL')
    await exited
  }
  onTestFinished(end)
  await once(child, 'spawn')
  return { end }
}

describe('the beacon ps', () => {
  it('tells of a process while it is as set, in the words of Salt', async () => {
    const name = `ps-${process.pid}`
    const { poll } = await openBeacon(ps, { processes: { [name]: 'running', 'no-such-one': 'stopped' } })
    const gone = { thing: 'no-such-one', data: { 'no-such-one': 'Stopped' }, state: 'Stopped', tell: true }
    expect(await poll()).toEqual([{ thing: name, data: { [name]: 'Stopped' }, state: 'Stopped', tell: false }, gone])
    const child = await run(name)
    expect(await poll()).toEqual([{ thing: name, data: { [name]: 'Running' }, state: 'Running', tell: true }, gone])
    await child.end()
    expect(await poll()).toMatchObject([{ state: 'Stopped', tell: false }, gone])
  })

  it('knows names longer than the 15 characters that the kernel keeps', async () => {
    const name = `a-process-of-a-long-name-${process.pid}`
    await run(name)
    const { poll } = await openBeacon(ps, { processes: { [name]: 'running', [`${name}-2`]: 'running' } })
    expect((await poll()).map(({ state }) => state)).toEqual(['Running', 'Stopped'])
  })

  it('refuses states and options that there are not', async () => {
    await expect(openBeacon(ps, { processes: { nginx: 'started' } })).rejects.toThrow('running')
    await expect(openBeacon(ps, { processes: {} })).rejects.toThrow('at least one process')
    await expect(openBeacon(ps, { processes: { id: 'running' } })).rejects.toThrow("have a field 'id'")
    await expect(openBeacon(ps, { procs: {} })).rejects.toThrow('procs')
  })
})

describe('running processes', () => {
  it('are not those that have ended and are waited for, and have names with any signs', async () => {
    const proc = await testFolder()
    for (const [pid, stat] of Object.entries({ 10: '10 (web (1)) S 1', 11: '11 (gone) Z 1' })) {
      await mkdir(join(proc, pid))
      await writeFile(join(proc, pid, 'stat'), stat)
      await writeFile(join(proc, pid, 'comm'), `${/\((.*)\)/.exec(stat)![1]}\n`)
    }
    expect(await runningAmong(new Set(['web (1)', 'gone']), limits, { proc })).toEqual(new Set(['web (1)']))
  })

  it('are asked of ps where the system has no folder of them', async () => {
    const name = `pf-${process.pid}`
    await run(name)
    expect(await runningAmong(new Set([name, 'no-such-one']), limits, { proc: '/not/there' })).toEqual(new Set([name]))
  })
})
