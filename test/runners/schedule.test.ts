import { describe, expect, it } from 'vitest'
import { loadFunctions } from '../../src/functions/load.ts'
import type { MasterSchedule } from '../../src/functions/runner-context.ts'
import { untrustedProblems } from '../../src/functions/untrusted.ts'
import { caller } from '../modules/call.ts'

function worker(answer: unknown = { result: true, comment: 'Done.' }) {
  const asked: unknown[][] = []
  const schedule: MasterSchedule = {
    async ask(...words) {
      asked.push(words)
      return answer
    },
  }
  return { ...caller('runner', { schedule } as never), asked }
}

describe("the master's schedule", () => {
  it('is asked for with what was given', async () => {
    const { call, asked } = worker()
    await call('schedule.add', ['ping'], { function: 'local.test.ping', tgt: '*', every: '5m', test: true })
    await call('schedule.modify', ['ping'], { seconds: 9 })
    await call('schedule.run_job', ['ping'], { force: true })
    await call('schedule.postpone_job', ['ping', 'a', 'b'])
    await call('schedule.disable', [])
    await call('schedule.next', [], { limit: 3 })
    await call('schedule.is_enabled')
    expect(asked).toEqual([
      ['add', 'ping', { function: 'local.test.ping', tgt: '*', every: '5m' }, { persist: true, test: true }],
      ['modify', 'ping', { seconds: 9 }, { persist: true, test: false }],
      ['run_job', 'ping', true],
      ['postpone_job', 'ping', 'a', 'b', undefined],
      ['disable', { persist: true, test: false }],
      ['coming', 3, undefined],
      ['is_enabled', undefined],
    ])
  })

  it('fails the job where nothing was done, with the reason', async () => {
    const { call } = worker({ result: false, comment: 'Job nope does not exist.', changes: {} })
    await expect(call('schedule.delete', ['nope'])).rejects.toMatchObject({
      code: 'function_failed',
      message: 'Job nope does not exist.',
    })
  })

  it.each(['add', 'modify', 'skip_job', 'postpone_job'])(
    "fails the job of %s with the reason alone, which Salt's answer has behind a word",
    async operation => {
      const { call } = worker({ result: false, comment: "Error: 'xyz' is not a duration", changes: {} })
      const times = { skip_job: ['a'], postpone_job: ['a', 'b'] }[operation] ?? []
      await expect(call(`schedule.${operation}`, ['ping', ...times])).rejects.toMatchObject({
        code: 'function_failed',
        message: "'xyz' is not a duration",
      })
    },
  )

  it('is changed by no value of an event', async () => {
    const registry = await loadFunctions('runner')
    const problems = (fun: string, kwarg: Record<string, unknown>, path: string) =>
      untrustedProblems(registry.get(fun), [], kwarg, [['kwarg', path]])
    expect(problems('schedule.add', { name: 'a', function: 'test.arg' }, 'function')).not.toEqual([])
    expect(problems('schedule.run_job', { name: 'a' }, 'name')).not.toEqual([])
  })
})
