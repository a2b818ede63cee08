import { describe, expect, it } from 'vitest'
import { orLeftBehind } from '../../src/state/left-behind.ts'
import { within } from '../helpers/wait.ts'

const never = new Promise<never>(() => undefined)

describe('a run whose job was ended', () => {
  it('is left behind where it takes no notice', async () => {
    const stop = new AbortController()
    const left = orLeftBehind(never, stop.signal, 1)
    stop.abort(new Error('killed'))
    await expect(within(left, 'the run that was left')).rejects.toThrow('killed')
    await expect(within(orLeftBehind(never, stop.signal, 1), 'the next')).rejects.toThrow('killed')
  })

  it('ends by itself where it can', async () => {
    const stop = new AbortController()
    const ends = orLeftBehind(
      new Promise(resolve => stop.signal.addEventListener('abort', () => setImmediate(resolve, 'done'))),
      stop.signal,
    )
    stop.abort()
    expect(await ends).toBe('done')
    await expect(orLeftBehind(Promise.reject(new Error('on fire')), new AbortController().signal)).rejects.toThrow(
      'on fire',
    )
  })
})
