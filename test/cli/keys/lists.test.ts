import { expect, it } from 'vitest'
import { listLines, only, stateNamed, statesIn } from '../../../src/cli/keys/lists.ts'

const LISTS = {
  minions: ['web2', 'web10', 'web1'],
  minions_pre: ['db1'],
  minions_rejected: [],
  minions_denied: ['web1'],
}

it('shows each state under its heading, in the order of salt-key', () => {
  expect(listLines(LISTS)).toEqual([
    'Accepted Keys:',
    'web1',
    'web10',
    'web2',
    'Denied Keys:',
    'web1',
    'Unaccepted Keys:',
    'db1',
    'Rejected Keys:',
  ])
})

it('shows one state alone, with its heading even where nothing is in it', () => {
  expect(listLines(LISTS, ['rejected'])).toEqual(['Rejected Keys:'])
  expect(listLines({}, ['pending'])).toEqual(['Unaccepted Keys:'])
})

it('shows a text behind each id', () => {
  expect(listLines({ minions_pre: { db1: 'ab:cd' } }, ['pending'])).toEqual(['Unaccepted Keys:', 'db1:  ab:cd'])
})

it('shows no escape sequence that a server sends', () => {
  expect(listLines({ minions: ['a\u001b[2J'] }, ['accepted'])).toEqual(['Accepted Keys:', 'a\\x1b[2J'])
})

it('keeps only the states asked for, and tells in which there is something', () => {
  expect(only(LISTS, ['pending', 'rejected'])).toEqual({ minions_pre: ['db1'] })
  expect(statesIn(LISTS)).toEqual(['accepted', 'pending', 'denied'])
  expect(statesIn(only(LISTS, ['rejected']))).toEqual([])
})

it('knows states by their names, by those of salt-key, and by their beginnings', () => {
  expect(
    ['all', 'accepted', 'acc', 'pending', 'pre', 'un', 'unaccepted', 'rej', 'rejected', 'den'].map(stateNamed),
  ).toEqual([
    'all',
    'accepted',
    'accepted',
    'pending',
    'pending',
    'pending',
    'pending',
    'rejected',
    'rejected',
    'denied',
  ])
  for (const word of ['', 'a', 'web*', 'accepted1', 'known', 'constructor'])
    expect(() => stateNamed(word)).toThrow('Expected all, accepted')
})
