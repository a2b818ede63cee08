import { describe, expect, it } from 'vitest'
import type { MinionPillars } from '../../src/functions/runner-context.ts'
import { caller } from '../modules/call.ts'

function worker(errors: string[] = []) {
  const asked: unknown[] = []
  const pillars: MinionPillars = {
    async show(minion, request) {
      asked.push([minion, request])
      return { value: { a: 1 }, errors }
    },
    async top(minion, request) {
      asked.push([minion, request])
      return { matches: { base: ['web'] }, errors }
    },
  }
  return { ...caller('runner', { pillars } as unknown as Parameters<typeof caller>[1]), asked }
}

describe('runner pillar', () => {
  it('shows the pillar of a minion, and what the top file gives it', async () => {
    const { call, asked } = worker()
    expect(await call('pillar.show_pillar', ['web1'], { pillarenv: 'dev', pillar: { b: 2 } })).toEqual({ a: 1 })
    expect(await call('pillar.show_top', ['web1'])).toEqual({ base: ['web'] })
    expect(asked).toEqual([
      ['web1', { pillarenv: 'dev', override: { b: 2 } }],
      ['web1', {}],
    ])
  })

  it('fails with what is wrong with it, and shows the rest', async () => {
    const { call } = worker(['no such SLS'])
    await expect(call('pillar.show_pillar', ['web1'])).rejects.toMatchObject({
      message: "the pillar of 'web1' has errors: no such SLS",
      details: { return: { a: 1, _errors: ['no such SLS'] } },
    })
    await expect(call('pillar.show_top', ['web1'])).rejects.toThrow("the pillar's top file has errors: no such SLS")
  })
})
