import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { accountsRoot, mayChangeAccounts } from '../execution/accounts-root.ts'
import { caller } from '../modules/call.ts'
import { stateCaller } from './call.ts'

const HASH = '$6$salt$hash'
const OTHER = '$6$salt$other'

describe.runIf(mayChangeAccounts)('states of user', () => {
  const machine = async () => {
    const { config, ...place } = await accountsRoot()
    const { call: look } = caller('execution', { config: config as never })
    return { ...place, config, look, ...stateCaller({ config }) }
  }
  const ada = {
    name: 'ada',
    uid: 4000,
    fullname: 'Ada Lovelace',
    workphone: '12',
    shell: '/bin/bash',
    groups: ['web'],
    optional_groups: ['users', 'nope'],
    password: HASH,
  }

  it('bring a user as given, once, and never show the password', async () => {
    const { call, test, look, prefix, hashOf } = await machine()
    expect(await test('user.present', ada)).toEqual({
      result: null,
      changes: { ada: 'added' },
      comment: 'User ada set to be added',
    })
    const made = await call('user.present', ada)
    expect(made).toMatchObject({
      result: true,
      comment: 'New user ada created',
      changes: {
        uid: 4000,
        fullname: 'Ada Lovelace',
        workphone: '12',
        groups: ['ada', 'users', 'web'],
        home: '/home/ada',
        shell: '/bin/bash',
        password: '[redacted]',
      },
    })
    expect(JSON.stringify(made)).not.toContain(HASH)
    expect(existsSync(join(prefix, 'home/ada'))).toBe(true)
    expect(await hashOf('ada')).toBe(HASH)
    expect(await look('user.list_users')).toEqual(['ada', 'fred', 'root'])
    const again = { result: true, changes: {}, comment: 'User ada is present and up to date' }
    expect(await call('user.present', ada)).toEqual(again)
    expect(await test('user.present', ada)).toEqual(again)
  })

  it('change what differs, and leave what is not given', async () => {
    const { call, test, look } = await machine()
    const given = { name: 'fred', shell: '/bin/zsh', roomnumber: '7', groups: ['users'] }
    const changes = { shell: '/bin/zsh', roomnumber: '7', groups: ['users'] }
    const would = await test('user.present', given)
    expect(would).toMatchObject({ result: null, changes })
    expect(would.comment).toContain('The following user attributes are set to be changed:\nshell: /bin/zsh\n')
    expect(await call('user.present', given)).toMatchObject({
      result: true,
      comment: 'Updated user fred',
      changes: { shell: '/bin/zsh', roomnumber: '7', groups: ['fred', 'users'] },
    })
    expect(await look('user.info', ['fred'])).toMatchObject({ fullname: 'Fred', roomnumber: '7', home: '/home/fred' })
    expect(await call('user.present', given)).toMatchObject({ changes: {} })
    const more = { name: 'fred', groups: ['web'], remove_groups: false }
    expect(await call('user.present', more)).toMatchObject({ changes: { groups: ['fred', 'users', 'web'] } })
    expect(await call('user.present', more)).toMatchObject({ changes: {} })
  })

  it('change a password without a trace of it, and only where it is to be enforced', async () => {
    const { call, test, hashOf } = await machine()
    const set = { name: 'fred', password: HASH, enforce_password: false }
    expect(await test('user.present', set)).toMatchObject({ result: null, changes: { passwd: '[redacted]' } })
    expect(await call('user.present', set)).toEqual({
      result: true,
      comment: 'Updated user fred',
      changes: { passwd: '[redacted]' },
    })
    expect(await call('user.present', { ...set, password: OTHER })).toMatchObject({ changes: {} })
    expect(await hashOf('fred')).toBe(HASH)
    const enforced = await call('user.present', { name: 'fred', password: OTHER })
    expect(JSON.stringify(enforced)).not.toContain(OTHER)
    expect(await hashOf('fred')).toBe(OTHER)
    const plain = await call('user.present', { name: 'fred', password: 'hunter2' }).catch(
      (error: Error) => error.message,
    )
    expect(plain).toContain("argument 'password': the hash of a password, as 'openssl passwd -6' makes it")
    expect(plain).not.toContain('hunter2')
  })

  it('refuse another number unless it may change, and groups that are not there', async () => {
    const { call, test, look } = await machine()
    const moved = { name: 'fred', uid: 1001 }
    const refused = await call('user.present', moved)
    expect(refused).toMatchObject({ result: false, changes: {} })
    expect(refused.comment).toContain('Changing uid (1000 -> 1001) not permitted, set allow_uid_change to True')
    expect(await call('user.present', { ...moved, allow_uid_change: true })).toMatchObject({ changes: { uid: 1001 } })
    const nowhere = { name: 'bob', groups: ['nope', 'web'] }
    expect(await call('user.present', nowhere)).toEqual({
      result: false,
      changes: {},
      comment: 'The following group(s) are not present: nope',
    })
    expect(await test('user.present', nowhere)).toMatchObject({ result: null })
    expect(await look('user.info', ['bob'])).toEqual({})
  })

  it.each([
    [{ name: 'a:b' }, 'is no name of a user'],
    [{ name: '-r' }, 'is no name of a user'],
    [{ name: 'bob', shell: 'sh' }, 'an absolute path'],
    [{ name: 'bob', home: '/home/bob:/bin/sh' }, 'an absolute path'],
    [{ name: 'bob', fullname: 'a,b' }, 'a text without colons'],
    [{ name: 'bob', loginclass: 'staff' }, "user.present has no argument 'loginclass'"],
  ])('refuse %j', async (given, problem) => {
    const { call } = await machine()
    await expect(call('user.present', given)).rejects.toThrow(problem)
  })

  it('take a user away, with the home folder where that is asked for', async () => {
    const { call, test, prefix } = await machine()
    await call('user.present', { name: 'ada' })
    expect(await test('user.absent', { name: 'ada' })).toMatchObject({
      result: null,
      comment: 'User ada set for removal',
    })
    expect(await call('user.absent', { name: 'ada', purge: true })).toEqual({
      result: true,
      comment: 'Removed user ada',
      changes: { ada: 'removed', 'ada group': 'removed' },
    })
    expect(existsSync(join(prefix, 'home/ada'))).toBe(false)
    expect(await call('user.absent', { name: 'ada' })).toEqual({
      result: true,
      changes: {},
      comment: 'User ada is not present',
    })
  })
})

describe('module user', () => {
  it('knows the users of this machine, and refuses a prefix that is no folder', async () => {
    const { call } = caller('execution', { config: {} as never })
    expect(await call('user.info', ['root'])).toMatchObject({ uid: 0, gid: 0, home: expect.any(String) })
    expect(await call('user.list_groups', ['root'])).toContain('root')
    const { call: wrong } = caller('execution', { config: { user: { prefix: 'etc' } } as never })
    await expect(wrong('user.info', ['root'])).rejects.toThrow('user.prefix: expected the absolute path of a folder')
  })
})
