import { execFileSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { createApt } from '../../src/execution/packages/apt.ts'
import { compareDebian } from '../../src/execution/packages/debian-version.ts'
import { detectPackages } from '../../src/execution/packages/detect.ts'
import { fulfils, readSpecs, specText } from '../../src/execution/packages/spec.ts'
import { testFolder } from '../helpers/folder.ts'
import { hasApt, packageRoot } from './package-root.ts'

const limits = { timeoutMs: 60_000 }
const isRoot = await hasApt()
const sign = (order: number) => Math.sign(order)

describe('versions of Debian', () => {
  const versions = [
    '1.0',
    '1.0-1',
    '1:0.9',
    '1.0~rc1',
    '1.0~~',
    '1.0a',
    '1.0+b1',
    '1.10',
    '1.9',
    '0',
    '00',
    '1.0-1.1',
    '2~-1',
    'a',
    '1.a',
    '1.~',
  ]

  it.runIf(isRoot)('are in the order in which dpkg has them', () => {
    for (const a of versions)
      for (const b of versions.slice(0, 8)) {
        const order = sign(compareDebian(a, b))
        const operator = order < 0 ? 'lt' : order > 0 ? 'gt' : 'eq'
        expect(
          () => execFileSync('dpkg', ['--compare-versions', a, operator, b], { stdio: 'ignore' }),
          `${a} ${operator} ${b}`,
        ).not.toThrow()
      }
  })

  it('come with an epoch first, a tilde before the end, numbers as numbers', () => {
    const sorted = ['1.0~rc1', '1.0', '1.0-1', '1.0-1.1', '1.0a', '1.0+b1', '1.9', '1.10', '1:0.9']
    expect([...sorted].reverse().sort(compareDebian)).toEqual(sorted)
    expect(compareDebian('0', '00')).toBe(0)
  })
})

describe('what is asked of a version', () => {
  it.each([
    ['1.2', '1.2', true],
    ['1.2', '=1.2', true],
    ['1.2', '>=1.2,<2', true],
    ['2.0', '>=1.2,<2', false],
    ['1.2.7', '1.2.*', true],
    ['1.20', '1.2.*', false],
    ['1.10', '> 1.9', true],
    ['1.2', '!=1.2', false],
  ])('%s is %s: %s', (version, text, expected) => {
    expect(fulfils(version, text, compareDebian)).toBe(expected)
  })

  it('is read of one package, or of each of several', () => {
    expect(readSpecs('nginx', undefined, undefined)).toEqual([{ name: 'nginx' }])
    const specs = readSpecs('x', undefined, ['nginx', { redis: '>=7', 'libc6:i386': null }])
    expect(specs.map(specText)).toEqual(['nginx', 'redis>=7', 'libc6:i386'])
    expect(() => readSpecs('x', '1', ['nginx'])).toThrow("'version' is of one package")
  })

  it('is no number, which YAML may have shortened', () => {
    expect(() => readSpecs('nginx', 1.1, undefined)).toThrow('the version of nginx is a number (1.1): put it in quotes')
  })

  it.each(['-y', 'a b', 'nginx-', 'nginx*', '../x.deb', '', 'a;id'])('is refused of the name %j', name => {
    expect(() => readSpecs(name, undefined, undefined)).toThrow('is no name of a package')
  })

  it.each(['1 -o x', '', '--help', '1;2'])('is refused where it is %j', version => {
    const read = () => readSpecs('nginx', version, undefined)
    if (version === '') expect(read()).toEqual([{ name: 'nginx' }])
    else expect(read).toThrow('is no version of a package')
  })
})

describe('the package manager', () => {
  it('is apt where it is found, and a clear refusal where there is none', async () => {
    const empty = await testFolder()
    expect(() => detectPackages({}, { os_family: 'RedHat' }, empty)).toThrow(
      'no package manager that is known was found on this machine (os_family RedHat)',
    )
    expect(detectPackages({ pkg: { provider: 'apt' } }, {}, empty).name).toBe('apt')
    expect(() => detectPackages({ pkg: { provider: 'yum' } })).toThrow("pkg.provider: 'apt' is the one there is")
    expect(() => detectPackages({ pkg: { root: 'relative' } })).toThrow(
      'pkg.root: expected the absolute path of a folder',
    )
  })

  it.runIf(isRoot)('knows what is installed here', async () => {
    const { packages, provided } = await createApt().list(limits)
    expect(packages.get('dpkg')).toMatch(/^\d/)
    expect(provided.has('awk')).toBe(true)
  })

  it.runIf(isRoot)('knows the versions that there are, and what one could have meant', async () => {
    const { root, publish } = await packageRoot()
    await publish(
      { name: 'alpha', version: '1.0' },
      { name: 'alpha', version: '1.10' },
      { name: 'alpha', version: '1.9' },
    )
    const apt = createApt({ root })
    await apt.refresh(limits)
    const known = await apt.available(['alpha', 'alfa'], undefined, limits)
    expect(known.get('alpha')).toEqual({ candidate: '1.10', versions: ['1.10', '1.9', '1.0'] })
    expect(known.has('alfa')).toBe(false)
    expect(await apt.similar('alp', limits)).toEqual(['alpha'])
  })

  it.runIf(isRoot)('fails where a list of packages cannot be had', async () => {
    const { root, repository } = await packageRoot()
    await rm(repository, { recursive: true })
    await expect(createApt({ root }).refresh(limits)).rejects.toThrow(
      /cannot refresh the lists of packages \(return code 100\)/,
    )
  })
})
