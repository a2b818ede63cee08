import { expect, it } from 'vitest'
import { compareVersions } from '../../src/report/versions.ts'

it("minions are put beside the master's version", () => {
  const minions = new Map<string, string | undefined | false>([
    ['web2', '1.10.0'],
    ['web1', '1.10.0'],
    ['old', '1.9.3'],
    ['rc', '1.10.0-rc2'],
    ['new', '1.10.1'],
    ['build', '1.10.0+debian1'],
    ['mute', undefined],
    ['odd', 'main'],
    ['away', false],
  ])
  expect(compareVersions('1.10.0', minions)).toEqual({
    Master: '1.10.0',
    'Up to date': { build: '1.10.0+debian1', web1: '1.10.0', web2: '1.10.0' },
    'Minion requires update': { mute: 'unknown', odd: 'main', old: '1.9.3', rc: '1.10.0-rc2' },
    'Minion newer than master': { new: '1.10.1' },
    'Minion offline': { away: false },
  })
})

it.each([
  ['1.0.0-rc1', '1.0.0', 'Minion newer than master'],
  ['1.0.0-rc2', '1.0.0-rc10', 'Minion newer than master'],
  ['1.0.0-rc10', '1.0.0-rc2', 'Minion requires update'],
  ['1.0', '1.0.0', 'Up to date'],
  ['2', '10', 'Minion newer than master'],
])('beside a master of %s, a minion of %s: %s', (master, version, label) => {
  expect(compareVersions(master, new Map([['m', version]]))).toEqual({ Master: master, [label]: { m: version } })
})

it('without minions there is the master', () => {
  expect(compareVersions('1.0.0', new Map())).toEqual({ Master: '1.0.0' })
})
