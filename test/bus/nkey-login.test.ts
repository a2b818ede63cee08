import { createAccount, createUser, fromPublic } from '@nats-io/nkeys'
import { expect, it } from 'vitest'
import { nkeyLogin } from '../../src/bus/nkey-login.ts'

const seedOf = (pair: { getSeed(): Uint8Array }) => new TextDecoder().decode(pair.getSeed())

it('gives the public nkey of the seed, and signs the nonce as its key would', () => {
  const user = createUser()
  const nonce = 'Kx4oX0p-nonce'
  const login = nkeyLogin(seedOf(user))(nonce) as { nkey: string; sig: string }
  expect(login.nkey).toBe(user.getPublicKey())
  const signature = Buffer.from(login.sig, 'base64')
  expect(fromPublic(login.nkey).verify(Buffer.from(nonce), signature)).toBe(true)
  expect(fromPublic(login.nkey).verify(Buffer.from('another'), signature)).toBe(false)
})

it('signs nothing where the server asks for nothing', () => {
  expect(nkeyLogin(seedOf(createUser()))()).toMatchObject({ sig: '' })
})

it.each(['', 'hello', 'SUAOOPS'])('refuses %j, which is no seed', text => {
  expect(() => nkeyLogin(text)).toThrow()
})

it('refuses the seed of an account', () => {
  expect(() => nkeyLogin(seedOf(createAccount()))).toThrow('other than a user')
})
