// Coming in as an operator by a password that is not theirs.
import { afterAll, beforeAll, describe, it } from 'vitest'
import { hashPassword } from '../../src/operators/password.ts'
import { refusedLogin } from './harm.ts'
import { type System, startSystem } from './system.ts'
import { rawKey } from './wire.ts'

let system: System
const PASSWORD = { ann: 'correct horse', ben: 'battery staple' }
beforeAll(async () => {
  system = await startSystem()
  for (const [name, password] of Object.entries(PASSWORD))
    await system.run('wheel', 'user.add', [name], { roles: 'reader', password_hash: await hashPassword(password) })
  await system.run('wheel', 'user.add', ['kim'], { roles: 'reader', nkey: rawKey().nkey })
})
afterAll(() => system?.stop())

const annIn = () => ({ user: 'ann', pass: PASSWORD.ann })

describe('an operator comes in by the right password alone', () => {
  const wrong = /no such name and password/

  it.each([
    ['a wrong one', 'ann', 'correct horsf', 'ann'],
    ["another operator's", 'ann', PASSWORD.ben, 'ann'],
    ['an empty one', 'ann', '', 'ann'],
    ['one with a NUL behind it', 'ann', `${PASSWORD.ann}\0`, 'ann'],
    ['one of three thousand characters', 'ann', 'x'.repeat(3000), 'ann'],
    ['that of an operator with a key', 'kim', PASSWORD.ann, 'kim'],
    ['that of the static admin', 'admin', '', 'admin'],
    ['under a name that nobody has', 'eve', PASSWORD.ann, 'eve'],
    ['under the name in other letters', 'ANN', PASSWORD.ann, 'ANN'],
    ['under a name of two lines', 'ann\n', PASSWORD.ann, ''],
    ['under a service', '_master', PASSWORD.ann, ''],
    ['under a wildcard', '*', PASSWORD.ann, ''],
    ['under __proto__', '__proto__', PASSWORD.ann, ''],
    ['under constructor', 'constructor', PASSWORD.ann, 'constructor'],
  ])('not by %s', (_what, user, pass, said) => refusedLogin(system, annIn, () => ({ user, pass }), said, wrong))

  it('not by the hash of it', async () =>
    refusedLogin(
      system,
      annIn,
      await hashPassword(PASSWORD.ann).then(pass => () => ({ user: 'ann', pass })),
      'ann',
      wrong,
    ))
})
