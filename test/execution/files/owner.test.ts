import { describe, expect, it } from 'vitest'
import { groupId, groupName, mainGroup, userId, userName } from '../../../src/execution/files/owner.ts'
import { modeOf } from '../../../src/execution/files/perms.ts'

const asking = { signal: new AbortController().signal, onProcess: () => undefined }

describe('users and groups', () => {
  it('are found by name and by id', async () => {
    expect(await userId('root', asking)).toBe(0)
    expect(await groupId('root', asking)).toBe(0)
    expect(await userId(4321, asking)).toBe(4321)
    expect(await userId('4321', asking)).toBe(4321)
    expect(await userName(0, asking)).toBe('root')
    expect(await groupName(987_654, asking)).toBe('987654')
    expect(await mainGroup(0, asking)).toBe(0)
  })

  it.each(['nobody-of-that-name', '', '-h', '--help', 'a b', 'root:x', '-1', '../x'])('%j is none', async name => {
    expect(await userId(name, asking)).toBeUndefined()
    expect(await groupId(name, asking)).toBeUndefined()
  })
})

describe('a mode', () => {
  it.each([
    ['644', '0644'],
    [644, '0644'],
    ['0644', '0644'],
    ['0o644', '0644'],
    [4755, '4755'],
    [0, '0000'],
    ['8', undefined],
    ['', undefined],
    ['u+x', undefined],
    [-1, undefined],
    [12345, undefined],
  ])('%j is %j', (given, mode) => {
    expect(modeOf(given)).toBe(mode)
  })
})
