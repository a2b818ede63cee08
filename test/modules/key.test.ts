import { describe, expect, it } from 'vitest'
import { makeKey } from '../../src/bus/identity.ts'
import { fingerprint } from '../../src/protocol/key.ts'
import { caller } from './call.ts'

describe('key.finger', () => {
  const { nkey } = makeKey()
  const { call } = caller('execution', { publicKey: async () => nkey })

  it("is the fingerprint of the minion's key, as the master shows it", async () => {
    expect(await call('key.finger')).toBe(fingerprint(nkey))
    expect(await call('key.finger', ['md5'])).toBe(fingerprint(nkey, 'md5'))
    expect(await call('key.finger', ['md5'])).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/)
  })

  it('refuses a hash that there is not', async () => {
    await expect(call('key.finger', ['sha257'])).rejects.toMatchObject({
      code: 'bad_argument',
      message: expect.stringContaining('no hash of that name'),
    })
  })

  it('says so where the minion has no key yet', async () => {
    const keyless = caller('execution', { publicKey: async () => undefined })
    await expect(keyless.call('key.finger')).rejects.toMatchObject({ code: 'not_found' })
  })
})
