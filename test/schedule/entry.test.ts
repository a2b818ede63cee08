import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type EntryConfig, nextDue, readEntry } from '../../src/schedule/entry.ts'

const config = (over: Partial<EntryConfig>): EntryConfig => ({
  function: 'runner.test.arg',
  args: [],
  kwargs: {},
  enabled: true,
  ...over,
})

describe('a schedule entry', () => {
  it('adds its units together', () => {
    expect(readEntry('x', config({ seconds: 5, minutes: 1, hours: 1 })).intervalMs).toBe(3_665_000)
  })

  it('brings returners along', () => {
    const over = { seconds: 1, function: 'local.test.ping', tgt: '*', returner: ['mysql', 'redis'], return_config: 'o' }
    expect(readEntry('x', config(over)).action).toMatchObject({ ret: 'mysql,redis', ret_config: 'o' })
  })

  it('is due on multiples of its interval, whoever looks and whenever', () => {
    const entry = readEntry('x', config({ seconds: 5 }))
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 45 }), now => {
        const due = nextDue(entry, now)
        expect(due % 5000).toBe(0)
        expect(due - now).toBeGreaterThan(0)
        expect(due - now).toBeLessThanOrEqual(5000)
      }),
    )
  })

  it.each([
    ['no interval', {}, 'give an interval of at least a second'],
    [
      'a function that is no function',
      { seconds: 1, function: 'test.ping' },
      "function 'test.ping' must be local, runner or wheel, then module.function",
    ],
    [
      'a local function without a target',
      { seconds: 1, function: 'local.test.ping' },
      'a local function needs a target',
    ],
    [
      'a runner with a returner',
      { seconds: 1, returner: ['mysql'] },
      "returners are for local functions; a runner function's return is in the job cache",
    ],
    [
      'settings of no returner',
      { seconds: 1, function: 'local.test.ping', tgt: '*', return_config: 'other' },
      'return_config and return_kwargs are for returners: name them in returner',
    ],
    [
      'a returner that is no name',
      { seconds: 1, function: 'local.test.ping', tgt: '*', returner: ['My SQL'] },
      "returner must be names of returners with commas, such as 'mysql,redis', got 'My SQL'",
    ],
    ['a runner with a target', { seconds: 1, tgt: '*' }, 'tgt is for local functions; a runner function has no target'],
  ])('is refused with %s', (_what, over, message) => {
    expect(() => readEntry('nightly', config(over))).toThrow(`schedule entry 'nightly': ${message}`)
  })
})
