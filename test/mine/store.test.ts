import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type MineStore, MOST_BYTES, MOST_ENTRIES, openMineStore } from '../../src/mine/store.ts'
import { testFolder } from '../helpers/folder.ts'

const entry = (json: string, bytes = json.length) => ({ json, bytes, allow: undefined })

function held(store: MineStore, minion: string, name: string) {
  const [head] = store.find([minion], [name], undefined, 1)
  return head && { json: store.data(minion, name), bytes: head.bytes, allow: head.allow }
}

async function open(file?: string) {
  const path = file ?? join(await testFolder(), 'mine.db')
  const store = openMineStore(path)
  onTestFinished(() => store.close())
  return { store, path }
}

describe('the store of the mine', () => {
  it('keeps the last of each name, with its rule', async () => {
    const { store } = await open()
    store.put('a', 'x', entry('1'))
    store.put('a', 'x', { json: '{"y":2}', bytes: 7, allow: { tgt: ['b'], tgt_type: 'list' } })
    store.put('b', 'x', entry('3'))
    expect(held(store, 'a', 'x')).toEqual({ json: '{"y":2}', bytes: 7, allow: { tgt: ['b'], tgt_type: 'list' } })
    store.put('a', 'x', entry('4'))
    expect(held(store, 'a', 'x')).toEqual(entry('4'))
    expect(held(store, 'b', 'x')).toEqual(entry('3'))
    expect(held(store, 'a', 'X')).toBeUndefined()
  })

  it("removes a minion's own alone", async () => {
    const { store } = await open()
    for (const minion of ['a', 'b']) for (const name of ['x', 'y', 'z']) store.put(minion, name, entry('1'))
    store.delete('a', 'x')
    store.delete('a', 'nosuch')
    expect([held(store, 'a', 'x'), held(store, 'a', 'y'), held(store, 'b', 'x')]).toEqual([
      undefined,
      entry('1'),
      entry('1'),
    ])
    store.flush('a', ['z', 'nosuch'])
    expect([held(store, 'a', 'y'), held(store, 'a', 'z'), held(store, 'b', 'y')]).toEqual([
      undefined,
      entry('1'),
      entry('1'),
    ])
    store.flush('a', [])
    expect([held(store, 'a', 'z'), held(store, 'b', 'z')]).toEqual([undefined, entry('1')])
  })

  it('is shared by all who open it, and outlives them', async () => {
    const { store, path } = await open()
    const other = (await open(path)).store
    store.put('a', 'x', entry('"ü"', 4))
    expect(held(other, 'a', 'x')).toEqual(entry('"ü"', 4))
    store.close()
    other.put('a', 'x', entry('2'))
    other.close()
    expect(held((await open(path)).store, 'a', 'x')).toEqual(entry('2'))
  })

  it('finds entries by minion and name, page after page', async () => {
    const { store } = await open()
    // In the order of SQLite, which is that of the bytes: 'B' comes before 'a', '😀' after '\ue000'.
    const minions = ['B', 'a', 'b.c', '\ue000', '😀']
    for (const minion of minions.toReversed())
      for (const name of ['y', 'z', 'x', "it's"]) store.put(minion, name, entry('1'))
    const asked = [...minions, 'nobody', 'a']
    const names = ['z', 'x', 'nosuch', 'z', "it's"]
    const all = minions.flatMap(minion => ["it's", 'x', 'z'].map(name => ({ minion, name })))
    const keys = (found: ReturnType<typeof store.find>) => found.map(({ minion, name }) => ({ minion, name }))
    expect(keys(store.find(asked, names, undefined, 100))).toEqual(all)
    for (const most of [1, 4, 7]) {
      const pages: object[] = []
      for (let after: (typeof all)[number] | undefined; ; ) {
        const page = keys(store.find(asked, names, after, most))
        pages.push(...page)
        after = page.at(-1)
        if (page.length < most) break
      }
      expect(pages).toEqual(all)
    }
    expect(store.find(['a'], [], undefined, 100)).toEqual([])
    expect(store.find([], ['x'], undefined, 100)).toEqual([])
  })

  it('bounds how many entries a minion has', async () => {
    const { store } = await open()
    for (let i = 0; i < MOST_ENTRIES; i++) store.put('a', `n${i}`, entry('1'))
    expect(() => store.put('a', 'more', entry('1'))).toThrow(
      `mine entry 'more' is refused: its ${MOST_ENTRIES} entries are all that a minion may have; delete others first`,
    )
    store.put('a', 'n0', entry('2'))
    store.put('b', 'more', entry('1'))
    expect([held(store, 'a', 'n0'), held(store, 'a', 'more'), held(store, 'b', 'more')]).toEqual([
      entry('2'),
      undefined,
      entry('1'),
    ])
  })

  it('bounds how many bytes they have', async () => {
    const { store } = await open()
    store.put('a', 'x', entry('1', MOST_BYTES - 10))
    expect(() => store.put('a', 'y', entry('1', 11))).toThrow(`the minion would have ${MOST_BYTES + 1} bytes of the`)
    store.put('a', 'y', entry('1', 10))
    store.put('a', 'x', entry('1', 5))
    expect(held(store, 'a', 'y')?.bytes).toBe(10)
  })
})
