import { describe, expect, it } from 'vitest'
import type { MinionPillar, Pillar, PillarRequest } from '../../src/functions/minion-data.ts'
import { caller } from './call.ts'

const VALUE = { web: { ports: [80, 443], tls: true }, users: { ann: {} }, motd: 'hello' }

function minionWith(current: Pillar, fresh: Pillar = current) {
  const asked: (PillarRequest | undefined)[] = []
  const pillar: MinionPillar = {
    current: () => current,
    async compile(request) {
      asked.push(request)
      return fresh
    },
    refresh: async () => fresh,
    hide: value => value,
  }
  return { ...caller('execution', { pillar }), asked }
}

const { call } = minionWith({ value: VALUE, errors: [] })

describe('pillar.get', () => {
  it.each([
    ['motd', 'hello'],
    ['web:ports:1', 443],
    ['web:ports:-1', 443],
    ['web', VALUE.web],
    ['web:none', ''],
    ['constructor', ''],
    ['users:__proto__', ''],
  ])('finds %s as %j', async (key, value) => {
    expect(await call('pillar.get', [key])).toEqual(value)
  })

  it('takes a default and another delimiter', async () => {
    expect(await call('pillar.get', ['nope', { a: 1 }])).toEqual({ a: 1 })
    expect(await call('pillar.get', ['nope'], { default: null })).toBeNull()
    expect(await call('pillar.get', ['web|tls'], { delimiter: '|' })).toBe(true)
    expect(await call('pillar.fetch', ['motd'])).toBe('hello')
  })

  it.each<[string, unknown, unknown]>([
    ['web', { ports: [22], plain: 1 }, { ports: [22, 80, 443], plain: 1, tls: true }],
    ['web:ports', [22], [22, 80, 443]],
    ['nope', { a: 1 }, { a: 1 }],
  ])('merges %s over a default', async (key, fallback, value) => {
    expect(await call('pillar.get', [key, fallback], { merge: true })).toEqual(value)
  })

  it('merges no lists where it is told so, and nothing that does not fit', async () => {
    const options = { default: { ports: [22] }, merge: true }
    expect(await call('pillar.get', ['web'], { ...options, merge_nested_lists: false })).toEqual(VALUE.web)
    await expect(call('pillar.get', ['motd'], options)).rejects.toThrow("the value of 'motd' are neither")
  })

  it('compiles the pillar anew where an environment is asked for', async () => {
    const { call, asked } = minionWith({ value: VALUE, errors: [] }, { value: { motd: 'dev' }, errors: [] })
    expect(await call('pillar.get', ['motd'], { pillarenv: 'dev' })).toBe('dev')
    expect(await call('pillar.item', ['motd'], { saltenv: 'dev' })).toEqual({ motd: 'dev' })
    expect(asked).toEqual([{ pillarenv: 'dev' }, { saltenv: 'dev' }])
  })
})

describe('pillar.items', () => {
  it('compiles it anew, with what is laid over it, and may be asked for some keys', async () => {
    const { call, asked } = minionWith({ value: {}, errors: [] }, { value: VALUE, errors: [] })
    expect(await call('pillar.items')).toEqual(VALUE)
    expect(await call('pillar.items', ['motd', 'nope'])).toEqual({ motd: 'hello', nope: '' })
    expect(await call('pillar.data', [], { pillar: { a: 1 }, pillarenv: 'dev' })).toEqual(VALUE)
    expect(asked.at(-1)).toEqual({ override: { a: 1 }, pillarenv: 'dev' })
  })

  it('says under _errors what could not be rendered, and fails', async () => {
    const { call, recorded } = minionWith({ value: { a: 1 }, errors: ["Rendering SLS 'x' failed."] })
    expect(await call('pillar.items')).toEqual({ a: 1, _errors: ["Rendering SLS 'x' failed."] })
    expect(recorded.retcode).toBe(1)
  })

  it.each<[Record<string, unknown>, string]>([
    [
      { pillarev: 'dev' },
      "pillar.items has no argument 'pillarev', but pillar, pillarenv, saltenv. Did you mean 'pillarenv'?",
    ],
    [{ pillar: 'x' }, 'pillar must be a map, got "x"'],
    [{ saltenv: 1 }, 'saltenv must be the name of an environment, got 1'],
  ])('refuses %j', async (options, message) => {
    await expect(call('pillar.items', [], options)).rejects.toThrow(message)
  })
})

describe('module pillar', () => {
  it('lists keys, and gives values by name', async () => {
    expect(await call('pillar.keys', ['web'])).toEqual(['ports', 'tls'])
    expect(await call('pillar.ls')).toEqual(['web', 'users', 'motd'])
    expect(await call('pillar.item', ['motd', 'web:tls', 'nope'])).toEqual({ motd: 'hello', 'web:tls': true, nope: '' })
    expect(await call('pillar.raw')).toEqual(VALUE)
    expect(await call('pillar.raw', ['motd'])).toBe('hello')
    expect(await call('pillar.raw', ['nope'])).toEqual({})
  })

  it.each([
    ['nope', 'Pillar key not found: nope'],
    ['motd', 'Pillar value for key motd is not a dictionary'],
  ])('has no keys of %s', async (key, message) => {
    await expect(call('pillar.keys', [key])).rejects.toThrow(message)
  })

  it.each(['pillar.get', 'pillar.keys', 'pillar.item', 'pillar.raw'])('says where it has none yet: %s', async fun => {
    const { call } = minionWith({ value: {}, errors: ['it has not been fetched yet'] })
    await expect(call(fun, ['web'])).rejects.toThrow('it has not been fetched yet')
  })
})

describe('saltutil.refresh_pillar', () => {
  it('is true once the pillar is in force', async () => {
    expect(await call('saltutil.refresh_pillar')).toBe(true)
  })

  it('fails with what could not be rendered', async () => {
    const { call } = minionWith({ value: {}, errors: ['no such SLS'] })
    await expect(call('saltutil.refresh_pillar')).rejects.toThrow('Pillar failed to render:\nno such SLS')
  })
})
