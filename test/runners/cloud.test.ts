import { describe, expect, it } from 'vitest'
import { loadFunctions } from '../../src/functions/load.ts'
import type { CloudDone, Clouds } from '../../src/functions/runner-context.ts'
import { untrustedProblems } from '../../src/functions/untrusted.ts'
import { caller } from '../modules/call.ts'

function runner(outcome: Partial<CloudDone> = {}) {
  const asked: unknown[] = []
  const made = async (...args: unknown[]): Promise<CloudDone> => {
    asked.push(args)
    return { done: {}, failed: {}, ...outcome }
  }
  const clouds: Partial<Clouds> = {
    create: made,
    profile: made,
    destroy: async instances => {
      asked.push(instances)
      return { destroyed: { local: { process: {} } }, failed: outcome.failed ?? {}, missing: ['vm9'] }
    },
    query: async () => ({ machines: { local: { process: {} } }, failed: { east: 'east cannot be asked' } }),
  }
  return { ...caller('runner', { clouds } as never), asked }
}

describe('the runner cloud', () => {
  it('takes names and settings as Salt does', async () => {
    const { call, asked } = runner()
    await call('cloud.create', ['local', 'vm1, vm2'], { size: 96 })
    await call('cloud.profile', ['small', ['vm1', 'vm2']])
    await call('cloud.profile', [], { profile: 'small', names: 'vm1' })
    expect(asked).toEqual([
      ['local', ['vm1', 'vm2'], { size: 96 }],
      ['small', ['vm1', 'vm2'], {}],
      ['small', ['vm1'], {}],
    ])
    await expect(call('cloud.profile', ['small'])).rejects.toMatchObject({ code: 'bad_argument' })
    await expect(call('cloud.profile', [], { names: 'vm1' })).rejects.toMatchObject({ code: 'bad_argument' })
    for (const twice of [{ profile: 'big' }, { names: 'vm2' }])
      await expect(call('cloud.profile', ['small', 'vm1'], twice)).rejects.toMatchObject({ code: 'bad_argument' })
    expect(asked).toHaveLength(3)
  })

  it('has failed where one machine has, and returns what became of each', async () => {
    const failed = { vm2: { Error: 'no room', stage: 'querying', left: 'the machine i-2' } }
    const { call } = runner({ done: { vm1: { id: 'i-1' } }, failed })
    await expect(call('cloud.profile', ['small', 'vm1,vm2'])).rejects.toMatchObject({
      message: 'vm2 (querying): no room; left: the machine i-2',
      details: { return: { vm1: { id: 'i-1' }, ...failed } },
    })
    await expect(call('cloud.query')).rejects.toMatchObject({
      message: 'east cannot be asked',
      details: { return: { local: { process: {} } } },
    })
  })

  it('says which names no provider has', async () => {
    const { call } = runner()
    expect(await call('cloud.destroy', ['vm1,vm9'])).toEqual({ local: { process: {} }, 'Not Found': ['vm9'] })
  })

  it('takes from an event the names of machines, and nothing of what they are made like', async () => {
    const registry = await loadFunctions('runner')
    const fn = registry.get('cloud.profile')
    const problems = (kwarg: Record<string, unknown>) =>
      untrustedProblems(
        fn,
        [],
        kwarg,
        Object.keys(kwarg).map(name => ['kwarg', name]),
      )
    expect(problems({ instances: 'vm1' })).toEqual([])
    for (const kwarg of [{ instances: 'vm*' }, { prof: 'small' }, { size: 1 }, { minion: {} }])
      expect(problems(kwarg)).toHaveLength(1)
  })
})
