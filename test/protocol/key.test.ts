import { createAccount, createUser } from '@nats-io/nkeys'
import { describe, expect, it } from 'vitest'
import { fingerprint, isMinionId, isPublicKey, minionIdProblem } from '../../src/protocol/key.ts'
import {
  decodeMinionLogin,
  encodeMinionLogin,
  isOperatorName,
  minionOfUser,
  minionUser,
  NOBODY,
} from '../../src/protocol/login.ts'

describe("a minion's id", () => {
  it.each(['web1', 'web-1.example.com', 'a', '10.0.0.7', 'fe80::1', 'A_b+c', 'x'.repeat(253)])('can be %s', id => {
    expect(isMinionId(id)).toBe(true)
    expect(minionIdProblem(id)).toBeUndefined()
  })

  it.each([
    ['empty', ''],
    ['a wildcard', 'web*'],
    ['a wildcard of subjects', '>'],
    ['a path', '../web1'],
    ['beginning with a dot', '.web1'],
    ['a service', '_master'],
    ['an option', '-web1'],
    ['an escape', 'web=2A'],
    ['white space', 'web 1'],
    ['a line end', 'web1\n'],
    ['another alphabet', 'wеb1'],
    ['a target', 'G@os:Debian'],
    ['a word of targets', 'OR'],
    ['a public key', createUser().getPublicKey()],
    ['too long', 'x'.repeat(254)],
  ])('is nothing that is %s', (_what, id) => {
    expect(isMinionId(id)).toBe(false)
    expect(minionIdProblem(id)).toMatch(/^a minion's id is 1 to 253 letters/)
  })
})

describe('a fingerprint', () => {
  it('is the digest of the public key in pairs of hex digits', () => {
    expect(fingerprint('UABC')).toMatch(/^([0-9a-f]{2}:){31}[0-9a-f]{2}$/)
    expect(fingerprint('UABC', 'md5')).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/)
    expect(fingerprint('UABC')).not.toBe(fingerprint('UABD'))
  })
})

describe("a user's public key", () => {
  const nkey = createUser().getPublicKey()
  const other = (letter: string | undefined) => (letter === 'A' ? 'B' : 'A')

  it('is told by its form and its checksum', () => {
    expect(isPublicKey(nkey)).toBe(true)
    expect(isPublicKey(createAccount().getPublicKey())).toBe(false)
    expect(isPublicKey(`${nkey} `)).toBe(false)
    expect(isPublicKey(nkey.toLowerCase())).toBe(false)
  })

  it.each([1, 20, 54, 55])('is none with letter %i mistyped', at => {
    expect(isPublicKey(nkey.slice(0, at) + other(nkey[at]) + nkey.slice(at + 1))).toBe(false)
  })

  it('cannot be imitated by an id, with a checksum or without', () => {
    expect([nkey, `U${'A'.repeat(55)}`].filter(isMinionId)).toEqual([])
  })
})

describe("what a minion's login says", () => {
  it('names the minion, and is given back as it was', () => {
    expect(minionOfUser(minionUser('web1'))).toBe('web1')
    expect(minionOfUser('web1')).toBeUndefined()
    expect(decodeMinionLogin(encodeMinionLogin({}))).toEqual({})
    const login = { join: 'rjt_x', grains: { os: 'Debian' } }
    expect(decodeMinionLogin(encodeMinionLogin(login))).toEqual(login)
  })

  it.each([
    ['no base64 of JSON', '!!!'],
    ['no map', Buffer.from('[1]').toString('base64url')],
    ['a token that is no text', Buffer.from('{"join": 1}').toString('base64url')],
    ['grains that are no texts', Buffer.from('{"grains": {"a": 1}}').toString('base64url')],
    ['too long', encodeMinionLogin({ join: 'x'.repeat(9000) })],
  ])('is nobody where it is %s', (_what, pass) => {
    expect(decodeMinionLogin(pass)).toBeUndefined()
  })
})

describe("an operator's name", () => {
  it('cannot be taken for a rule, a service, a key or for nobody', () => {
    expect(['ada', 'ada@example.com', 'a+b', 'x'.repeat(64)].filter(name => !isOperatorName(name))).toEqual([])
    const wrong = ['', '_jobs', 'rule:x', 'a b', 'x'.repeat(65), '*', 'a/b', NOBODY, createUser().getPublicKey()]
    expect(wrong.filter(isOperatorName)).toEqual([])
  })
})
