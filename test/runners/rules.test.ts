import { describe, expect, it } from 'vitest'
import { loadFunctions } from '../../src/functions/load.ts'
import type { Rules } from '../../src/functions/runner-context.ts'
import { untrustedProblems } from '../../src/functions/untrusted.ts'
import type { RulesView, RuleView } from '../../src/protocol/rule-view.ts'
import { caller } from '../modules/call.ts'

const rule = (name: string, mode: RuleView['mode'], ...on: string[]): RuleView => ({ rule: name, mode, on, do: [] })

function worker(view: RulesView = { rules: [] }) {
  const asked: unknown[][] = []
  const note =
    (what: string, answer: unknown) =>
    async (...args: unknown[]) => {
      asked.push([what, ...args])
      return answer
    }
  const rules = {
    list: note('list', view),
    show: note('show', { rule: 'a' }),
    history: note('history', []),
    switch: note('switch', { to: 'off' }),
    push: note('push', { stored: 0, of: 2 }),
  } as unknown as Rules
  return { ...caller('runner', { rules }), asked }
}

describe('the rules in force', () => {
  it('are listed, shown and remembered as the worker tells of them', async () => {
    const view = { bundle: 'h', at: 1, rules: [rule('a', 'live', 'x/*')] }
    const { call, asked } = worker(view)
    expect(await call('rules.list')).toBe(view)
    expect(await call('rules.show', ['a'])).toEqual({ rule: 'a' })
    expect(await call('rules.history')).toEqual([])
    expect(asked).toEqual([['list'], ['show', 'a'], ['history']])
    await expect(call('rules.show')).rejects.toThrow("argument 'name'")
  })

  it('are switched by name: one, a list, or several with commas', async () => {
    const { call, asked } = worker()
    await call('rules.disable', ['a, b'], { reason: 'too loud' })
    await call('rules.enable', [['a', 'b']])
    await call('rules.enable', ['a'])
    expect(asked).toEqual([
      ['switch', ['a', 'b'], 'off', 'too loud'],
      ['switch', ['a', 'b'], 'on', undefined],
      ['switch', ['a'], 'on', undefined],
    ])
  })

  it.each([[[]], [['']], [[[]]]])('are not switched by %j', async positional => {
    const { call, asked } = worker()
    await expect(call('rules.disable', positional)).rejects.toMatchObject({ code: 'bad_argument' })
    expect(asked).toEqual([])
  })

  it('are pushed as documents or packed, and parts are numbered', async () => {
    const { call, asked } = worker()
    await call('rules.push', [], { rules: [{ rule: 'a' }], name: 'x', dry_run: true })
    await call('rules.push', [], { packed: 'abc', part: { upload: 'u', index: 0, of: 2 } })
    expect(asked).toEqual([
      ['push', { rules: [{ rule: 'a' }], name: 'x', dry_run: true }],
      ['push', { packed: 'abc', part: { upload: 'u', index: 0, of: 2 }, name: 'rules.push', dry_run: false }],
    ])
    for (const part of [
      { upload: '../u', index: 0, of: 2 },
      { upload: 'u', index: -1, of: 2 },
      { index: 0, of: 2 },
    ])
      await expect(call('rules.push', [], { packed: 'abc', part })).rejects.toMatchObject({ code: 'bad_argument' })
  })

  it('are never chosen by what an event says', async () => {
    const registry = await loadFunctions('runner')
    for (const fun of ['rules.enable', 'rules.disable'])
      expect(untrustedProblems(registry.get(fun), [], { names: ['a'] }, [['kwarg', 'names', 0]])).toHaveLength(1)
    for (const name of ['rules', 'packed', 'name'])
      expect(untrustedProblems(registry.get('rules.push'), [], { [name]: 'x' }, [['kwarg', name]])).toHaveLength(1)
    expect(untrustedProblems(registry.get('rules.disable'), [], { reason: 'x' }, [['kwarg', 'reason']])).toEqual([])
  })
})

it("reactor.list shows the rules of each tag in Salt's shape, without those that are off", async () => {
  const { call } = worker({
    rules: [rule('a', 'live', 'x/*', 'y/*', '!y/own'), rule('b', 'shadow', 'x/*'), rule('c', 'off', 'z/*')],
  })
  expect(await call('reactor.list')).toEqual([{ 'x/*': ['a', 'b'] }, { 'y/*': ['a'] }])
})
