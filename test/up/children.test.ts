import type { ChildProcess } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Child, superviseChild } from '../../src/up/children.ts'
import { isAlive } from '../e2e/reactor.ts'
import { testFolder } from '../helpers/folder.ts'
import { createGate, createSeen, within } from '../helpers/wait.ts'

const READY =
  "process.send({ ready: { pid: process.pid } })\nprocess.on('SIGTERM', () => process.exit(0))\nsetInterval(() => {}, 1000)\n"

/** A supervised process that runs this script. */
async function start(script: string) {
  const main = join(await testFolder(), 'main.mjs')
  await writeFile(main, script)
  const said = createSeen<string>()
  const child = await superviseChild({ name: 'own', args: ['x'] }, { main, say: line => said.push(line) })
  onTestFinished(() => child.stop())
  return { child, said }
}

describe('a supervised process', () => {
  it('is there once it says that it is ready, with what it says', async () => {
    const { child } = await start(READY)
    expect(child.facts).toEqual({ pid: child.pid() })
    expect(isAlive(child.pid()!)).toBe(true)
    const pid = child.pid()!
    await child.stop()
    expect(isAlive(pid)).toBe(false)
  })

  it('is started again when it dies, and both is said', async () => {
    const { child, said } = await start(READY)
    const first = child.pid()!
    process.kill(first, 'SIGKILL')
    await said.find(
      line => line === 'own ended (signal SIGKILL); it is started again in 500ms',
      'the word of its death',
    )
    await said.find(line => line === 'own is running again', 'the word of its return')
    expect(child.pid()).not.toBe(first)
  })

  it('is not started again when it is stopped while it waits to be', async () => {
    const { child, said } = await start(READY)
    process.kill(child.pid()!, 'SIGKILL')
    await said.reach(1)
    await within(child.stop(), 'the stop')
    expect(said.items).toHaveLength(1)
  })

  it('is told when it may connect, and told at once when it is started again', async () => {
    const main = join(await testFolder(), 'main.mjs')
    await writeFile(
      main,
      `if (process.env.REACTOR_TOLD_WHEN !== '1') process.exit(3)\nprocess.on('message', ({ go }) => process.send({ ready: { go } }))\n${READY.split('\n').slice(1).join('\n')}`,
    )
    const said = createSeen<string>()
    const gate = createGate()
    const launched = createSeen<ChildProcess>()
    const ready = createSeen<Child>()
    const starting = superviseChild(
      { name: 'own', args: [], after: gate.passed },
      { main, say: line => said.push(line), launched: process => launched.push(process) },
    ).then(child => ready.push(child))
    await launched.reach(1)
    expect(ready.items).toEqual([])
    gate.open()
    await within(starting, 'the start')
    const [child] = ready.items
    onTestFinished(() => child!.stop())
    expect(child!.facts).toEqual({ go: true })
    process.kill(child!.pid()!, 'SIGKILL')
    await said.find(line => line === 'own is running again', 'the word of its return')
  })

  it('that is not ready yet is ended when the start is given up, with the reason for that', async () => {
    const main = join(await testFolder(), 'main.mjs')
    await writeFile(main, "process.on('SIGTERM', () => process.exit(0))\nsetInterval(() => {}, 1000)\n")
    const stop = new AbortController()
    const processes: ChildProcess[] = []
    const starting = superviseChild(
      { name: 'own', args: [] },
      { main, say: () => undefined, signal: stop.signal, launched: process => processes.push(process) },
    )
    stop.abort(new Error('enough'))
    await expect(within(starting, 'the end of the start')).rejects.toThrow('enough')
    expect(isAlive(processes[0]!.pid!)).toBe(false)
  })

  it('is not started at all once the start has been given up', async () => {
    const processes: ChildProcess[] = []
    const starting = superviseChild(
      { name: 'own', args: [] },
      { main: 'none', say: () => undefined, signal: AbortSignal.abort(), launched: child => processes.push(child) },
    )
    await expect(starting).rejects.toThrow()
    expect(processes).toEqual([])
  })

  it('that does not start gives its own reason, or how it ended', async () => {
    await expect(
      start("process.send({ failed: { code: 'bad_config', message: 'no such setting' } }, () => process.exit(1))\n"),
    ).rejects.toMatchObject({ code: 'bad_config', message: 'own did not start: no such setting' })
    await expect(start('process.exit(7)\n')).rejects.toMatchObject({
      code: 'child_died',
      message: 'own ended before it was ready (exit code 7)',
    })
  })
})
