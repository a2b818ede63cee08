import { describe, expect, it } from 'vitest'
import { createBacklog } from '../../src/login/backlog.ts'

function open() {
  let now = 0
  const pings: { answer(): void; lose(): void }[] = []
  const flush = () =>
    new Promise<void>((resolve, reject) => pings.push({ answer: resolve, lose: () => reject(new Error('lost')) }))
  const backlog = createBacklog({ flush }, () => now)
  const at = (ms: number) => {
    now = ms
    return backlog.waitedMs()
  }
  return { at, pings }
}

describe('how long messages have waited', () => {
  it('is at least the time since the oldest ping that has no answer', async () => {
    const { at, pings } = open()
    expect([at(0), at(300), at(600), at(5000)]).toEqual([0, 300, 600, 5000])
    pings[0]!.answer()
    await Promise.resolve()
    expect(at(5100)).toBe(4800)
  })

  it('is nothing that is known where every ping is answered', async () => {
    const { at, pings } = open()
    at(0)
    pings[0]!.answer()
    await Promise.resolve()
    expect(at(100)).toBe(0)
    expect(at(10_000)).toBe(0)
  })

  it('starts anew after the connection was lost', async () => {
    const { at, pings } = open()
    at(0)
    pings[0]!.lose()
    await new Promise(resolve => setImmediate(resolve))
    expect(at(60_000)).toBe(0)
  })

  it('costs few pings, however many messages come and however long no answer does', () => {
    const { at, pings } = open()
    for (let ms = 0; ms < 1000; ms++) at(ms)
    expect(pings).toHaveLength(4)
    for (let ms = 1000; ms < 1_000_000; ms += 100) at(ms)
    expect(pings).toHaveLength(100)
  })
})
