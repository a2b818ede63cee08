import { createAccount, createUser } from '@nats-io/nkeys'
import { describe, expect, it } from 'vitest'
import { createSigner, verifyNkey } from '../../src/bus/nkey.ts'
import { provesKey } from '../../src/login/signature.ts'
import { keyLogin, NONCE, seedOf } from './requests.ts'

const user = createUser()
const { nkey, sig } = keyLogin(user)

describe('a login by key', () => {
  it('is proved by the nonce, signed', () => {
    expect(provesKey(nkey, sig, NONCE)).toBe(true)
  })

  it('may write the signature as base64 or base64url, with and without padding', () => {
    // One with every character that the alphabets differ in.
    let bytes: Buffer
    let nonce = ''
    do {
      nonce = Math.random().toString(36)
      bytes = Buffer.from(user.sign(Buffer.from(nonce)))
    } while (!/\+.*\/|\/.*\+/.test(bytes.toString('base64')))
    const base64 = bytes.toString('base64')
    const forms = [base64, base64.replace(/=+$/, ''), bytes.toString('base64url'), `${bytes.toString('base64url')}==`]
    expect(forms.map(form => provesKey(nkey, form, nonce))).toEqual([true, true, true, true])
  })

  it('is not proved by a signature of another nonce', () => {
    expect(provesKey(nkey, keyLogin(user, 'another').sig, NONCE)).toBe(false)
  })

  it("is not proved by another key's signature", () => {
    expect(provesKey(nkey, keyLogin(createUser()).sig, NONCE)).toBe(false)
  })

  it.each([undefined, ''])('is not proved where the server offered no nonce (%j)', nonce => {
    expect(provesKey(nkey, keyLogin(user, '').sig, nonce)).toBe(false)
    // A signature of the empty text is not one of no nonce either.
    expect(provesKey(nkey, Buffer.from(user.sign(Buffer.alloc(0))).toString('base64'), nonce)).toBe(false)
  })

  it.each([
    '',
    'x',
    '!!!',
    sig.slice(4),
    `${sig}AAAA`,
    sig.replace(/^./, ' '),
    'A'.repeat(100_000),
    '\u0000'.repeat(88),
  ])('is not proved by text that is no signature (%#)', text => {
    expect(provesKey(nkey, text, NONCE)).toBe(false)
  })

  it.each([
    '',
    'U',
    nkey.toLowerCase(),
    nkey.slice(1),
    `${nkey}A`,
    `${nkey} `,
    nkey.replace(/.$/, char => (char === 'A' ? 'B' : 'A')),
    createAccount().getPublicKey(),
    seedOf(user),
    'U'.repeat(100_000),
  ])('is not proved by text that is no public key of a user (%#)', text => {
    expect(provesKey(text, sig, NONCE)).toBe(false)
  })
})

describe('signing as an nkey', () => {
  it('is verified under the public nkey of the seed, and of its kind alone', () => {
    const account = createAccount()
    const signer = createSigner(seedOf(account), 'account')
    const bytes = Buffer.from('text')
    expect(signer.nkey).toBe(account.getPublicKey())
    expect(verifyNkey('account', signer.nkey, bytes, signer.sign(bytes))).toBe(true)
    expect(verifyNkey('user', signer.nkey, bytes, signer.sign(bytes))).toBe(false)
    expect(verifyNkey('account', signer.nkey, Buffer.from('other'), signer.sign(bytes))).toBe(false)
  })

  it.each(['', 'hello', seedOf(createUser()), createAccount().getPublicKey()])(
    'refuses what is no seed of an account (%#)',
    text => {
      expect(() => createSigner(text, 'account')).toThrow()
    },
  )
})
