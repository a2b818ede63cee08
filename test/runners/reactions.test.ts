import { describe, expect, it } from 'vitest'
import type { Reactions } from '../../src/functions/runner-context.ts'
import type { ReactionsPage, ReactionsRequest, ReactionView } from '../../src/protocol/reaction-view.ts'
import { caller } from '../modules/call.ts'

const view = (id: string): ReactionView => ({
  ...{ key: `${id}/r`, rule: 'r', event: id, tag: 't', state: 'parked', at: 1 },
})

function open(page: ReactionsPage = { reactions: [view('a'), view('b')] }) {
  const asked: ReactionsRequest[] = []
  const acted: [string, readonly string[]][] = []
  const reactions: Reactions = {
    async list(request) {
      asked.push(request)
      return page
    },
    show: async key => ({ ...view(key), history: [] }),
    async act(operation, keys) {
      acted.push([operation, keys])
      return keys.map(key => ({ key, ok: true, was: 'parked', comment: 'x' }))
    },
  }
  return { ...caller('runner', { reactions }), asked, acted }
}

describe('reactions.list', () => {
  it('asks for what the filters say, with dates as people write them', async () => {
    const { call, asked } = open()
    await call('reactions.list', [], {
      rule: ['r'],
      state: 'parked',
      since: '2026-11-20T09:15:00Z',
      until: 5,
      before: '1.2',
    })
    await call('reactions.list')
    expect(asked).toEqual([
      { rule: ['r'], state: 'parked', since: Date.UTC(2026, 10, 20, 9, 15), until: 5, limit: 100, before: '1.2' },
      { limit: 100 },
    ])
  })

  it.each([
    [{ state: 'burnt' }, /state/],
    [{ limit: 0 }, /limit/],
    [{ since: 'soon' }, /soon/],
  ])('refuses %j', async (given, message) => {
    await expect(open().call('reactions.list', [], given)).rejects.toThrow(message)
  })
})

describe('an operation', () => {
  it('takes a key or a list of keys', async () => {
    const { call, acted, asked } = open()
    expect(await call('reactions.drop', ['a/r'])).toEqual({
      results: [{ key: 'a/r', ok: true, was: 'parked', comment: 'x' }],
      more: false,
    })
    await call('reactions.deny', [['a/r', 'b/r']])
    expect(acted).toEqual([
      ['drop', ['a/r']],
      ['deny', ['a/r', 'b/r']],
    ])
    expect(asked).toEqual([])
  })

  it.each([
    ['retry', ['parked']],
    ['drop', ['waiting', 'retrying', 'parked', 'held']],
    ['approve', ['held']],
    ['deny', ['held']],
  ])('%s takes all of a rule that it is meant for, and says whether there are more', async (name, state) => {
    const { call, acted, asked } = open({ reactions: [view('a'), view('b')], cursor: 'c' })
    expect(await call(`reactions.${name}`, [], { rule: 'r' })).toMatchObject({ more: true })
    await call(`reactions.${name}`, [], { state: 'parked', limit: 1 })
    expect(asked).toEqual([
      { rule: 'r', state, limit: 1000 },
      { state: 'parked', limit: 1 },
    ])
    expect(acted).toEqual([
      [name, ['a/r', 'b/r']],
      [name, ['a/r']],
    ])
  })

  it.each([
    [{}, /expected a key, a rule or a state/],
    [{ since: '1h' }, /expected a key, a rule or a state/],
    [{ key: 'a/r', rule: 'r' }, /not both/],
    [{ key: Array.from({ length: 1001 }, (_, n) => `${n}/r`) }, /at most 1000 at once/],
  ])('does nothing where it is not clear what is meant: %#', async (given, message) => {
    const { call, acted } = open()
    await expect(call('reactions.drop', [], given)).rejects.toThrow(message)
    expect(acted).toEqual([])
  })
})
