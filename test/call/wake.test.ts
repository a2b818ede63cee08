import { expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { createWake } from '../../src/call/wake.ts'

const never = new AbortController().signal

/** Keeps the times that were slept, and sleeps until it is told to wake. */
function sleepless() {
  const slept: number[] = []
  const sleep = (ms: number, signal?: AbortSignal) => {
    slept.push(ms)
    return systemClock.sleep(Number.POSITIVE_INFINITY, signal)
  }
  return { slept, clock: { now: () => 0, sleep } }
}

it('ends a wait that runs, and only that one', async () => {
  const { slept, clock } = sleepless()
  const wake = createWake(clock)
  for (const ms of [5000, Number.POSITIVE_INFINITY]) {
    const waiting = wake.wait(ms, never)
    wake.wake()
    await waiting
  }
  expect(slept).toEqual([5000, Number.POSITIVE_INFINITY])
})

it('remembers one wake that comes while nobody waits', async () => {
  const { slept, clock } = sleepless()
  const wake = createWake(clock)
  wake.wake()
  wake.wake()
  await wake.wait(5000, never)
  expect(slept).toEqual([])
  const waiting = wake.wait(6000, never)
  expect(slept).toEqual([6000])
  wake.wake()
  await waiting
})

it('ends a wait when the time is over or the caller stops, now or before', async () => {
  const { slept, clock } = sleepless()
  const stop = new AbortController()
  const waiting = createWake(clock).wait(-5, stop.signal)
  stop.abort()
  await waiting
  await createWake(clock).wait(5000, stop.signal)
  expect(slept).toEqual([0])
  await createWake(systemClock).wait(1, never)
})

it('does not hide that the clock failed', async () => {
  const broken = { now: () => 0, sleep: () => Promise.reject(new Error('no hands')) }
  await expect(createWake(broken).wait(1, never)).rejects.toThrow('no hands')
})
