import { describe, expect, it } from 'vitest'
import { caller } from './call.ts'

describe('module grains', () => {
  const grains = {
    os: 'Debian',
    empty: [],
    ip_interfaces: { eth0: ['10.0.0.1', 'fe80::1'] },
    disks: [{ sda: { size: 5 } }, { sdb: { size: 7 } }],
  }
  const { call } = caller('execution', { grains })

  it('returns all, some and the names', async () => {
    expect(await call('grains.items')).toEqual(grains)
    expect(await call('grains.item', ['os', 'ip_interfaces:eth0:0', 'nope'])).toEqual({
      os: 'Debian',
      'ip_interfaces:eth0:0': '10.0.0.1',
      nope: '',
    })
    expect(await call('grains.ls')).toEqual(['disks', 'empty', 'ip_interfaces', 'os'])
    expect(await call('grains.keys')).toEqual(await call('grains.ls'))
  })

  it.each([
    ['os', 'Debian'],
    ['ip_interfaces:eth0:1', 'fe80::1'],
    ['ip_interfaces:eth0:-1', 'fe80::1'],
    ['disks:sdb:size', 7],
    ['disks:0:sda:size', 5],
    ['ip_interfaces:eth0:2', ''],
    ['os:x', ''],
    ['constructor', ''],
    ['disks:__proto__', ''],
  ])('finds %s as %j', async (key, value) => {
    expect(await call('grains.get', [key])).toEqual(value)
  })

  it('takes a default and another delimiter', async () => {
    expect(await call('grains.get', ['nope', 'none'])).toBe('none')
    expect(await call('grains.get', ['nope'], { default: null })).toBe(null)
    expect(await call('grains.get', ['ip_interfaces|eth0|0'], { delimiter: '|' })).toBe('10.0.0.1')
  })

  it('knows which grains have a value', async () => {
    expect(await call('grains.has_value', ['disks:sda'])).toBe(true)
    expect(await call('grains.has_value', ['empty'])).toBe(false)
    expect(await call('grains.has_value', ['nope'])).toBe(false)
  })

  it('chooses from a table by a grain, as Salt does', async () => {
    const lookup = { Deb: { a: 1 }, 'Deb*': { pkg: 'apache2', conf: { x: 1 } }, default: { pkg: 'none' } }
    const filter = (kwarg: Record<string, unknown>) => call('grains.filter_by', [lookup], kwarg)
    expect(await filter({ grain: 'os' })).toEqual({ pkg: 'apache2', conf: { x: 1 } })
    expect(await filter({ grain: 'nope' })).toEqual({ pkg: 'none' })
    expect(await filter({ grain: 'os', merge: { conf: { y: 2 } } })).toEqual({ pkg: 'apache2', conf: { x: 1, y: 2 } })
    expect(await filter({ grain: 'os', base: 'Deb' })).toEqual({ a: 1, pkg: 'apache2', conf: { x: 1 } })
    expect(await filter({ grain: 'nope', default: 'x' })).toBe(null)
    expect(await filter({ grain: 'os', merge: null })).toEqual({ pkg: 'apache2', conf: { x: 1 } })
  })
})
