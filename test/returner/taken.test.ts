import { describe, expect, it } from 'vitest'
import { isRefused, refused } from '../../src/functions/define-returner.ts'
import { createTaken, loadItem, returnItem } from '../../src/returner/taken.ts'
import { jidAt, loadOf, returnOf } from '../contract/returners.ts'

const jid = jidAt(Date.now())
const items = ['web1', 'web2', 'web3'].map(id => returnItem(returnOf(jid, id)))

describe('what is known of records that were handed on', () => {
  it('is of the last so many alone', () => {
    const taken = createTaken(2)
    for (const item of [items[0]!, items[1]!, items[0]!, items[2]!]) taken.add(item)
    expect(taken.left(items).map(({ record }) => record.id)).toEqual(['web2'])
    expect(taken.size).toBe(2)
  })

  it('is nothing where sending has failed, and the reason where it was refused', async () => {
    const taken = createTaken()
    const sent: string[] = []
    const answers = [new Error('lost'), refused('too long')]
    const once = () =>
      taken.once(items[0]!, async () => {
        sent.push('web1')
        throw answers.shift()
      })
    await expect(once()).rejects.toThrow('lost')
    await expect(once()).rejects.toThrow('too long')
    const error = await once().catch(thrown => thrown)
    expect([isRefused(error), error.message, sent.length]).toEqual([true, 'too long', 2])
  })
})

it('the key of a load covers the whole of it', () => {
  const [one, other] = [loadOf(jid), loadOf(jid, { minions: ['web3'] })].map(loadItem)
  expect(one!.place).toBe(other!.place)
  expect(one!.key).not.toBe(other!.key)
})

it('what a return holds is read once, however often it comes again', () => {
  let read = 0
  const toJSON = () => {
    read += 1
    return 'large'
  }
  const record = returnOf(jid, 'web1', { return: { toJSON } })
  const keys = [record, record, returnOf(jid, 'web1', { return: 'large' })].map(one => returnItem(one).key)
  expect(read).toBe(1)
  expect(new Set(keys).size).toBe(1)
})
