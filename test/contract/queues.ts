// What every backend of queues has to keep to, whatever keeps the items: run against the real store.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { QueueBackend, QueueSettings } from '../../src/queue/backend.ts'
import { entryOf, keyOf } from '../../src/queue/entry.ts'
import { take } from '../../src/queue/take.ts'
import { untilTaken, within } from '../helpers/wait.ts'

export interface QueueSubject {
  /** On the store of the suite; each call is a worker of its own. */
  open(settings: QueueSettings): Promise<QueueBackend>
  /** What `test/queue/popper.mjs` opens the same store by. */
  popper(): Record<string, unknown>
}

const SETTINGS: QueueSettings = { leaseMs: 60_000, tries: 3 }
/** A lease that runs out while a test waits for it. */
const SHORT: QueueSettings = { leaseMs: 1500, tries: 3 }
const ALL = 10_000
let serial = 0

const entries = (items: readonly unknown[]) => items.map(entryOf)
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, n) => `item-${from + n}`)

export function queueContract(subject: QueueSubject): void {
  const open = async (settings: Partial<QueueSettings> = {}) => {
    const backend = await subject.open({ ...SETTINGS, ...settings })
    onTestFinished(() => backend.close())
    return backend
  }
  const fresh = async (settings: Partial<QueueSettings> = {}) => {
    serial += 1
    return { backend: await open(settings), queue: `q-${process.pid}-${serial}` }
  }
  const pop = (backend: QueueBackend, queue: string, quantity = ALL) =>
    take(backend, queue, quantity, async () => undefined)
  /** Once a lease has run out. */
  const leaseAgain = async (backend: QueueBackend, queue: string) => {
    let found = await backend.lease(queue, 10)
    await untilTaken('the end of a lease', async () => {
      if (found.length === 0) found = await backend.lease(queue, 10)
      if (found.length === 0) throw new Error('not yet')
    })
    return found
  }

  describe('a queue', () => {
    it('gives items out in the order in which they came, once', async () => {
      const { backend, queue } = await fresh()
      await backend.insert(queue, entries(['item1']))
      await backend.insert(queue, entries(['a', 'b', 'c', { k: 'v' }]))
      expect(await backend.length(queue)).toBe(5)
      expect(await backend.items(queue, ALL)).toEqual(['item1', 'a', 'b', 'c', { k: 'v' }])
      expect(await pop(backend, queue, 1)).toEqual(['item1'])
      expect(await pop(backend, queue, 2)).toEqual(['a', 'b'])
      expect(await pop(backend, queue)).toEqual(['c', { k: 'v' }])
      expect(await pop(backend, queue)).toEqual([])
      expect(await backend.length(queue)).toBe(0)
    })

    it('has an item once, says which it had already, and takes it again when it is gone', async () => {
      const { backend, queue } = await fresh()
      expect(await backend.insert(queue, entries(['a', 'b']))).toEqual(new Set())
      expect(await backend.insert(queue, entries(['b', 'c', 'c']))).toEqual(new Set([keyOf('b'), keyOf('c')]))
      expect(await backend.insert(queue, entries([{ x: 1, y: 2 }]))).toEqual(new Set())
      expect(await backend.insert(queue, entries([{ y: 2, x: 1 }]))).toEqual(new Set([keyOf({ x: 1, y: 2 })]))
      expect(await pop(backend, queue)).toEqual(['a', 'b', 'c', { x: 1, y: 2 }])
      expect(await backend.insert(queue, entries(['a']))).toEqual(new Set())
      expect(await pop(backend, queue)).toEqual(['a'])
    })

    it('loses what is deleted, whether it waits or is given out, and nothing else', async () => {
      const { backend, queue } = await fresh()
      await backend.insert(queue, entries(['a', 'b', 'c', 'd']))
      const [first] = await backend.lease(queue, 1)
      await backend.delete(queue, [keyOf('a'), keyOf('c'), keyOf('nope')])
      expect(await backend.items(queue, ALL)).toEqual(['b', 'd'])
      expect(await backend.length(queue)).toBe(2)
      // Who had it is done with nothing.
      await backend.ack(queue, [first!])
      expect(await pop(backend, queue)).toEqual(['b', 'd'])
    })

    it('is listed once something was inserted into it, and reading one does not make it', async () => {
      const { backend, queue } = await fresh()
      const none = `${queue}-none`
      expect(await backend.length(none)).toBe(0)
      expect(await backend.items(none, ALL)).toEqual([])
      expect(await backend.lease(none, 1)).toEqual([])
      expect(await backend.dead(none, ALL)).toEqual([])
      await backend.delete(none, [keyOf('a')])
      await backend.insert(queue, entries(['a']))
      await pop(backend, queue)
      const names = await backend.queues()
      expect(names).toContain(queue)
      expect(names).not.toContain(none)
    })

    it('says how many wait, are given out and are dead, and how old the oldest is', async () => {
      const { backend, queue } = await fresh({ tries: 1 })
      const none = { waiting: 0, leased: 0, dead: 0, oldestMs: undefined }
      expect(await backend.counts(queue)).toEqual(none)
      await backend.insert(queue, entries(['a', 'b', 'c']))
      expect(await backend.counts(queue)).toEqual({ ...none, waiting: 3, oldestMs: expect.any(Number) })
      const leases = await backend.lease(queue, 2)
      expect(await backend.counts(queue)).toMatchObject({ waiting: 1, leased: 2, dead: 0 })
      await backend.nack(queue, [leases[0]!])
      await backend.ack(queue, [leases[1]!])
      expect(await pop(backend, queue)).toEqual(['c'])
      expect(await backend.counts(queue)).toEqual({ ...none, dead: 1 })
    })

    it('keeps which rules had an item inserted, also while it is dead', async () => {
      const { backend, queue } = await fresh({ tries: 1 })
      const trace = { cause: '20261122095255611294', hops: 2, chain: 'a,b' }
      await backend.insert(queue, [{ ...entryOf('a'), trace }, entryOf('b')])
      const leases = await backend.lease(queue, 2)
      expect(leases.map(({ trace }) => trace)).toEqual([trace, undefined])
      await backend.nack(queue, leases)
      expect(await backend.lease(queue, 2)).toEqual([])
      expect(await backend.revive(queue)).toBe(2)
      expect((await backend.lease(queue, 2)).map(({ trace }) => trace)).toEqual([trace, undefined])
    })

    it('is apart from others, also from those of similar names', async () => {
      const { backend, queue } = await fresh()
      const names = [queue, `${queue}_`, `${queue}-`, queue.toUpperCase()]
      for (const name of names) await backend.insert(name, entries([name, 'same']))
      for (const name of names) expect(await pop(backend, name)).toEqual([name, 'same'])
    })

    it('keeps any item as it is', async () => {
      const { backend, queue } = await fresh()
      const odd = [
        '',
        0,
        -1.5,
        true,
        false,
        'a\u0000b',
        'x\ud83dy',
        'aßπ日\u{1f600}\u{10ffff}',
        `it's "so" \\ %s ? $1 :x -- /* {{ x }}`,
        [],
        ['a', ['b']],
        {},
        JSON.parse('{"__proto__": {"x": 1}, "constructor": 2, "": 3, "a.b": null}'),
        '1',
        1,
        'x'.repeat(200_000),
      ]
      await backend.insert(queue, entries(odd))
      expect(await pop(backend, queue)).toEqual(odd)
      const json = fc.jsonValue({ maxDepth: 6 }).filter(value => value !== null)
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(json, { maxLength: 20, selector: keyOf }), async items => {
          expect(await backend.insert(queue, entries(items))).toEqual(new Set())
          // JSON knows no -0.
          expect(await pop(backend, queue)).toEqual(JSON.parse(JSON.stringify(items)))
        }),
        { numRuns: 25 },
      )
    })

    it('takes thousands in one call, in their order', async () => {
      const { backend, queue } = await fresh()
      const items = numbers(3000)
      await backend.insert(queue, entries(items))
      expect(await backend.length(queue)).toBe(3000)
      expect(await backend.items(queue, 1200)).toEqual(items.slice(0, 1200))
      expect(await pop(backend, queue)).toEqual(items)
    })
  })

  describe('what is taken', () => {
    it('is with nobody else, counts until it is done with, and is not inserted again', async () => {
      const { backend, queue } = await fresh()
      const other = await open()
      await backend.insert(queue, entries(['a', 'b']))
      const first = await backend.lease(queue, 1)
      expect(first).toMatchObject([{ item: 'a', tries: 1 }])
      expect((await other.lease(queue, 10)).map(({ item }) => item)).toEqual(['b'])
      expect(await other.lease(queue, 10)).toEqual([])
      expect(await other.length(queue)).toBe(2)
      expect(await other.insert(queue, entries(['a']))).toEqual(new Set([keyOf('a')]))
      await backend.ack(queue, first)
      expect(await other.length(queue)).toBe(1)
      expect(await other.items(queue, ALL)).toEqual(['b'])
    })

    it('comes back when its lease is over, and not while it is extended', async () => {
      const { backend, queue } = await fresh({ ...SHORT, tries: 100 })
      await backend.insert(queue, entries(['a', 'b']))
      const [a, b] = await backend.lease(queue, 2)
      const extending: Promise<unknown>[] = []
      const timer = setInterval(() => extending.push(backend.extend(queue, [b!])), SHORT.leaseMs / 8)
      const again = await leaseAgain(backend, queue)
      clearInterval(timer)
      await Promise.all(extending)
      expect(again).toMatchObject([{ item: 'a', uid: a!.uid, tries: 2 }])
      await backend.ack(queue, again)
      await backend.ack(queue, [b!])
      expect(await backend.length(queue)).toBe(0)
    })

    it('is said to be removed only by what has removed it, where its lease is over and another has it', async () => {
      const { backend, queue } = await fresh(SHORT)
      await backend.insert(queue, entries(['a']))
      const late = await backend.lease(queue, 1)
      const now = await leaseAgain(backend, queue)
      const byLate = await backend.ack(queue, late)
      expect(await backend.items(queue, ALL)).toEqual(byLate.length > 0 ? [] : ['a'])
      expect([...byLate, ...(await backend.ack(queue, now))].length).toBeGreaterThan(0)
      expect(await backend.items(queue, ALL)).toEqual([])
    })

    it('comes back at once when it is given back, or after a delay', async () => {
      const { backend, queue } = await fresh()
      await backend.insert(queue, entries(['a', 'b']))
      await backend.nack(queue, await backend.lease(queue, 1))
      const [again, b] = await backend
        .lease(queue, 10)
        .then(all => all.sort((x, y) => (String(x.item) < String(y.item) ? -1 : 1)))
      expect([again, b]).toMatchObject([
        { item: 'a', tries: 2 },
        { item: 'b', tries: 1 },
      ])
      const before = Date.now()
      await backend.nack(queue, [again!], 300)
      expect(await leaseAgain(backend, queue)).toMatchObject([{ item: 'a', tries: 3 }])
      expect(Date.now() - before).toBeGreaterThanOrEqual(295)
    })

    it('is dead when it was given out too often: kept, told, and given out no more until somebody says so', async () => {
      const { backend, queue } = await fresh({ tries: 2 })
      await backend.insert(queue, entries(['bad', 'good']))
      for (const tries of [1, 2]) {
        const [bad] = (await backend.lease(queue, 10)).filter(({ item }) => item === 'bad')
        expect(bad).toMatchObject({ item: 'bad', tries })
        await backend.nack(queue, [bad!])
      }
      expect(await backend.lease(queue, 10)).toEqual([])
      expect(await backend.dead(queue, ALL)).toEqual([{ item: 'bad', tries: 2 }])
      expect(await backend.length(queue)).toBe(1)
      // It is in the queue no more, so it may come again; and when that one dies too, it is dead once.
      expect(await backend.insert(queue, entries(['bad']))).toEqual(new Set())
      for (const _ of [1, 2]) await backend.nack(queue, await backend.lease(queue, 1))
      expect(await backend.lease(queue, 1)).toEqual([])
      expect(await backend.dead(queue, ALL)).toEqual([{ item: 'bad', tries: 2 }])
      expect(await backend.revive(queue, [keyOf('nope')])).toBe(0)
      expect(await backend.revive(queue)).toBe(1)
      expect(await backend.dead(queue, ALL)).toEqual([])
      expect(await backend.lease(queue, 10)).toMatchObject([{ item: 'bad', tries: 1 }])
      await backend.delete(queue, [keyOf('bad')])
      expect(await backend.items(queue, ALL)).toEqual(['good'])
    })

    it('is not what came with a delay that is not over', async () => {
      const { backend, queue } = await fresh()
      const before = Date.now()
      await backend.insert(queue, entries(['later']), 2000)
      await backend.insert(queue, entries(['now']))
      expect(await backend.length(queue)).toBe(2)
      expect((await backend.lease(queue, 10)).map(({ item }) => item)).toEqual(['now'])
      expect(await leaseAgain(backend, queue)).toMatchObject([{ item: 'later', tries: 1 }])
      expect(Date.now() - before).toBeGreaterThanOrEqual(1995)
    })

    it('is given back by whoever fails on it', async () => {
      const { backend, queue } = await fresh()
      await backend.insert(queue, entries(['a', 'b']))
      const failing = take(backend, queue, 2, async () => {
        throw new Error('no')
      })
      await expect(failing).rejects.toThrow('no')
      expect(await backend.length(queue)).toBe(2)
      expect(await pop(backend, queue)).toEqual(['a', 'b'])
    })
  })

  describe('several workers', () => {
    it('take each item once, each in order, while others insert', async () => {
      const { backend, queue } = await fresh()
      const workers = [backend, await open(), await open()]
      const count = 600
      let done = false
      const insert = async () => {
        for (let from = 0; from < count; from += 30) await backend.insert(queue, entries(numbers(30, from)))
        done = true
      }
      const takeAll = async (worker: QueueBackend) => {
        const taken: unknown[] = []
        for (;;) {
          const last = done
          const some = await pop(worker, queue, 7)
          taken.push(...some)
          if (last && some.length === 0) return taken
        }
      }
      const [, ...taken] = await Promise.all([insert(), ...[...workers, ...workers].map(takeAll)])
      const place = (item: unknown) => Number(String(item).slice(5))
      for (const each of taken) expect(each.map(place)).toEqual(each.map(place).sort((a, b) => a - b))
      expect(
        taken
          .flat()
          .map(place)
          .sort((a, b) => a - b),
      ).toEqual(Array.from({ length: count }, (_, n) => n))
      expect(await backend.length(queue)).toBe(0)
    })

    it('insert the same at once, and it is there once', async () => {
      const { backend, queue } = await fresh()
      const workers = [backend, await open(), await open(), await open()]
      const items = numbers(100)
      const told = await Promise.all(
        workers.map((worker, n) => worker.insert(queue, entries(n % 2 ? items : items.toReversed()))),
      )
      expect(told.reduce((sum, existing) => sum + existing.size, 0)).toBe(300)
      expect((await pop(backend, queue)).sort()).toEqual([...items].sort())
    })

    it('lose nothing when one is killed with items in hand, or while it inserts', async () => {
      const { backend, queue } = await fresh({ leaseMs: 1500, tries: 50 })
      const items = numbers(400)
      await backend.insert(queue, entries(items))
      const seen = new Map<string, number>()
      for (let strike = 0; strike < 4; strike++) {
        const child = spawn(process.execPath, [join(import.meta.dirname, '../queue/popper.mjs')], {
          stdio: ['pipe', 'pipe', 'inherit'],
        })
        onTestFinished(() => void child.kill('SIGKILL'))
        child.stdin.end(JSON.stringify({ ...subject.popper(), queue, settings: { leaseMs: 1500, tries: 50 } }))
        let finished = 0
        for await (const line of createInterface({ input: child.stdout })) {
          seen.set(line, (seen.get(line) ?? 0) + 1)
          if (++finished === 20 + strike * 13) child.kill('SIGKILL')
        }
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
        expect(child.signalCode).toBe('SIGKILL')
      }
      const rest = async () => {
        while ((await backend.length(queue)) > 0) {
          const leases = await backend.lease(queue, 50)
          for (const { item } of leases) seen.set(String(item), (seen.get(String(item)) ?? 0) + 1)
          await backend.ack(queue, leases)
        }
      }
      await within(rest(), 'what those who died had in hand')
      expect([...seen.keys()].filter(item => item.startsWith('item-')).sort()).toEqual([...items].sort())
      // Of each that was killed no more than what it had in hand came twice.
      const twice = [...seen].filter(([, times]) => times > 1)
      expect(twice.length).toBeLessThanOrEqual(4 * 10)
    })
  })
}
