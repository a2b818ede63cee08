import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openDatabase } from '../../src/base/sqlite.ts'
import type { Fact } from '../../src/cache/facts.ts'
import { MIGRATIONS } from '../../src/cache/tables.ts'
import { keptLog } from '../helpers/core.ts'
import { jidOf, MiB, newJob, openStore, returned, sentJob, T0 } from './jobs.ts'

const BOUND = 16 * MiB
/** What the files may have beyond the bound: the commit in hand. */
const SLACK = MiB
const LATER = T0 + 1000_000

/** Of the bound, what the log has. */
const RESERVE = 8 * MiB

/** Bytes of all files of the cache. */
const onDisk = (dir: string): number =>
  readdirSync(dir).reduce((sum, name) => sum + (statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0), 0)

// Text that is no longer than its JSON.
const text = (bytes: number, n: number): string => `${n} ${'x'.repeat(bytes)}`

describe('the bound of the job cache', () => {
  it.each<[string, number, number, (n: number) => Fact[]]>([
    ['many small jobs', 9000, 100, n => [newJob(n), sentJob(n), returned(n, 'm1', { return: text(4000, n) })]],
    [
      'jobs of many minions',
      18,
      1,
      n => {
        const minions = Array.from({ length: 2000 }, (_, m) => `minion-${m}.example.com`)
        return [newJob(n, { minions }), ...minions.map(id => returned(n, id, { return: text(1000, n) }))]
      },
    ],
    ['large returns', 60, 1, n => [newJob(n), returned(n, 'm1', { return: text(900_000, n) })]],
    ['returns alone', 10_000, 200, n => [returned(n, 'm1', { return: text(4000, n) })]],
  ])('holds while several times as much of it is written: %s', async (_what, jobs, atOnce, factsOf) => {
    const store = await openStore({ maxBytes: BOUND })
    let written = 0
    let largest = 0
    let largestFile = 0
    for (let n = 0; n < jobs; n += atOnce) {
      const facts = Array.from({ length: atOnce }, (_, k) => factsOf(n + k)).flat()
      written += JSON.stringify(facts).length
      for (let from = 0; from < facts.length; from += 500) {
        await store.add(...facts.slice(from, from + 500))
        largest = Math.max(largest, onDisk(store.dir))
        largestFile = Math.max(largestFile, statSync(join(store.dir, 'jobs.db')).size)
      }
    }
    // Room is made before it is needed.
    expect(largestFile).toBeLessThanOrEqual(BOUND - RESERVE)
    expect(written).toBeGreaterThan(2.2 * BOUND)
    expect(largest).toBeLessThan(BOUND + SLACK)
    expect(await store.job(jidOf(0), LATER)).toBeNull()
    const { jobs: kept } = await store.jobs({ limit: 1000 }, LATER, 64 * MiB)
    // The newest are there without a gap, and fill a good part of what they may.
    expect(kept.map(({ jid }) => jid)).toEqual(kept.map((_, n) => jidOf(jobs - 1 - n)))
    expect((kept.length * written) / jobs > BOUND / 4 || kept.length === 1000).toBe(true)
    for (const { jid } of kept.slice(0, 5)) {
      const job = (await store.job(jid, LATER))!
      expect(Object.values(job.returns).every(of => String(of.return).startsWith(`${Number(jid.slice(8))} x`))).toBe(
        true,
      )
    }
  })

  it('holds in the face of one job that is larger, whose states stay', async () => {
    const store = await openStore({ maxBytes: BOUND })
    const minions = Array.from({ length: 4000 }, (_, m) => `m${String(m).padStart(4, '0')}`)
    await store.add(newJob(1, { minions }), sentJob(1))
    let largest = 0
    for (const [m, id] of minions.entries()) {
      await store.add(returned(1, id, { at: T0 + 10 + m, return: text(8000, m) }))
      largest = Math.max(largest, onDisk(store.dir))
    }
    expect(largest).toBeLessThan(BOUND + SLACK)
    const job = (await store.job(jidOf(1), LATER))!
    expect(job.counts).toEqual({ returned: 4000 })
    expect(job.returns.m0000!.return).toEqual({
      _left_out: expect.stringMatching(/^8004 bytes: the job cache has no room for more \(cache\.max_bytes\)$/),
    })
    expect(job.returns.m3999!.return).toBe(text(8000, 3999))
  })

  it('lets even a single job go whose names alone are larger, and says so', async () => {
    const { log, lines } = keptLog()
    const store = await openStore({ maxBytes: BOUND, log })
    for (let m = 0; m < 90_000; m += 500)
      await store.add(...Array.from({ length: 500 }, (_, k) => returned(1, `minion-${m + k}.${'x'.repeat(60)}`)))
    await lines.find(({ msg }) => /one job is larger than the job cache may be/.test(msg), 'a word of it')
    expect(onDisk(store.dir)).toBeLessThan(BOUND + SLACK)
    await store.add(newJob(2), returned(2))
    expect(await store.job(jidOf(2), LATER)).toMatchObject({ states: { m1: 'returned' } })
  })

  it('gives space back to the disk when it was lowered', async () => {
    const before = await openStore({ maxBytes: 4 * BOUND })
    for (let n = 0; n < 100; n++) await before.add(returned(n, 'm1', { return: text(400_000, n) }))
    before.close()
    expect(onDisk(before.dir)).toBeGreaterThan(2 * BOUND)
    const after = await openStore({ dir: before.dir, maxBytes: BOUND })
    expect(onDisk(after.dir)).toBeLessThan(BOUND)
    expect(await after.job(jidOf(99), LATER)).toMatchObject({ states: { m1: 'returned' } })
    expect(await after.job(jidOf(0), LATER)).toBeNull()
  })

  it('holds for two workers that share the file', async () => {
    const one = await openStore({ maxBytes: BOUND })
    const two = await openStore({ dir: one.dir, maxBytes: BOUND })
    let largest = 0
    for (let n = 0; n < 6000; n += 100) {
      const store = n % 200 ? two : one
      await store.add(...Array.from({ length: 100 }, (_, k) => returned(n + k, 'm1', { return: text(8000, n + k) })))
      largest = Math.max(largest, onDisk(one.dir))
    }
    expect(largest).toBeLessThan(BOUND + SLACK)
    for (const store of [one, two]) expect(await store.job(jidOf(5999), LATER)).not.toBeNull()
  })

  it('is back once a reader that kept the log from being cut has ended, of which it told', async () => {
    const { log, lines } = keptLog()
    const store = await openStore({ maxBytes: BOUND, log })
    await store.add(returned(0))
    const reader = openDatabase(join(store.dir, 'jobs.db'), { migrations: MIGRATIONS })
    onTestFinished(() => reader.close())
    reader.exec('BEGIN')
    reader.prepare('select * from returns').all()
    for (let n = 1; n < 60; n++) await store.add(returned(n, 'm1', { return: text(300_000, n) }))
    expect(lines.items.filter(({ msg }) => /another process reads the job cache for long/.test(msg))).toHaveLength(1)
    expect(onDisk(store.dir)).toBeGreaterThan(BOUND)
    reader.exec('COMMIT')
    await store.add(returned(60))
    expect(onDisk(store.dir)).toBeLessThan(BOUND)
  })
})
