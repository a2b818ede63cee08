import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import diskusage from '../../src/beacons/diskusage.ts'
import { mountPattern } from '../../src/execution/mount-pattern.ts'
import { mountPoints } from '../../src/execution/mounts.ts'
import { testFolder } from '../helpers/folder.ts'
import { openBeacon } from './open.ts'

describe('the beacon diskusage', () => {
  it('tells how full a mount point is, as df does', async () => {
    const { poll } = await openBeacon(diskusage, { '/': '0%' })
    const [found, ...others] = await poll()
    expect(others).toEqual([])
    expect(found).toMatchObject({ thing: '/', state: 'over', tell: true, data: { mount: '/' } })
    const df = Number.parseInt(execFileSync('df', ['--output=pcent', '/'], { encoding: 'utf8' }).split('\n')[1]!, 10)
    // df rounds up.
    expect(Math.abs((found!.data.diskusage as number) - df)).toBeLessThanOrEqual(2)
  })

  it('does not tell of one that is less full than is set', async () => {
    const { poll } = await openBeacon(diskusage, { '/': 100 })
    expect(await poll()).toMatchObject([{ data: { mount: '/' }, state: 'under', tell: false }])
  })

  it('takes the mount points that a regular expression fits as a whole, each once and with its lowest limit', async () => {
    const { poll } = await openBeacon(diskusage, { '/': '100%', '^/.*$': '0%' })
    const found = await poll()
    const mounts = found.map(({ data }) => data.mount)
    expect(mounts).toContain('/')
    expect(new Set(mounts).size).toBe(mounts.length)
    // What stores nothing is not full.
    expect(mounts).not.toContain('/proc')
    expect(found.find(({ data }) => data.mount === '/')).toMatchObject({ tell: true })
  })

  it('says once that nothing is mounted where it is to look, and looks at the others', async () => {
    const folder = await testFolder()
    const { poll, lines } = await openBeacon(diskusage, { [folder]: '0%', '/': '0%' })
    expect(await poll()).toHaveLength(1)
    expect(await poll()).toHaveLength(1)
    expect(lines.items.map(({ msg }) => msg)).toEqual([
      `nothing is mounted on ${folder}: how full it is cannot be told`,
    ])
  })

  it('refuses what is neither a mount point nor a pattern of some', async () => {
    await expect(openBeacon(diskusage, { intervall: 5 })).rejects.toThrow("'intervall' is neither a mount point")
    await expect(openBeacon(diskusage, { '^/(?<!a)b$': 5 })).rejects.toThrow('look-ahead and look-behind')
    await expect(openBeacon(diskusage, { '/': 'much' })).rejects.toThrow('expected a percentage such as 63%')
    await expect(openBeacon(diskusage, {})).rejects.toThrow('expected at least one mount point')
  })
})

describe('patterns of mount points', () => {
  const fits = (pattern: string, path: string) => {
    const found = mountPattern(pattern)
    return 'fits' in found ? found.fits(path) : found.path === path
  }
  it('understand the exception that Salt shows', () => {
    const but = '^\\/(?!home).*$'
    expect(['/', '/var', '/ho', '/home', '/homes', '/home/a', '/srv/home'].filter(path => fits(but, path))).toEqual([
      '/',
      '/var',
      '/ho',
      '/srv/home',
    ])
  })

  it('fit whole paths; a path stands for itself', () => {
    expect(fits('/srv/.*', '/srv/a')).toBe(true)
    expect(fits('/srv/[ab]', '/srv/ab')).toBe(false)
    expect(fits('/srv/my.data', '/srv/my.data')).toBe(true)
    expect(fits('/srv/my.data', '/srv/myxdata')).toBe(false)
    expect(fits('/srv/', '/srv')).toBe(true)
  })

  it('cannot make the minion hang', () => {
    expect(fits('^(/a+)+$', `/${'a'.repeat(50_000)}!`)).toBe(false)
    expect(() => mountPattern('((x{30}){30}){30}')).toThrow('at most 10000')
  })
})

describe('mount points', () => {
  it('are those that the system lists, blanks in their names included', async () => {
    const list = `${await testFolder()}/mounts`
    await writeFile(list, 'a / ext4 rw 0 0\nb /my\\040disk ext4 rw 0 0\nc / overlay rw 0 0\n')
    expect(mountPoints(list)).toEqual(['/', '/my disk'])
    expect(mountPoints(`${list}-not-there`)).toBeUndefined()
  })
})
