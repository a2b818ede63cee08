import { describe, expect, it } from 'vitest'
import { LONGEST_TIMER_MS, systemClock } from '../../src/base/clock.ts'

describe('the clock of the system', () => {
  it.each([60 * 86_400_000, LONGEST_TIMER_MS + 1])('sleeps longer than a timer of Node can wait: %i ms', async ms => {
    const ending = new AbortController()
    const long = systemClock.sleep(ms, ending.signal).then(() => 'long')
    expect(await Promise.race([long, systemClock.sleep(30).then(() => 'short')])).toBe('short')
    ending.abort()
    await expect(long).rejects.toMatchObject({ name: 'AbortError' })
  })

  it.each([0, -5])('ends a sleep of %i ms', async ms => {
    await expect(systemClock.sleep(ms)).resolves.toBeUndefined()
  })

  it('does not begin to sleep under a signal that has been given', async () => {
    await expect(systemClock.sleep(0, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' })
  })
})
