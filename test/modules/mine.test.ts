import { describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import type { Mine } from '../../src/functions/minion-context.ts'
import { caller } from './call.ts'

/** A minion `web1` whose functions answer with their arguments, and the mine as it was used. */
function minion(mineFunctions: Record<string, unknown> = {}, found: Record<string, unknown> = {}) {
  const sent: unknown[][] = []
  const asked: unknown[][] = []
  const kept: unknown[] = []
  const mine: Mine = {
    async send(...args) {
      if (args[0] === 'away') throw new ReactorError('unreachable', 'nobody answers')
      sent.push(args)
    },
    async get(...args) {
      asked.push(args)
      return found
    },
    delete: async name => void kept.push(['delete', name]),
    flush: async keep => void kept.push(['flush', keep]),
  }
  const { call } = caller('execution', {
    mine,
    mineFunctions,
    async call(fun, arg = [], kwarg = {}) {
      if (fun === 'no.such') throw new ReactorError('unknown_function', "'no.such' is not available.")
      return { fun, arg, kwarg }
    },
  })
  return { call, sent, asked, kept }
}

describe('mine.send', () => {
  it('sends what the function returns', async () => {
    const { call, sent } = minion()
    expect(await call('mine.send', ['network.ip_addrs', 'eth0'], { cidr: '10.0.0.0/8' })).toBe(true)
    expect(sent).toEqual([
      ['network.ip_addrs', { fun: 'network.ip_addrs', arg: ['eth0'], kwarg: { cidr: '10.0.0.0/8' } }, undefined],
    ])
  })

  it('sends it under another name, to those allowed', async () => {
    const { call, sent } = minion()
    await call('mine.send', ['addrs', 'eth0'], {
      mine_function: 'network.ip_addrs',
      allow_tgt: 'G@a:b',
      allow_tgt_type: 'compound',
    })
    expect(sent).toEqual([
      ['addrs', { fun: 'network.ip_addrs', arg: ['eth0'], kwarg: {} }, { tgt: 'G@a:b', tgt_type: 'compound' }],
    ])
  })

  it('fails as the function does, and sends nothing', async () => {
    const { call, sent } = minion()
    await expect(call('mine.send', ['no.such'])).rejects.toThrow("'no.such' is not available.")
    await expect(call('mine.send', ['mine.update'])).rejects.toThrow('is a function of the mine itself')
    await expect(call('mine.send', ['x'], { allow_tgt: 5 })).rejects.toThrow("'allow_tgt' must be a text")
    expect(sent).toEqual([])
  })
})

describe('mine.get', () => {
  it.each<[string, unknown[], unknown[]]>([
    ['one name', ['*', 'x.y'], ['*', ['x.y'], 'glob']],
    ['several with commas, each once', ['G@a:b', 'x, y,x', 'compound'], ['G@a:b', ['x', 'y'], 'compound']],
    ['a list of ids', [['a', 'b'], ['x']], [['a', 'b'], ['x'], 'list']],
  ])('asks for %s', async (_what, args, asked) => {
    const { call, asked: seen } = minion()
    await call('mine.get', args)
    expect(seen).toEqual([asked])
  })

  it('answers a list of one name by name too', async () => {
    const { call } = minion({}, { web1: 1, web2: 2 })
    expect(await call('mine.get', ['*', 'x'])).toEqual({ web1: 1, web2: 2 })
    expect(await call('mine.get', ['*', ['x']])).toEqual({ x: { web1: 1, web2: 2 } })
    expect(await minion().call('mine.get', ['*', ['x']])).toEqual({})
  })

  it('leaves this minion out, in either shape', async () => {
    const own = { exclude_minion: true }
    expect(await minion({}, { web1: 1, web2: 2 }).call('mine.get', ['*', 'x'], own)).toEqual({ web2: 2 })
    const several = minion({}, { x: { web1: 1, web2: 2 }, web1: { web1: 3 } })
    expect(await several.call('mine.get', ['*', 'x,web1'], own)).toEqual({ x: { web2: 2 }, web1: {} })
  })

  it('refuses to ask for nothing', async () => {
    await expect(minion().call('mine.get', ['*', ' , '])).rejects.toThrow('name at least one entry')
    await expect(minion().call('mine.get', ['*'])).rejects.toThrow("needs the argument 'fun'")
  })
})

describe('mine.update', () => {
  const configured = {
    'test.ping': [],
    addrs: [{ mine_function: 'network.ip_addrs', allow_tgt: 'db*' }, 'eth0'],
  }

  it('sends all that is configured', async () => {
    const { call, sent, kept } = minion(configured)
    expect(await call('mine.update')).toBe(true)
    expect(sent).toEqual([
      ['test.ping', { fun: 'test.ping', arg: [], kwarg: {} }, undefined],
      ['addrs', { fun: 'network.ip_addrs', arg: ['eth0'], kwarg: {} }, { tgt: 'db*', tgt_type: 'glob' }],
    ])
    expect(kept).toEqual([])
  })

  it.each<[string, unknown, string[]]>([
    ['a list', ['a.b', 'c.d'], ['a.b', 'c.d']],
    ['a map', { e: { mine_function: 'f.g' } }, ['e']],
    ['an empty map, as in Salt', {}, ['test.ping', 'addrs']],
  ])('sends those given instead: %s', async (_what, given, names) => {
    const { call, sent } = minion(configured)
    await call('mine.update', [false, given])
    expect(sent.map(([name]) => name)).toEqual(names)
  })

  it('removes other entries where that is wanted, after the new ones are there', async () => {
    const { call, kept, sent } = minion({ ...configured, 'no.such': null })
    await expect(call('mine.update', [true])).rejects.toThrow('1 of 3 entries')
    expect(kept).toEqual([['flush', ['test.ping', 'addrs', 'no.such']]])
    expect(sent).toHaveLength(2)
  })

  it('sends the others where some fail, and names those', async () => {
    const { call, sent } = minion({ 'no.such': [], 'mine.get': [], odd: 5, 'test.ping': null })
    await expect(call('mine.update')).rejects.toMatchObject({
      code: 'function_failed',
      message: expect.stringMatching(
        /^3 of 4 entries of the mine could not be updated: no\.such: 'no\.such' is not available\.; mine\.get: .*; odd: .*/,
      ),
    })
    expect(sent.map(([name]) => name)).toEqual(['test.ping'])
  })

  it('gives up at once where the mine is away, and removes nothing', async () => {
    const { call, sent, kept } = minion({ a: [], away: [], b: [] })
    await expect(call('mine.update', [true])).rejects.toMatchObject({ code: 'unreachable' })
    expect([sent.map(([name]) => name), kept]).toEqual([['a'], []])
  })

  it('has nothing to do where nothing is configured', async () => {
    expect(await minion().call('mine.update')).toBeNull()
    expect(await minion(configured).call('mine.update', [], { mine_functions: [] })).toBeNull()
  })
})

it('entries are removed, one or all', async () => {
  const { call, kept } = minion()
  expect([await call('mine.delete', ['x.y']), await call('mine.flush')]).toEqual([true, true])
  expect(kept).toEqual([
    ['delete', 'x.y'],
    ['flush', undefined],
  ])
})
