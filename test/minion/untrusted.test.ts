import { describe, expect, it } from 'vitest'
import { isJobMessage } from '../../src/minion/held.ts'
import type { JobMessage } from '../../src/protocol/job.ts'
import { createWorld, job } from './engine.ts'

const run = async (message: JobMessage, around = {}) => {
  const world = await createWorld()
  const engine = await world.start({ around })
  expect(await engine.take(message)).toMatchObject({ accepted: true })
  return world.returnOf(message)
}
const given = (untrusted: JobMessage['untrusted']) => ({ user: 'rule:r', ...(untrusted ? { untrusted } : {}) })

describe('a job with a value from an event', () => {
  it('is a failed return, which says why, where that would be a command', async () => {
    const returned = await run(job('cmd.run', { arg: ['echo a; echo b'], ...given([['arg', 0]]) }))
    expect(returned).toMatchObject({ success: false, retcode: 1 })
    expect(returned.return).toContain("cmd.run: argument 'cmd' holds a value from the event of rule:r")
  })

  it('runs with it as one word', async () => {
    const arg = [['printf', '[%s]', '; echo $(id) "x"']]
    expect(await run(job('cmd.run', { arg, ...given([['arg', 0, 2]]) }))).toMatchObject({
      success: true,
      return: '[; echo $(id) "x"]',
    })
  })

  it('may not pass it on to a function that makes a command of it', async () => {
    const call = { arg: ['cmd.run', ['echo a']] }
    expect(await run(job('gate.call', call))).toMatchObject({ success: true, return: 'a' })
    const returned = await run(job('gate.call', { ...call, ...given([['arg', 1, 0]]) }))
    expect(returned).toMatchObject({ success: false })
    expect(returned.return).toContain("cmd.run: argument 'cmd' holds a value from the event of rule:r")
  })

  it('decides nothing of what the minion runs later by itself', async () => {
    for (const fun of ['schedule.add', 'schedule.modify']) {
      const kwarg = { function: 'test.arg', job_args: ['a'], seconds: 5 }
      const returned = await run(job(fun, { arg: ['x'], kwarg, ...given([['kwarg', 'job_args', 0]]) }))
      expect(returned.return).toContain(`${fun}: argument 'item' holds a value from the event of rule:r`)
    }
    for (const fun of ['beacons.add', 'beacons.modify']) {
      const call = { arg: ['log', [{ file: '/etc/shadow' }]], ...given([['arg', 1, 0, 'file']]) }
      expect((await run(job(fun, call))).return).toContain(
        `${fun}: argument 'beacon_data' holds a value from the event`,
      )
    }
    for (const module of ['schedule', 'beacons'])
      for (const fun of module === 'schedule'
        ? ['delete', 'run_job', 'enable_job', 'disable_job', 'skip_job', 'postpone_job', 'move', 'copy']
        : ['add', 'modify', 'delete', 'enable_beacon', 'disable_beacon']) {
        const call = { arg: ['x', {}, 'z'], ...given([['arg', 0]]) }
        expect((await run(job(`${module}.${fun}`, call))).return).toContain(
          "argument 'name' holds a value from the event",
        )
      }
  })

  it('marks what it asks of other minions', async () => {
    const asked: unknown[] = []
    const peer = async (request: unknown) => {
      asked.push(request)
      return { jid: '1', minions: [], returns: {}, offline: [], refused: {}, silent: [] }
    }
    const call = { arg: ['web2', 'test.arg', ['a', 'b']], kwarg: { kwarg: { k: 1 } } }
    await run(job('saltutil.cmd', call), { peer })
    expect(asked.pop()).not.toHaveProperty('untrusted')
    await run(job('saltutil.cmd', { ...call, ...given([['arg', 2, 0]]) }), { peer })
    expect(asked.pop()).toMatchObject({
      tgt: 'web2',
      untrusted: [
        ['arg', 0],
        ['arg', 1],
        ['kwarg', 'k'],
      ],
    })
  })

  it('that waits on disk is still known as such after a restart', async () => {
    const world = await createWorld()
    const before = await world.start({ concurrency: 1 })
    const waits = job('cmd.run', { arg: ['echo a'], ...given([['arg', 0]]) })
    await before.take(job('gate.wait'))
    await before.take(waits)
    await before.close()
    world.gate.open()
    await world.start({ concurrency: 1 })
    expect((await world.returnOf(waits)).return).toContain('holds a value from the event of rule:r')
  })
})

it('a job whose list of untrusted values cannot be read is no job', () => {
  expect(isJobMessage(job('test.ping', { untrusted: [['arg', 0]] }))).toBe(true)
  for (const untrusted of ['arg', [], [['arg', -1]], ['arg.0'], null, {}].filter(one => JSON.stringify(one) !== '[]'))
    expect(isJobMessage({ ...job('test.ping'), untrusted })).toBe(false)
})
