import { describe, expect, it, onTestFinished } from 'vitest'
import { startHearingClock } from '../../src/fleet/presence-clock.ts'
import { createGate, createSeen } from '../helpers/wait.ts'

const TICK = 5

/** A clock whose server answers or not, beside a time that the test sets. */
function open() {
  let real = 0
  let answer: () => Promise<void> = async () => {
    real += TICK
  }
  let up: () => void = () => undefined
  const ticks = createSeen<{ now: number; missed: boolean }>()
  const clock = startHearingClock({
    nc: { flush: () => answer() },
    follow(onUp) {
      up = onUp
      return () => undefined
    },
    tickMs: TICK,
    deafMs: 10 * TICK,
    onTick: (now, missed) => ticks.push({ now, missed }),
    real: () => real,
  })
  onTestFinished(() => clock.stop())
  const next = () => ticks.reach(ticks.items.length + 1).then(all => all.at(-1)!)
  return {
    clock,
    next,
    ticks,
    up: () => up(),
    elapse: (ms: number) => {
      real += ms
    },
    answers(how: () => Promise<void>) {
      answer = how
    },
    answersAgain() {
      answer = async () => {
        real += TICK
      }
    },
  }
}

describe('the time in which silence is judged', () => {
  it('passes while the server answers', async () => {
    const { clock, ticks } = open()
    await ticks.reach(3)
    expect(ticks.items.slice(0, 3)).toEqual([1, 2, 3].map(n => ({ now: n * TICK, missed: false })))
    expect(clock.now()).toBeGreaterThanOrEqual(3 * TICK)
  })

  it('goes on between two ticks, so that a heartbeat is as old as it is', async () => {
    const { clock, next, answers, answersAgain, elapse } = open()
    const { now } = await next()
    const [asked, answered] = [createGate(), createGate()]
    answers(() => {
      asked.open()
      return answered.passed
    })
    await asked.passed
    elapse(3)
    expect(clock.now()).toBe(now + 3)
    answersAgain()
    answered.open()
    expect((await next()).now).toBe(now + 3)
  })

  it('stands still while the link is down, and then says that something was missed', async () => {
    const { next, answers, answersAgain, elapse } = open()
    const before = await next()
    const failed = createSeen<true>()
    answers(async () => {
      elapse(10_000)
      failed.push(true)
      throw new Error('connection disconnected')
    })
    await failed.reach(5)
    answersAgain()
    const after = await next()
    expect(after).toEqual({ now: before.now + 2 * TICK, missed: true })
    expect(await next()).toMatchObject({ missed: false })
  })

  it('stands still while the link hangs', async () => {
    const { clock, next, answers, answersAgain, elapse } = open()
    const { now } = await next()
    const [hangs, answered] = [createGate(), createGate()]
    answers(() => {
      hangs.open()
      return answered.passed
    })
    await hangs.passed
    elapse(10_000)
    expect(clock.now()).toBe(now + 2 * TICK)
    answersAgain()
    answered.open()
    expect(await next()).toEqual({ now: now + 2 * TICK, missed: true })
  })

  it('counts a tick that comes late, after a pause of the process, as two', async () => {
    const { next, elapse } = open()
    const { now } = await next()
    elapse(60_000)
    expect(await next()).toEqual({ now: now + 2 * TICK, missed: true })
  })

  it('says that something was missed where the link was lost between two ticks', async () => {
    const { next, up } = open()
    expect(await next()).toMatchObject({ missed: false })
    up()
    expect(await next()).toMatchObject({ missed: true })
    expect(await next()).toMatchObject({ missed: false })
  })
})
