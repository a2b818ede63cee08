import { describe, expect, it } from 'vitest'
import { resolveTarget } from '../../../src/protocol/target.ts'
import { CONTEXT, minion, refusal } from './minions.ts'

const PILLAR = { ...CONTEXT, pillar: true }
const GRAINS = {
  os: 'Ubuntu',
  osrelease: '24.04',
  num_cpus: 8,
  domain: '',
  virtual: null,
  selinux: { enabled: false, enforced: 'Disabled' },
  roles: ['web', 'cache'],
  foo: { bar: 'baz:woz' },
  abc: ['def', 'ghi', { lorem: { ipsum: [{ dolor: 'sit' }] } }],
  a: { b: { ç: 'd', é: ['eff', 'gee', '8ch'], ĩ: { j: 'k' } } },
  ip_interfaces: { eth0: ['10.0.0.1', 'fe80::1'], lo: [] },
  empty: {},
  nested: [['deep']],
  url: 'https://example.test:8080/x',
}
const matches = (type: string, tgt: string) =>
  resolveTarget(tgt, type, [minion('m', GRAINS)], CONTEXT).minions.length > 0

describe('a grain target', () => {
  it.each([
    'os:Ubuntu',
    'os:ubuntu',
    'os:U*',
    'os:*',
    'num_cpus:8',
    'osrelease:2[0-9].04',
    'selinux:enabled:False',
    'selinux:enabled',
    'selinux:*',
    'virtual:None',
    'virtual:*',
    'domain:',
    'roles:web',
    'roles:c*',
    'roles:0:web',
    'roles:-1:cache',
    'foo:bar:baz:woz',
    'url:https://example.test:8080/*',
    'abc:def',
    'abc:lorem:ipsum:dolor:sit',
    'ip_interfaces:eth0:fe80::1',
    'ip_interfaces:*:10.0.0.*',
    'nested:deep',
    '*:Ubuntu',
    '*:*:*:*',
    'a:*:*:*',
    'a:b:*:*',
    'a:b:ç:*',
    'a:b:*:d',
    'a:*:ç:d',
    '*:b:ç:d',
    '*:*:ç:d',
    '*:*:*:d',
    'a:b:*:ef*',
    'a:b:*:g*',
    'a:b:*:j:*',
    'a:b:*:j:k',
    'a:b:*:*:k',
  ])('%s matches', tgt => {
    expect(matches('grain', tgt)).toBe(true)
  })

  it.each([
    'os:Debian',
    'OS:Ubuntu',
    'os:Ubunt',
    'os:',
    'nothing:*',
    'num_cpus:80',
    'roles:we',
    'roles:2:*',
    'roles:-3:*',
    'foo:bar:baz',
    'foo:bar:baz:woz:wiz',
    'a:c:d',
    'a:ç:d',
    'empty:*',
    'ip_interfaces:lo:*',
    'abc:jkl',
    'selinux:enabled:True',
    'constructor:*',
    '__proto__:*',
    'os:length:6',
  ])('%s does not match', tgt => {
    expect(matches('grain', tgt)).toBe(false)
  })

  it.each([
    ['os', "a grain target is key:glob, got 'os'; 'os:*' asks for any value"],
    [':Ubuntu', 'the key is missing'],
    [`${'a:'.repeat(64)}b`, "at most 64 parts between ':', got 65"],
  ])('%s is refused', (tgt, reason) => {
    expect(refusal(() => matches('grain', tgt))).toContain(reason)
  })

  it('comes to an end on keys and data that lead to each other on many ways', () => {
    const tower = (depth: number): unknown =>
      depth === 0 ? 'x' : [{ a: tower(depth - 1), b: { a: tower(depth - 1) } }]
    const fleet = [minion('m', { a: tower(8) })]
    const tgt = `${Array(30).fill('*').join(':')}:y`
    expect(resolveTarget(tgt, 'grain', fleet, CONTEXT).minions).toEqual([])
    expect(resolveTarget(`${'a:'.repeat(40)}y`, 'grain', fleet, CONTEXT).minions).toEqual([])
  })

  it('does not match a minion whose grains are not known', () => {
    expect(resolveTarget('os:*', 'grain', [minion('new')], CONTEXT).minions).toEqual([])
  })
})

describe('a grain_pcre target', () => {
  it.each([
    'os:(ubuntu|debian)',
    'os:U',
    'os:\\D+$',
    'roles:^c',
    'ip_interfaces:eth0:10\\.',
    'url:https?://',
    'foo:bar:(baz:woz)',
  ])('%s matches', tgt => {
    expect(matches('grain_pcre', tgt)).toBe(true)
  })

  it.each(['os:buntu', 'os:Ubuntu.', 'roles:eb', 'num_cpus:\\D'])('%s does not match', tgt => {
    expect(matches('grain_pcre', tgt)).toBe(false)
  })

  it.each([
    ['os', "'os:.' asks for any value"],
    ['os:', 'the regex is empty'],
    ['os:(Ubuntu', 'missing closing )'],
    ['selinux:enabled:(?!x)', 'look-ahead'],
  ])('%s is refused', (tgt, reason) => {
    expect(refusal(() => matches('grain_pcre', tgt))).toContain(reason)
  })
})

describe('a pillar target', () => {
  const fleet = [
    minion('web1', { role: 'grain' }, { role: 'web', ports: [80, 443] }),
    minion('web2', {}, { role: 'we*' }),
    minion('none', { role: 'web' }),
  ]
  it.each([
    ['pillar', 'role:we*', ['web1', 'web2']],
    ['pillar', 'ports:443', ['web1']],
    ['pillar_pcre', 'role:w.b', ['web1']],
    ['pillar_exact', 'role:we*', ['web2']],
    ['pillar_exact', 'role:WEB', ['web1']],
    ['compound', 'I@role:we* and not J@role:web$', ['web2']],
    ['compound_pillar_exact', 'I@role:we*', ['web2']],
    ['compound_pillar_exact', 'J@role:web', ['web1']],
    ['compound_pillar_exact', 'J@role:w.b', []],
    ['compound_pillar_exact', 'G@role:w*', ['none']],
  ])('of type %s %s matches %j', (type, tgt, minions) => {
    expect(resolveTarget(tgt, type, fleet, PILLAR).minions).toEqual(minions)
  })
})

describe('an ipcidr target', () => {
  const fleet = [
    minion('v4', { ipv4: ['127.0.0.1', '10.1.2.3'], ipv6: ['::1'] }),
    minion('v6', { ipv4: ['127.0.0.1'], ipv6: ['::1', '2001:db8::7', 'fe80::1%eth0'] }),
    minion('text', { ipv4: '10.9.9.9' }),
    minion('odd', { ipv4: [7, null, 'x', { a: 1 }], ipv6: 'y' }),
    minion('new'),
  ]
  it.each([
    ['10.0.0.0/8', ['text', 'v4']],
    ['10.1.2.0/24', ['v4']],
    ['10.1.2.3', ['v4']],
    ['10.1.2.3/32', ['v4']],
    ['10.1.0.0/255.255.0.0', ['v4']],
    ['0.0.0.0/0', ['text', 'v4', 'v6']],
    ['10.1.2.4', []],
    ['::1', ['v4', 'v6']],
    ['2001:db8::/32', ['v6']],
    ['2001:0DB8:0:0:0:0:0:7', ['v6']],
    ['2001:db8::0.0.0.7', ['v6']],
    ['fe80::/10', ['v6']],
    ['2001:db9::/32', []],
    ['::ffff:10.1.2.3', []],
  ])('%s matches %j', (tgt, minions) => {
    expect(resolveTarget(tgt, 'ipcidr', fleet, CONTEXT).minions).toEqual(minions)
  })

  it.each([
    ['10.1.2.3/8', 'has bits set behind its prefix; the network is 10.0.0.0/8'],
    ['2001:db8::1/32', 'has bits set behind its prefix'],
    ['10.0.0.0/33', 'is a number from 0 to 32, or a netmask'],
    ['10.0.0.0/', 'is a number from 0 to 32'],
    ['10.0.0.0/-1', 'is a number from 0 to 32'],
    ['10.0.0.0/255.0.255.0', 'is a number from 0 to 32, or a netmask'],
    ['2001:db8::/129', 'is a number from 0 to 128'],
    ['10.0.0.0/8/8', 'an ipcidr target is an address or a network'],
    ['10.0.0', 'an ipcidr target is an address or a network'],
    ['010.0.0.1', 'an ipcidr target is an address or a network'],
    ['10.0.*', 'an ipcidr target is an address or a network'],
    ['web1', 'an ipcidr target is an address or a network'],
  ])('%s is refused', (tgt, reason) => {
    expect(refusal(() => resolveTarget(tgt, 'ipcidr', fleet, CONTEXT))).toContain(reason)
  })
})
