import { describe, expect, it } from 'vitest'
import { createLanes } from '../../src/jobs/lanes.ts'
import { createGate, createSeen, within } from '../helpers/wait.ts'

interface Item {
  rule: string
  n: number
}

/** Lanes whose items run until they are let go. */
function gatedLanes(concurrency: number) {
  const started = createSeen<string>()
  const gates = new Map<string, ReturnType<typeof createGate>>()
  const running = new Map<string, number>()
  let most = 0
  const name = ({ rule, n }: Item) => `${rule}${n}`
  const lanes = createLanes<Item>(async item => {
    const count = (running.get(item.rule) ?? 0) + 1
    running.set(item.rule, count)
    most = Math.max(most, count)
    const gate = createGate()
    gates.set(name(item), gate)
    started.push(name(item))
    await gate.passed
    running.set(item.rule, running.get(item.rule)! - 1)
  })
  const push = (rule: string, count: number) => {
    for (let n = 0; n < count; n++) lanes.push(rule, { rule, n }, concurrency)
  }
  const finish = (item: string) => gates.get(item)!.open()
  return { lanes, started, push, finish, most: () => most }
}

describe('lanes', () => {
  it('run as many of one rule as allowed, and the next when one ends', async () => {
    const { started, push, finish, lanes } = gatedLanes(2)
    push('a', 4)
    expect(started.items).toEqual(['a0', 'a1'])
    expect(lanes.size()).toBe(4)
    finish('a1')
    await started.reach(3)
    expect(started.items).toEqual(['a0', 'a1', 'a2'])
    expect(lanes.size()).toBe(3)
  })

  it('do not hold one rule up behind another', () => {
    const { started, push } = gatedLanes(1)
    push('slow', 10_000)
    push('fast', 1)
    expect(started.items).toEqual(['slow0', 'fast0'])
  })

  it('keep the order of a rule at concurrency 1, over thousands of items', async () => {
    const done: number[] = []
    const all = createGate()
    const lanes = createLanes<number>(async n => {
      await null
      done.push(n)
      if (done.length === 5000) all.open()
    })
    for (let n = 0; n < 5000; n++) lanes.push('a', n, 1)
    await within(all.passed, 'all items')
    expect(done).toEqual(Array.from({ length: 5000 }, (_, n) => n))
    expect(lanes.size()).toBe(0)
  })

  it('never run more of one rule than allowed, however they are pushed', async () => {
    const { started, push, finish, most } = gatedLanes(3)
    push('a', 5)
    for (let i = 0; i < 5; i++) {
      finish((await started.reach(i + 1))[i]!)
      if (i === 2) push('b', 2)
    }
    expect(most()).toBe(3)
  })

  it('serve a rule again after its lane has run empty', async () => {
    const { started, push, finish, lanes } = gatedLanes(1)
    push('a', 1)
    finish('a0')
    await within(
      emptied(() => lanes.size()),
      'the lane running empty',
    )
    push('a', 2)
    finish('a0')
    await started.reach(3)
    expect(started.items).toEqual(['a0', 'a0', 'a1'])
  })

  it('stop once what runs has ended, and leave what waits', async () => {
    const { started, push, finish, lanes } = gatedLanes(1)
    push('a', 3)
    push('b', 1)
    let stopped = false
    const stopping = lanes.stop().then(() => {
      stopped = true
    })
    finish('a0')
    await emptied(() => lanes.size() - 3)
    expect(stopped).toBe(false)
    finish('b0')
    await within(stopping, 'the stop')
    push('c', 1)
    expect(started.items).toEqual(['a0', 'b0'])
  })

  it('run as many at once as the rule said last', async () => {
    const { started, lanes, finish } = gatedLanes(1)
    lanes.push('a', { rule: 'a', n: 0 }, 1)
    lanes.push('a', { rule: 'a', n: 1 }, 1)
    expect(started.items).toEqual(['a0'])
    lanes.push('a', { rule: 'a', n: 2 }, 3)
    expect(started.items).toEqual(['a0', 'a1', 'a2'])
    expect(lanes.running()).toBe(3)
    finish('a0')
    await emptied(() => lanes.running() - 2)
  })
})

/** Resolves on the turn on which the count is 0. */
async function emptied(count: () => number): Promise<void> {
  while (count() !== 0) await new Promise(resolve => setImmediate(resolve))
}
