import { describe, expect, it } from 'vitest'
import { type CloudsOfWorker, runnerClouds } from '../../src/jobs/runner-clouds.ts'
import { type Grants, NO_GRANTS } from '../../src/protocol/role.ts'

const signal = new AbortController().signal

/** As an operator with these rights has them; without any the program itself asks. */
function open(grants?: Grants) {
  const asked: unknown[][] = []
  const noted =
    (what: string) =>
    (...args: unknown[]) => {
      asked.push([what, ...args])
      return {} as never
    }
  const clouds = Object.fromEntries(
    ['create', 'destroy', 'query', 'providers', 'profiles'].map(name => [name, noted(name)]),
  ) as unknown as CloudsOfWorker
  const call = { user: 'ann', jid: '9', hops: 2, chain: 'r', ...(grants ? { grants: () => grants } : {}) }
  return { clouds: runnerClouds(clouds, call, signal), asked }
}

describe('who may what with machines', () => {
  it('is said by the right to the runner function of that name, whichever function asks', async () => {
    const { clouds, asked } = open(NO_GRANTS)
    const tries: [string, () => unknown][] = [
      ['create', () => clouds.create('local', ['vm1'], {})],
      ['profile', () => clouds.profile('small', ['vm1'], {})],
      ['destroy', () => clouds.destroy(['vm1'])],
      ['query', () => clouds.query(false)],
      ['full_query', () => clouds.query(true)],
      ['list_providers', async () => clouds.providers()],
      ['list_profiles', async () => clouds.profiles('all')],
    ]
    for (const [right, ask] of tries)
      await expect(ask()).rejects.toMatchObject({
        code: 'forbidden',
        message: expect.stringContaining(`no role of theirs grants runner 'cloud.${right}'`),
      })
    expect(asked).toEqual([])
    const some = open({ ...NO_GRANTS, runner: ['cloud.destroy'] })
    await some.clouds.destroy(['vm1'])
    await expect(some.clouds.create('local', ['vm1'], {})).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('is caused by the job that asked, and ends with it', async () => {
    const { clouds, asked } = open()
    await clouds.profile('small', ['vm1'], { size: 1 })
    const asking = { trace: { cause: '9', hops: 2, chain: 'r' }, signal }
    expect(asked).toMatchObject([['create', { profile: 'small' }, ['vm1'], { size: 1 }, asking]])
  })
})
