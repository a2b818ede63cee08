import { randomBytes, scryptSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createPasswordCheck, hashPassword, isPasswordHash } from '../../src/operators/password.ts'

const HOST = '10.0.0.7'

describe('a password', () => {
  it('matches its own hash and no other', async () => {
    const { matches } = createPasswordCheck()
    const [one, two] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')])
    expect(one).not.toBe(two)
    expect(await matches('correct horse', one, HOST)).toBe(true)
    expect(await matches('correct horse', two, HOST)).toBe(true)
    for (const wrong of ['correct horse\0', 'correct horsf', 'correct hors', 'correct horse ', ''])
      expect(await matches(wrong, one, HOST)).toBe(false)
  })

  it('is hashed by scrypt with 32 MiB, as its text says', async () => {
    const [name, logN, r, p, salt, hash] = (await hashPassword('pässwörd')).split('$')
    expect([name, logN, r, p]).toEqual(['scrypt', '15', '8', '1'])
    const again = scryptSync('pässwörd', Buffer.from(salt!, 'base64url'), 32, {
      N: 2 ** 15,
      r: 8,
      p: 1,
      maxmem: 2 ** 26,
    })
    expect(again.toString('base64url')).toBe(hash)
  })

  it('is checked with the parameters of its hash', async () => {
    const salt = randomBytes(16)
    const hash = scryptSync('x', salt, 32, { N: 2 ** 16, r: 8, p: 2, maxmem: 2 ** 28 })
    const text = `scrypt$16$8$2$${salt.toString('base64url')}$${hash.toString('base64url')}`
    expect(isPasswordHash(text)).toBe(true)
    expect(await createPasswordCheck().matches('x', text, HOST)).toBe(true)
    expect(await createPasswordCheck().matches('x', text.replace('$8$2$', '$8$1$'), HOST)).toBe(false)
  })

  it('of nobody matches nothing', async () => {
    expect(await createPasswordCheck().matches('x', undefined, HOST)).toBe(false)
    expect(await createPasswordCheck().matches('', undefined, HOST)).toBe(false)
  })

  it('cannot have a NUL in it', async () => {
    await expect(hashPassword('a\0b')).rejects.toMatchObject({ code: 'bad_argument' })
  })

  it.each(['', 'x'.repeat(1025)])('cannot be of %# length', async password => {
    await expect(hashPassword(password)).rejects.toMatchObject({ code: 'bad_argument' })
  })

  it('that is too long is not looked at', async () => {
    expect(await createPasswordCheck({ atOnce: 0, mostWaiting: 0 }).matches('x'.repeat(1025), undefined, HOST)).toBe(
      false,
    )
  })
})

describe('a hash that somebody gives', () => {
  const salt = 'A'.repeat(22)
  const hash = 'A'.repeat(43)
  it.each([
    ['none', 'hunter2'],
    ['empty', ''],
    ['of another kind', `argon2$15$8$1$${salt}$${hash}`],
    ['cheap to guess against', `scrypt$10$8$1$${salt}$${hash}`],
    ['dear to check', `scrypt$20$8$1$${salt}$${hash}`],
    ['dear by its other parameters', `scrypt$15$99$1$${salt}$${hash}`],
    ['dear by all of them together', `scrypt$17$16$99$${salt}$${hash}`],
    ['without salt', `scrypt$15$8$1$$${hash}`],
    ['with a short salt', `scrypt$15$8$1$AAAA$${hash}`],
    ['with a short hash', `scrypt$15$8$1$${salt}$AAAA`],
    ['with more behind', `scrypt$15$8$1$${salt}$${hash}$x`],
    ['in other letters', `scrypt$15$8$1$${salt}$${'/'.repeat(43)}`],
  ])('is refused where it is %s', async (_what, text) => {
    expect(isPasswordHash(text)).toBe(false)
    expect(await createPasswordCheck().matches('x', text, HOST)).toBe(false)
  })
})

describe('many guesses at once', () => {
  it('wait for each other, and are refused beyond what may wait', async () => {
    const check = createPasswordCheck({ atOnce: 1, mostWaiting: 2 })
    const hash = await hashPassword('right')
    const ended: string[] = []
    const guess = async (name: string, password: string) => {
      const result = await check.matches(password, hash, HOST).catch((error: { code: string }) => error.code)
      ended.push(`${name} ${result}`)
    }
    await Promise.all([guess('a', 'wrong'), guess('b', 'right'), guess('c', 'wrong'), guess('d', 'right')])
    expect(ended).toEqual(['d unreachable', 'a false', 'b true', 'c false'])
    // Nobody keeps a place.
    await Promise.all([guess('e', 'right'), guess('f', 'right'), guess('g', 'right')])
    expect(ended.slice(4)).toEqual(['e true', 'f true', 'g true'])
  })
  it('from one address do not keep another waiting, nor take its place', async () => {
    const check = createPasswordCheck({ atOnce: 1, mostWaiting: 3 })
    const hash = await hashPassword('right')
    const ended: string[] = []
    const guess = async (name: string, from: string) => {
      const result = await check.matches('right', hash, from).catch((error: { code: string }) => error.code)
      ended.push(`${name} ${result}`)
    }
    const flood = ['a', 'b', 'c', 'd'].map(name => guess(name, '10.0.0.1'))
    await Promise.all([...flood, guess('honest', '10.0.0.2'), guess('late', '10.0.0.1')])
    expect(ended.slice(0, 2).sort()).toEqual(['d unreachable', 'late unreachable'])
    expect(ended.slice(2)).toEqual(['a true', 'b true', 'honest true', 'c true'])
  })

  it('from as many addresses as may wait leave no place for one more', async () => {
    const check = createPasswordCheck({ atOnce: 1, mostWaiting: 2 })
    const outcomes = await Promise.allSettled(['1', '2', '3', '4'].map(from => check.matches('x', undefined, from)))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
  })
})
