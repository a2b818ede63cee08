import { describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { startMineUpdates } from '../../src/mine/updater.ts'
import { createSeen } from '../helpers/wait.ts'

/** Updates under a clock whose sleeps end when the test says so. */
function start(
  outcomes: (Error | undefined)[],
  functions: Record<string, unknown> = { 'test.ping': [] },
  intervalMs = 60_000,
) {
  const ran = createSeen<unknown[]>()
  const slept = createSeen<{ ms: number; wake(): void }>()
  const updates = startMineUpdates({
    functions,
    intervalMs,
    async run(fun, arg, kwarg) {
      ran.push([fun, arg, kwarg])
      const problem = outcomes[ran.items.length - 1]
      if (problem) throw problem
    },
    clock: {
      now: () => 0,
      sleep: (ms, signal) =>
        new Promise((wake, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
          slept.push({ ms, wake })
        }),
    },
    log: silentLog,
  })
  onTestFinished(() => updates.stop())
  return { updates, ran, slept }
}

describe('the mine is updated', () => {
  it('at the start, and at every interval', async () => {
    const { ran, slept } = start([])
    await slept.reach(1)
    expect(ran.items).toEqual([['mine.update', [], {}]])
    slept.items[0]!.wake()
    await slept.reach(2)
    expect(ran.items).toHaveLength(2)
    expect(slept.items.map(({ ms }) => ms)).toEqual([60_000, 60_000])
  })

  it('sooner after a failure, with growing waits that the interval bounds', async () => {
    const no = new Error('nobody answers')
    const { slept } = start([no, no, no, no, undefined, no])
    for (let n = 0; n < 6; n++) {
      await slept.reach(n + 1)
      slept.items[n]!.wake()
    }
    expect(slept.items.slice(0, 6).map(({ ms }) => ms)).toEqual([10_000, 20_000, 40_000, 60_000, 60_000, 10_000])
  })

  it('once a second at most', async () => {
    const { slept } = start([], undefined, 0)
    await slept.reach(1)
    expect(slept.items[0]!.ms).toBe(1000)
  })

  it('never without mine functions', async () => {
    const { ran, slept, updates } = start([], {})
    await updates.stop()
    expect([ran.items, slept.items]).toEqual([[], []])
  })

  it('not any more after a stop, which may be called twice', async () => {
    const { ran, slept, updates } = start([])
    await slept.reach(1)
    await updates.stop()
    await updates.stop()
    slept.items[0]!.wake()
    await new Promise(resolve => setImmediate(resolve))
    expect(ran.items).toHaveLength(1)
  })
})
