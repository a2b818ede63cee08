import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hasApt, packageRoot } from '../execution/package-root.ts'
import { caller } from '../modules/call.ts'
import { stateCaller } from './call.ts'

async function machine() {
  const place = await packageRoot()
  await place.publish(
    { name: 'alpha', version: '1.0' },
    { name: 'alpha', version: '2.0' },
    { name: 'beta', version: '1.0', fields: { Depends: 'gamma', Provides: 'greek-letter' } },
    { name: 'gamma', version: '3.0' },
  )
  const caller = stateCaller({ config: place.config })
  return { ...place, ...caller }
}
const name = 'alpha'

describe.runIf(await hasApt())('states of pkg', () => {
  it('install what is missing, and nothing a second time', async () => {
    const { call, test, root } = await machine()
    expect(await call('pkg.installed', { name: 'greek', pkgs: ['beta'] })).toEqual({
      result: true,
      comment: 'The following packages were installed/updated: beta',
      changes: { beta: { old: '', new: '1.0' }, gamma: { old: '', new: '3.0' } },
    })
    expect(existsSync(join(root, 'etc/beta.conf'))).toBe(true)
    const again = { result: true, changes: {}, comment: 'All specified packages are already installed' }
    expect(await call('pkg.installed', { name: 'beta' })).toEqual(again)
    expect(await call('pkg.installed', { name: 'greek-letter' })).toEqual(again)
    expect(await test('pkg.installed', { name: 'x', pkgs: ['beta', 'alpha'] })).toEqual({
      result: null,
      comment:
        'The following packages would be installed/updated: alpha\nThe following packages were already installed: beta',
      changes: { alpha: { old: '', new: 'installed' } },
    })
    expect(existsSync(join(root, 'etc/alpha.conf'))).toBe(false)
  })

  it('bring the version that is asked for, an older one too', async () => {
    const { call } = await machine()
    expect(await call('pkg.installed', { name, version: '<2' })).toMatchObject({
      comment: 'The following packages were installed/updated: alpha<2',
      changes: { alpha: { old: '', new: '1.0' } },
    })
    expect(await call('pkg.installed', { name })).toMatchObject({ changes: {} })
    expect(await call('pkg.installed', { name, version: '2.*' })).toMatchObject({ changes: { alpha: { new: '2.0' } } })
    expect(await call('pkg.installed', { name, version: '1.0' })).toMatchObject({
      changes: { alpha: { old: '2.0', new: '1.0' } },
    })
    expect(await call('pkg.installed', { name, version: '1.0' })).toEqual({
      result: true,
      changes: {},
      comment: 'All specified packages are already installed and are at the desired version',
    })
    expect(await call('pkg.latest', { name })).toMatchObject({ changes: { alpha: { old: '1.0', new: '2.0' } } })
    expect(await call('pkg.latest', { name })).toEqual({
      result: true,
      changes: {},
      comment: 'Package alpha is already up-to-date',
    })
  })

  it('refresh the lists once in a run', async () => {
    const { call, publish, config } = await machine()
    await call('pkg.installed', { name })
    await publish({ name: 'delta', version: '1.0' })
    expect(await call('pkg.installed', { name: 'delta' })).toMatchObject({ result: false, changes: {} })
    expect(await stateCaller({ config }).call('pkg.installed', { name: 'delta' })).toMatchObject({ result: true })
  })

  it('say what cannot be had, and install nothing of the rest', async () => {
    const { call, root } = await machine()
    const wrong = await call('pkg.installed', { name: 'x', pkgs: ['beta', 'alhpa', { alpha: '>=9' }] })
    expect(wrong).toMatchObject({ result: false, changes: {} })
    expect(wrong.comment).toContain("there is no package 'alhpa' in the lists of this machine. Did you mean 'alpha'?")
    expect(wrong.comment).toContain("no version of 'alpha' is >=9: there is 2.0, 1.0")
    expect(existsSync(join(root, 'etc/beta.conf'))).toBe(false)
    await expect(call('pkg.installed', { name, version: 1.1 })).rejects.toThrow('put it in quotes')
  })

  it('remove, and purge what is left then', async () => {
    const { call, test, root } = await machine()
    await call('pkg.installed', { name })
    expect(await test('pkg.removed', { name })).toEqual({
      result: null,
      comment: 'The following packages will be removed: alpha.',
      changes: { alpha: { old: '2.0', new: '' } },
    })
    expect(await call('pkg.removed', { name: 'x', pkgs: ['alpha', 'beta'] })).toEqual({
      result: true,
      comment: 'The following packages were removed: alpha.\nThe following packages were not installed: beta.',
      changes: { alpha: { old: '2.0', new: '' } },
    })
    expect(existsSync(join(root, 'etc/alpha.conf'))).toBe(true)
    const absent = { result: true, changes: {}, comment: 'All specified packages are already absent' }
    expect(await call('pkg.removed', { name })).toEqual(absent)
    expect(await call('pkg.purged', { name })).toMatchObject({
      result: true,
      comment: 'All targeted packages were purged.',
    })
    expect(existsSync(join(root, 'etc/alpha.conf'))).toBe(false)
    expect(await call('pkg.purged', { name })).toEqual(absent)
  })
})

describe.runIf(await hasApt())('module pkg', () => {
  it('tells versions, installs and removes', async () => {
    const { config } = await machine()
    const { call } = caller('execution', { config: config as never, onProcess: () => undefined })
    expect(await call('pkg.refresh_db')).toBe(true)
    expect(await call('pkg.version', ['alpha'])).toBe('')
    expect(await call('pkg.latest_version', ['alpha', 'nope'])).toEqual({ alpha: '2.0', nope: '' })
    expect(await call('pkg.install', ['alpha'], { version: '1.0' })).toEqual({ alpha: { old: '', new: '1.0' } })
    expect(await call('pkg.install', ['alpha'])).toEqual({})
    expect(await call('pkg.list_pkgs')).toEqual({ alpha: '1.0' })
    expect(await call('pkg.upgrade_available', ['alpha'])).toBe(true)
    await expect(call('pkg.install', ['alhpa'])).rejects.toThrow("Did you mean 'alpha'?")
    expect(await call('pkg.remove', ['alpha'])).toEqual({ alpha: { old: '1.0', new: '' } })
    expect(await call('pkg.purge', [], { pkgs: ['alpha'] })).toEqual({})
    await expect(call('pkg.install')).rejects.toThrow('give a name, or a list pkgs')
  })
})
