import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { MOST_BYTES, MOST_ENTRIES, openMineStore } from '../../src/mine/store.ts'
import { testFolder } from '../helpers/folder.ts'

const entry = (json: string, bytes = json.length) => ({ json, bytes, allow: undefined })

async function open(file?: string) {
  const path = file ?? join(await testFolder(), 'mine.db')
  const store = openMineStore(path)
  onTestFinished(() => store.close())
  return { store, path }
}

describe('the store of the mine', () => {
  it('keeps the last of each name, with its rule', async () => {
    const { store } = await open()
    store.put('a', 'x', entry('1'), 1)
    store.put('a', 'x', { json: '{"y":2}', bytes: 7, allow: { tgt: ['b'], tgt_type: 'list' } }, 2)
    store.put('b', 'x', entry('3'), 3)
    expect(store.get('a', 'x')).toEqual({ json: '{"y":2}', bytes: 7, allow: { tgt: ['b'], tgt_type: 'list' } })
    store.put('a', 'x', entry('4'), 4)
    expect(store.get('a', 'x')).toEqual(entry('4'))
    expect(store.get('b', 'x')).toEqual(entry('3'))
    expect(store.get('a', 'X')).toBeUndefined()
  })

  it("removes a minion's own alone", async () => {
    const { store } = await open()
    for (const minion of ['a', 'b']) for (const name of ['x', 'y', 'z']) store.put(minion, name, entry('1'), 1)
    store.delete('a', 'x')
    store.delete('a', 'nosuch')
    expect([store.get('a', 'x'), store.get('a', 'y'), store.get('b', 'x')]).toEqual([undefined, entry('1'), entry('1')])
    store.flush('a', ['z', 'nosuch'])
    expect([store.get('a', 'y'), store.get('a', 'z'), store.get('b', 'y')]).toEqual([undefined, entry('1'), entry('1')])
    store.flush('a', [])
    expect([store.get('a', 'z'), store.get('b', 'z')]).toEqual([undefined, entry('1')])
  })

  it('is shared by all who open it, and outlives them', async () => {
    const { store, path } = await open()
    const other = (await open(path)).store
    store.put('a', 'x', entry('"ü"', 4), 1)
    expect(other.get('a', 'x')).toEqual(entry('"ü"', 4))
    store.close()
    other.put('a', 'x', entry('2'), 2)
    other.close()
    expect((await open(path)).store.get('a', 'x')).toEqual(entry('2'))
  })

  it('bounds how many entries a minion has', async () => {
    const { store } = await open()
    for (let i = 0; i < MOST_ENTRIES; i++) store.put('a', `n${i}`, entry('1'), 1)
    expect(() => store.put('a', 'more', entry('1'), 1)).toThrow(
      `mine entry 'more' is refused: its ${MOST_ENTRIES} entries are all that a minion may have; delete others first`,
    )
    store.put('a', 'n0', entry('2'), 1)
    store.put('b', 'more', entry('1'), 1)
    expect([store.get('a', 'n0'), store.get('a', 'more'), store.get('b', 'more')]).toEqual([
      entry('2'),
      undefined,
      entry('1'),
    ])
  })

  it('bounds how many bytes they have', async () => {
    const { store } = await open()
    store.put('a', 'x', entry('1', MOST_BYTES - 10), 1)
    expect(() => store.put('a', 'y', entry('1', 11), 1)).toThrow(`the minion would have ${MOST_BYTES + 1} bytes of the`)
    store.put('a', 'y', entry('1', 10), 1)
    store.put('a', 'x', entry('1', 5), 1)
    expect(store.get('a', 'y')?.bytes).toBe(10)
  })
})
