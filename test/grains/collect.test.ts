import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { collectGrains } from '../../src/grains/collect.ts'
import { type MachineFacts, machine } from '../../src/grains/machine.ts'
import { addresses, names } from '../../src/grains/network.ts'
import { linuxOs, macOs } from '../../src/grains/os.ts'

const uname = (flag: string) => execFileSync('uname', [flag]).toString().trim()

describe('collected grains', () => {
  it('agree with what the system says of itself', async () => {
    const grains = await collectGrains({ id: 'web1' })
    expect(grains).toMatchObject({
      id: 'web1',
      kernel: uname('-s'),
      kernelrelease: uname('-r'),
      cpuarch: uname('-m'),
      nodename: uname('-n'),
      pid: process.pid,
      nodeversion: process.versions.node,
      reactorversion: expect.stringMatching(/^\d+\.\d+\.\d+/),
      num_cpus: expect.any(Number),
      mem_total: expect.any(Number),
      uid: process.getuid!(),
    })
    expect(grains.ipv4).toContain('127.0.0.1')
    for (const name of ['os', 'os_family', 'osfinger', 'host', 'cpu_model', 'path', 'cwd', 'init', 'locale_info']) {
      expect(grains[name], name).toBeTruthy()
    }
  })

  it('are JSON, whole', async () => {
    const grains = await collectGrains({ id: 'web1' })
    expect(JSON.parse(JSON.stringify(grains))).toEqual(grains)
  })

  it('give way to static grains, but not the id', async () => {
    const grains = await collectGrains({ id: 'web1', config: { role: 'db', os: 'Mine', id: 'other' } })
    expect(grains).toMatchObject({ id: 'web1', role: 'db', os: 'Mine', kernel: uname('-s') })
  })
})

describe('the operating system', () => {
  it.each([
    [
      'Debian',
      'NAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION="12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian',
      {
        os: 'Debian',
        os_family: 'Debian',
        osfullname: 'Debian GNU/Linux',
        osrelease: '12',
        osmajorrelease: 12,
        oscodename: 'bookworm',
        osfinger: 'Debian-12',
        osrelease_info: [12],
      },
    ],
    [
      'Ubuntu',
      'NAME="Ubuntu"\nVERSION_ID="22.04"\nVERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian',
      {
        os: 'Ubuntu',
        os_family: 'Debian',
        osfullname: 'Ubuntu',
        osrelease: '22.04',
        osmajorrelease: 22,
        oscodename: 'jammy',
        osfinger: 'Ubuntu-22.04',
        osrelease_info: [22, 4],
      },
    ],
    [
      'CentOS',
      'NAME="CentOS Linux"\nVERSION="8 (Core)"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="8"',
      {
        os: 'CentOS',
        os_family: 'RedHat',
        osfullname: 'CentOS Linux',
        osrelease: '8',
        osmajorrelease: 8,
        oscodename: 'Core',
        osfinger: 'CentOS Linux-8',
        osrelease_info: [8],
      },
    ],
    [
      'a rolling release',
      'NAME="Arch Linux"\nPRETTY_NAME="Arch Linux"\nID=arch\nBUILD_ID=rolling',
      {
        os: 'Arch',
        os_family: 'Arch',
        osfullname: 'Arch Linux',
        osrelease: '',
        oscodename: 'Arch Linux',
        osfinger: 'Arch Linux',
        osrelease_info: [],
      },
    ],
    [
      'a descendant that nobody listed',
      'NAME=\'Some OS\'\nVERSION_ID=3\nID=someos\nID_LIKE="x debian"',
      {
        os: 'Some OS',
        os_family: 'Debian',
        osfullname: 'Some OS',
        osrelease: '3',
        osmajorrelease: 3,
        oscodename: '',
        osfinger: 'Some OS-3',
        osrelease_info: [3],
      },
    ],
  ])('has the names that Salt gives to %s', (_name, osRelease, grains) => {
    expect(linuxOs(osRelease)).toEqual(grains)
  })

  it('is MacOS where the property list says so', () => {
    const plist = '<key>ProductName</key>\n<string>macOS</string><key>ProductVersion</key> <string>14.5</string>'
    expect(macOs(plist)).toMatchObject({ os: 'MacOS', os_family: 'MacOS', osrelease: '14.5', osfinger: 'MacOS-14' })
  })

  it('is plain Linux where nothing is known', () => {
    expect(linuxOs('')).toMatchObject({ os: 'Linux', os_family: 'Linux', osfinger: 'Linux' })
  })
})

describe('names and addresses', () => {
  it('takes the full name from /etc/hosts', () => {
    expect(names('web1', '127.0.0.1 localhost\n10.0.0.5 web1.example.org web1 # us')).toEqual({
      nodename: 'web1',
      localhost: 'web1',
      host: 'web1',
      domain: 'example.org',
      fqdn: 'web1.example.org',
    })
    expect(names('web1', '# 10.0.0.5 web1.example.org web1')).toMatchObject({ fqdn: 'web1', domain: '' })
    expect(names('a.b.c', '')).toMatchObject({ fqdn: 'a.b.c', host: 'a', domain: 'b.c' })
  })

  it('groups addresses by interface and family', () => {
    const info = { netmask: '', internal: false, cidr: null, mac: '02:00:00:00:00:01' }
    const eth0 = [
      { ...info, address: '10.0.0.5', family: 'IPv4' as const },
      { ...info, address: 'fe80::5', family: 'IPv6' as const, scopeid: 2 },
    ]
    expect(addresses({ eth0 })).toEqual({
      ipv4: ['10.0.0.5'],
      ipv6: ['fe80::5'],
      ip_interfaces: { eth0: ['10.0.0.5', 'fe80::5'] },
      ip4_interfaces: { eth0: ['10.0.0.5'] },
      ip6_interfaces: { eth0: ['fe80::5'] },
      hwaddr_interfaces: { eth0: '02:00:00:00:00:01' },
    })
  })
})

describe('the machine', () => {
  const bare: MachineFacts = {
    marks: new Set(),
    initName: '',
    initCgroup: '',
    vendor: '',
    product: '',
    hypervisor: false,
  }
  it.each<[string, Partial<MachineFacts>, Record<string, unknown>]>([
    ['nothing known', {}, { init: 'unknown' }],
    [
      'systemd on metal',
      { marks: new Set(['/run/systemd/system']), vendor: 'Dell Inc.', initName: 'systemd' },
      { init: 'systemd', virtual: 'physical', manufacturer: 'Dell Inc.' },
    ],
    ['an old init', { initName: 'init' }, { init: 'sysvinit' }],
    [
      'Docker',
      { marks: new Set(['/.dockerenv']), vendor: 'QEMU' },
      { init: 'unknown', virtual: 'container', virtual_subtype: 'Docker', manufacturer: 'QEMU' },
    ],
    [
      'Kubernetes',
      { initCgroup: '0::/kubepods/burstable/x' },
      { init: 'unknown', virtual: 'container', virtual_subtype: 'Kubernetes' },
    ],
    ['a virtual machine', { vendor: 'QEMU' }, { init: 'unknown', virtual: 'kvm', manufacturer: 'QEMU' }],
    ['a nameless hypervisor', { hypervisor: true }, { init: 'unknown', virtual: 'unknown' }],
  ])('is told for %s', (_name, facts, grains) => {
    expect(machine({ ...bare, ...facts })).toEqual(grains)
  })
})
