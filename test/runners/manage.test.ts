import { describe, expect, it } from 'vitest'
import { VERSION } from '../../src/base/version.ts'
import type { Gathered, PublishRequest } from '../../src/functions/context.ts'
import type { JobReturn } from '../../src/protocol/job.ts'
import { caller } from '../modules/call.ts'

const fleet = [
  { id: 'web1', grains: { ipv4: ['127.0.0.1', '10.0.0.1'], reactorversion: VERSION } },
  { id: 'web2', grains: { ipv4: ['10.0.1.2'], reactorversion: '0.0.1' } },
  { id: 'db1', grains: { ipv6: ['::1', 'fe80::1', '2001:db8::1'], reactorversion: VERSION } },
]

/** `accepted`: ids with a key that were never there. */
function worker(connected: string[], accepted: string[] = []) {
  const probed: [PublishRequest, number][] = []
  const { call } = caller('runner', {
    fleet: () => fleet,
    connected: async () => connected,
    presence: async () => ({ connected, not_connected: accepted }),
    async probe(request: PublishRequest, timeoutMs: number): Promise<Gathered> {
      probed.push([request, timeoutMs])
      const answered = { web2: { return: false } as JobReturn, web1: { return: true } as JobReturn }
      return {
        jid: '1',
        minions: ['web2', 'web1', 'db1', 'db0'],
        returns: answered,
        offline: ['db1'],
        refused: {},
        silent: ['db0'],
      }
    },
  } as unknown as Parameters<typeof caller>[1])
  return { call, probed }
}

describe('the ping of manage', () => {
  it('says who is up and who is down', async () => {
    const { call } = worker([])
    expect(await call('manage.status')).toEqual({ up: ['web1', 'web2'], down: ['db0', 'db1'] })
    expect(await call('manage.up')).toEqual(['web1', 'web2'])
    expect(await call('manage.down')).toEqual(['db0', 'db1'])
  })

  it('goes to those that are wanted and waits as long as is said', async () => {
    const { call, probed } = worker([])
    await call('manage.up')
    await call('manage.status', [true, 'G@os:Debian', 'compound', 2, 3])
    await call('manage.down', [], { tgt: ['a', 'b'], timeout: 1 })
    expect(probed).toEqual([
      [{ tgt: '*', tgt_type: 'glob', fun: 'test.ping', timeout: 5 }, 5000],
      [{ tgt: 'G@os:Debian', tgt_type: 'compound', fun: 'test.ping', timeout: 2 }, 5000],
      [{ tgt: ['a', 'b'], tgt_type: 'list', fun: 'test.ping', timeout: 1 }, 1000],
    ])
  })

  it('refuses by name what it cannot do', async () => {
    const { call, probed } = worker([])
    await expect(call('manage.down', [true])).rejects.toThrow(
      "argument 'removekeys': a minion that is only off would lose its key",
    )
    await expect(call('manage.status', [false])).rejects.toThrow("argument 'output': the answer is always returned")
    await expect(call('manage.up', [], { timeout: 0 })).rejects.toThrow("argument 'timeout'")
    expect(probed).toEqual([])
  })
})

describe('presence', () => {
  it('is known without asking the minions', async () => {
    const { call, probed } = worker(['web1', 'db1', 'new'])
    expect(await call('manage.list_state')).toEqual(['db1', 'new', 'web1'])
    expect(await call('manage.list_not_state')).toEqual(['web2'])
    expect(probed).toEqual([])
  })

  it.each(['present', 'joined', 'allowed', 'alived', 'reaped'])('is asked for as %s too', async name => {
    const { call } = worker(['web1', 'new'], ['never'])
    expect(await call(`manage.${name}`)).toEqual(['new', 'web1'])
    expect(await call(`manage.${name}`, ['web1,never'])).toEqual(['web1'])
    expect(await call(`manage.not_${name}`)).toEqual(['db1', 'never', 'web2'])
    expect(await call(`manage.not_${name}`, ['web1,never'])).toEqual(['never'])
    expect(await call(`manage.not_${name}`, [], { show_ip: true })).toEqual({
      db1: '2001:db8::1',
      never: null,
      web2: '10.0.1.2',
    })
  })

  it('is told of some minions alone', async () => {
    const { call } = worker(['web1', 'web2', 'db1'])
    expect(await call('manage.list_state', ['web1, web2,nobody'])).toEqual(['web1', 'web2'])
    expect(await call('manage.list_state', [['db1']])).toEqual(['db1'])
    expect(await call('manage.list_state', ['10.0.0.0/24'])).toEqual(['web1'])
    expect(await call('manage.list_not_state', ['10.0.0.0/8'])).toEqual([])
  })

  it('comes with an address of each from its grains', async () => {
    const { call } = worker(['web1', 'db1', 'new'])
    expect(await call('manage.list_state', [], { show_ip: true })).toEqual({
      db1: '2001:db8::1',
      new: null,
      web1: '10.0.0.1',
    })
    expect(await call('manage.list_not_state', [null, true])).toEqual({ web2: '10.0.1.2' })
  })
})

it('versions are those of the connected minions', async () => {
  const { call } = worker(['web1', 'web2', 'new'])
  expect(await call('manage.versions')).toEqual({
    Master: VERSION,
    'Up to date': { web1: VERSION },
    'Minion requires update': { new: 'unknown', web2: '0.0.1' },
    'Minion offline': { db1: false },
  })
})
