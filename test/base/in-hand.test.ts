import { describe, expect, it } from 'vitest'
import { createInHand } from '../../src/base/in-hand.ts'
import { createGate, within } from '../helpers/wait.ts'

describe('work in hand', () => {
  it('is waited for, with what is added meanwhile', async () => {
    const order: string[] = []
    const [first, second] = [createGate(), createGate()]
    const work = createInHand(error => order.push(String(error)))
    work.add(
      first.passed.then(() => {
        order.push('first')
        work.add(second.passed.then(() => void order.push('second')))
      }),
    )
    const settled = work.settle().then(() => order.push('settled'))
    first.open()
    await new Promise(resolve => setImmediate(resolve))
    expect(order).toEqual(['first'])
    second.open()
    await within(settled, 'the end of all work')
    expect(order).toEqual(['first', 'second', 'settled'])
  })

  it('says what failed, and waits for the rest', async () => {
    const failures: unknown[] = []
    const work = createInHand(error => failures.push(error))
    const rest = createGate()
    const ended: string[] = []
    work.add(Promise.reject(new Error('no')))
    work.add(rest.passed.then(() => void ended.push('the rest')))
    const settled = work.settle(60_000)
    rest.open()
    await within(settled, 'the end of all work')
    expect(failures).toEqual([new Error('no')])
    expect(ended).toEqual(['the rest'])
  })

  it('is left behind after the time it gets', async () => {
    const work = createInHand(() => undefined)
    work.add(new Promise(() => undefined))
    const order: string[] = []
    await within(
      work.settle(1).then(() => order.push('left behind')),
      'the time',
    )
    expect(order).toEqual(['left behind'])
  })

  it('is nothing at first', async () => {
    await expect(createInHand(() => undefined).settle()).resolves.toBeUndefined()
  })
})
