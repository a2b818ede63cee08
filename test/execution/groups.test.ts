import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { isAlive } from '../../src/base/process-start.ts'
import { JobEnded } from '../../src/execution/group.ts'
import { createGroups } from '../../src/execution/groups.ts'
import { runProcess } from '../../src/execution/process.ts'
import { testFolder } from '../helpers/folder.ts'
import { untilTaken } from '../helpers/wait.ts'

/** When processes of a pid are said to have started, where it is not the truth. */
const starts = vi.hoisted(() => new Map<number, string>())
vi.mock('../../src/base/process-start.ts', async original => {
  const real = await original<typeof import('../../src/base/process-start.ts')>()
  return { ...real, processStart: (pid: number) => starts.get(pid) ?? real.processStart(pid) }
})

async function startGroup(command: string): Promise<number> {
  const child = spawn('/bin/sh', ['-c', command], { detached: true, stdio: 'ignore' })
  await once(child, 'spawn')
  const pid = child.pid!
  const exit = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  return pid
}

it('a signal reaches each group in which something lives, and no other', async () => {
  const groups = createGroups()
  const [first, second] = [await startGroup('exec sleep 1000'), await startGroup('exec sleep 1000')]
  groups.add(first)
  groups.add(second)
  expect(groups.alive()).toEqual([first, second])
  process.kill(-second, 'SIGKILL')
  await expect.poll(() => groups.alive()).toEqual([first])
  expect(groups.signal(9)).toEqual([first])
  await expect.poll(() => groups.alive()).toEqual([])
  expect(groups.signal(9)).toEqual([])
})

it('a signal reaches the other groups of the session that a command leads', async () => {
  const dir = await testFolder()
  const groups = createGroups()
  const pid = await startGroup(`timeout 1000 sh -c 'echo $$ > ${dir}/pid; exec sleep 1000'; :`)
  groups.add(pid)
  const inner = await untilTaken('the pid', async () => {
    const text = await readFile(join(dir, 'pid'), 'utf8')
    expect(text).toMatch(/^\d+\n$/)
    return Number(text)
  })
  expect(groups.signal(9)).toEqual([pid])
  await expect.poll(() => isAlive(inner)).toBe(false)
})

it('a process that has the pid of a group that is gone is left alone', async () => {
  const pid = await startGroup('exec sleep 1000')
  const groups = createGroups()
  starts.set(pid, 'of the one before')
  groups.add(pid)
  starts.delete(pid)
  expect(groups.signal(9)).toEqual([])
  expect(process.kill(pid, 0)).toBe(true)
})

it('a process that was told to end by its job is not told twice, and is killed when it does not', async () => {
  const job = new AbortController()
  const dir = await testFolder()
  // Its trap stands by then: a signal before that would end it.
  const watcher = watch(dir, () => job.abort(new JobEnded('by hand')))
  const result = await runProcess({
    argv: ['/bin/sh', '-c', `trap "echo told" TERM; echo ready; touch ${dir}/ready; while :; do sleep 0.05; done`],
    cwd: '/',
    signal: job.signal,
  }).finally(() => watcher.close())
  expect(result).toMatchObject({ retcode: -9, ending: 'aborted', stdout: 'ready\n' })
})
