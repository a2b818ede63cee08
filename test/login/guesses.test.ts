import { describe, expect, it } from 'vitest'
import { createGuesses } from '../../src/login/guesses.ts'

const HERE = '10.0.0.7'
const wrong = async () => undefined
const right = async () => 'ann'

function open(maxKept?: number) {
  let now = 1_000_000
  const guesses = createGuesses({ now: () => now }, maxKept === undefined ? {} : { maxKept })
  const pass = (ms: number) => {
    now += ms
  }
  const fail = async (times: number, name = 'ann', host = HERE) => {
    for (let n = 0; n < times; n++) expect(await guesses.check(name, host, wrong)).toEqual({})
  }
  return { guesses, pass, fail }
}

describe('wrong passwords', () => {
  it('cost nothing at first, then a growing wait of up to half a minute', async () => {
    const { guesses, pass, fail } = open()
    await fail(5)
    for (const waitMs of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      expect(await guesses.check('ann', HERE, right)).toEqual({ waitMs })
      pass(waitMs - 1)
      expect(await guesses.check('ann', HERE, right)).toEqual({ waitMs: 1 })
      pass(1)
      await fail(1)
    }
  })

  it('lock nobody out: the right one comes in after the wait, and begins anew', async () => {
    const { guesses, pass, fail } = open()
    await fail(5)
    pass(1000)
    expect(await guesses.check('ann', HERE, right)).toEqual({ found: 'ann' })
    await fail(5)
  })

  it('keep waiting who sends them, and neither another name nor another address', async () => {
    const { guesses, fail } = open()
    await fail(5)
    expect(await guesses.check('ann', '10.0.0.8', right)).toEqual({ found: 'ann' })
    expect(await guesses.check('ben', HERE, right)).toEqual({ found: 'ann' })
    expect(await guesses.check('ann', HERE, right)).toEqual({ waitMs: 1000 })
  })

  it('are looked at one at a time once there is a wait', async () => {
    const { guesses, pass, fail } = open()
    await fail(5)
    pass(1000)
    let answer: (found: string | undefined) => void = () => undefined
    const first = guesses.check('ann', HERE, () => new Promise<string | undefined>(resolve => (answer = resolve)))
    expect(await guesses.check('ann', HERE, right)).toEqual({ waitMs: 1000 })
    answer(undefined)
    expect(await first).toEqual({})
    expect(await guesses.check('ann', HERE, right)).toEqual({ waitMs: 2000 })
  })

  it('that could not be checked count for nothing', async () => {
    const { guesses, fail } = open()
    await fail(4)
    const busy = async () => Promise.reject(new Error('busy'))
    for (let n = 0; n < 3; n++) await expect(guesses.check('ann', HERE, busy)).rejects.toThrow('busy')
    await fail(1)
    expect(await guesses.check('ann', HERE, right)).toEqual({ waitMs: 1000 })
  })

  it('are forgotten after a while, and of so many names those that were tried least recently', async () => {
    const { guesses, pass, fail } = open(3)
    await fail(5)
    pass(600_000)
    await fail(1, 'ben')
    await fail(5)
    await fail(1, 'cid')
    expect(await guesses.check('ann', HERE, right)).toEqual({ waitMs: 1000 })
    for (const name of ['dan', 'eve', 'fay']) await fail(1, name)
    expect(await guesses.check('ann', HERE, right)).toEqual({ found: 'ann' })
  })
})
