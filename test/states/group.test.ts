import { describe, expect, it } from 'vitest'
import { accountsRoot, mayChangeAccounts } from '../execution/accounts-root.ts'
import { caller } from '../modules/call.ts'
import { stateCaller } from './call.ts'

describe.runIf(mayChangeAccounts)('states of group', () => {
  const machine = async () => {
    const { config } = await accountsRoot()
    return { config, ...stateCaller({ config }) }
  }
  const info = { name: 'db', gid: 1600, passwd: 'x', members: ['fred'] }

  it('bring a group with its members, once', async () => {
    const { call, test, config } = await machine()
    const given = { name: 'db', gid: 1600, members: ['fred'] }
    const look = () => caller('execution', { config: config as never }).call('group.info', ['db'])
    expect(await test('group.present', given)).toMatchObject({ result: null, comment: 'Group db set to be added' })
    expect(await look()).toEqual({})
    expect(await call('group.present', given)).toEqual({ result: true, changes: info, comment: 'New group db created' })
    expect(await look()).toEqual(info)
    const again = { result: true, changes: {}, comment: 'Group db is present and up to date' }
    expect(await call('group.present', given)).toEqual(again)
    expect(await test('group.present', given)).toEqual(again)
  })

  it('change its number and who is in it', async () => {
    const { call, test, config } = await machine()
    const look = () => caller('execution', { config: config as never }).call('group.info', ['web'])
    const given = { name: 'web', gid: 1501, addusers: ['root'], delusers: ['fred', 'nobody'] }
    const changes = { gid: 1501, addusers: ['root'], delusers: ['fred'] }
    expect(await test('group.present', given)).toEqual({
      result: null,
      changes,
      comment: 'The following group attributes are set to be changed:\ngid: 1501\naddusers: root\ndelusers: fred\n',
    })
    expect(await call('group.present', given)).toMatchObject({ result: true, changes })
    expect(await look()).toMatchObject({ gid: 1501, members: ['root'] })
    expect(await call('group.present', given)).toMatchObject({ changes: {} })
    expect(await call('group.present', { name: 'web', members: [] })).toMatchObject({ changes: { delusers: ['root'] } })
    expect(await look()).toMatchObject({ members: [] })
  })

  it('refuse what contradicts itself or another group', async () => {
    const { call } = await machine()
    const refused = async (given: Record<string, unknown>) => {
      const ended = await call('group.present', given)
      expect(ended).toMatchObject({ result: false, changes: {} })
      return ended.comment
    }
    expect(await refused({ name: 'db', members: ['fred'], addusers: ['root'] })).toContain(
      'Conflicting options "members"',
    )
    expect(await refused({ name: 'db', addusers: ['fred'], delusers: ['fred'] })).toContain('simultaneously: fred')
    expect(await refused({ name: 'db', gid: 1500 })).toBe(
      'Group db is not present but gid 1500 is already taken by group web',
    )
    await expect(call('group.present', { name: '-x' })).rejects.toThrow("'-x' is no name of a group")
  })

  it('say why a member cannot be added, and what was done before', async () => {
    const { call } = await machine()
    const ended = await call('group.present', { name: 'db', addusers: ['nobody'] })
    expect(ended).toMatchObject({ result: false, changes: { db: { name: 'db' } } })
    expect(ended.comment).toContain("user 'nobody' does not exist")
  })

  it('take a group away', async () => {
    const { call, test } = await machine()
    expect(await test('group.absent', { name: 'web' })).toMatchObject({ result: null })
    expect(await call('group.absent', { name: 'web' })).toEqual({
      result: true,
      changes: { web: '' },
      comment: 'Removed group web',
    })
    expect(await call('group.absent', { name: 'web' })).toEqual({
      result: true,
      changes: {},
      comment: 'Group not present',
    })
  })
})
