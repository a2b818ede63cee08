import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { endMarked } from '../../../src/clouds/process/end.ts'
import { MACHINE_VARIABLE, markedProcesses } from '../../../src/clouds/process/marked.ts'
import { isAlive, ROOT } from '../../e2e/reactor.ts'
import { untilTaken, within } from '../../helpers/wait.ts'

const ID = `process-test-${process.pid}`
const SLEEP = 'exec sleep 1000'

function start(script: string, mark: Record<string, string>, ...args: string[]): ChildProcess {
  const env = { PATH: process.env.PATH, ...mark }
  const child = spawn('/bin/sh', ['-c', script, ...args], { detached: true, stdio: 'ignore', env })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}
const exitOf = (child: ChildProcess) => within(once(child, 'exit'), 'its exit')

it('all processes that carry the mark of a machine end: stopped ones, and those that start others all the time', async () => {
  const mark = { [MACHINE_VARIABLE]: ID }
  const stopped = start(SLEEP, mark)
  process.kill(stopped.pid!, 'SIGSTOP')
  const children = [
    stopped,
    start('while :; do sleep 0.01; done', mark),
    start('setsid sleep 1000 & exec sleep 1000', mark),
  ]
  await untilTaken('all of them', async () => expect(markedProcesses(ID).length).toBeGreaterThanOrEqual(5))
  const exits = children.map(exitOf)
  expect(await endMarked(ID)).toEqual([])
  await Promise.all(exits)
  expect(markedProcesses(ID)).toEqual([])
})

it('no other process ends, whatever it says of the mark elsewhere', async () => {
  const text = `${MACHINE_VARIABLE}=${ID}`
  const others = [
    start(SLEEP, {}),
    start(SLEEP, {}, text),
    start(SLEEP, { [MACHINE_VARIABLE]: `${ID}0` }),
    start(SLEEP, { [MACHINE_VARIABLE]: ID.slice(0, -1) }),
    start(SLEEP, { OTHER: text, [`X${MACHINE_VARIABLE}`]: ID }),
  ]
  const marked = start(SLEEP, { [MACHINE_VARIABLE]: ID })
  const exit = exitOf(marked)
  expect(markedProcesses(ID).map(({ pid }) => pid)).toEqual([marked.pid])
  expect(await endMarked(ID)).toEqual([])
  await exit
  expect(others.map(({ pid }) => isAlive(pid!))).toEqual(others.map(() => true))
})

it('the process that ends them goes on, though it carries the mark', async () => {
  const other = start(SLEEP, { [MACHINE_VARIABLE]: ID })
  const exit = exitOf(other)
  const module = pathToFileURL(join(ROOT, 'dist/clouds/process/end.js')).href
  const script = `const { endMarked } = await import('${module}'); console.log(await endMarked('${ID}'))`
  const env = { ...process.env, [MACHINE_VARIABLE]: ID }
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { env })
  await exit
  expect(stdout).toBe('[]\n')
})
