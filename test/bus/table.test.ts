import { JetStreamApiError } from '@nats-io/jetstream'
import type { KV } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import { connect } from '@nats-io/transport-node'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { openBucket } from '../../src/bus/bucket.ts'
import { openTable, type Table } from '../../src/bus/table.ts'
import { useConnection } from '../helpers/connected.ts'
import { keptLog } from '../helpers/core.ts'
import { createSeen } from '../helpers/wait.ts'

const shared = useConnection()

const opened = vi.hoisted(() => [] as KV[])
vi.mock('../../src/bus/bucket.ts', async original => {
  const real = await original<typeof import('../../src/bus/bucket.ts')>()
  const openBucket: typeof real.openBucket = async (...asked) => {
    const bucket = await real.openBucket(...asked)
    opened.push(bucket)
    return bucket
  }
  return { ...real, openBucket }
})
/** The bucket of the table that was opened last. */
const lastBucket = () => opened.at(-1)!

interface Counter {
  n: number
}
function readCounter(value: unknown): Counter {
  const n = (value as { n?: unknown } | null)?.n
  if (typeof n !== 'number') throw new Error('expected {n}')
  return { n }
}

let buckets = 0
const newName = () => `t${process.pid}_${buckets++}`

async function open(name: string, nc: NatsConnection = shared.nc) {
  const { log, lines } = keptLog()
  const table = await openTable(nc, name, { replicas: 1, read: readCounter, log })
  onTestFinished(() => table.stop())
  const changes = createSeen<[string, number | undefined, number | undefined]>()
  table.follow((key, value, before) => changes.push([key, value?.n, before?.n]))
  return { table, changes, lines }
}

/** Another process, as far as the bucket knows. */
async function openElsewhere(name: string) {
  const nc = await connect({ servers: shared.server.url })
  onTestFinished(() => nc.close())
  return open(name, nc)
}

const add = (table: Table<Counter>, key: string) => table.change(key, value => ({ n: (value?.n ?? 0) + 1 }))

describe('a table', () => {
  it('has its own change in memory as soon as it is made, and tells of it once', async () => {
    const { table, changes } = await open(newName())
    expect(await add(table, 'a')).toEqual({ after: { n: 1 } })
    expect(table.values.get('a')).toEqual({ n: 1 })
    expect(await add(table, 'a')).toEqual({ before: { n: 1 }, after: { n: 2 } })
    expect(await table.change('a', () => undefined)).toEqual({ before: { n: 2 } })
    expect(table.values.has('a')).toBe(false)
    // The mirror tells in order: once it has told of this one, it has told of all.
    const other = await openElsewhere(currentName())
    await add(other.table, 'last')
    await changes.find(([key]) => key === 'last', 'the change of another')
    expect(changes.items).toEqual([
      ['a', 1, undefined],
      ['a', 2, 1],
      ['a', undefined, 2],
      ['last', 1, undefined],
    ])
  })

  it('writes nothing where the value stays as it is, and deletes nothing twice', async () => {
    const { table, changes } = await open(newName())
    await add(table, 'a')
    expect(await table.change('a', value => value)).toEqual({ before: { n: 1 }, after: { n: 1 } })
    await table.change('a', () => undefined)
    expect(await table.change('a', () => undefined)).toEqual({})
    expect(changes.items).toHaveLength(2)
  })

  it('loses no change of several that change one value at once, in one process and in others', async () => {
    const name = newName()
    const one = await open(name)
    const two = await openElsewhere(name)
    await Promise.all(Array.from({ length: 60 }, (_, i) => add((i % 2 ? one : two).table, 'a')))
    await one.changes.find(([, n]) => n === 60, 'the sum here')
    await two.changes.find(([, n]) => n === 60, 'the sum there')
    expect(one.table.values.get('a')).toEqual({ n: 60 })
  })

  it('makes anew what was deleted, by itself and by others', async () => {
    const name = newName()
    const one = await open(name)
    const two = await openElsewhere(name)
    await add(one.table, 'a')
    await one.table.change('a', () => undefined)
    await one.table.change('a', () => ({ n: 7 }))
    await two.changes.find(([, n]) => n === 7, 'it there')
    await two.table.change('a', () => undefined)
    await one.changes.find(([, n, before]) => n === undefined && before === 7, 'that it is gone here')
    await add(one.table, 'a')
    expect(one.table.values.get('a')).toEqual({ n: 1 })
    expect(one.changes.items.at(-1)).toEqual(['a', 1, undefined])
  })

  it('does not take an older word of the mirror for news', async () => {
    const { table, changes } = await open(newName())
    for (let round = 1; round <= 20; round++) {
      await add(table, 'a')
      await table.change('a', () => undefined)
    }
    await add(table, 'b')
    const other = await openElsewhere(currentName())
    await add(other.table, 'last')
    await changes.find(([key]) => key === 'last', 'the change of another')
    expect(table.values.has('a')).toBe(false)
    expect(changes.items.filter(([key]) => key === 'a')).toHaveLength(40)
  })

  it('does not take an answer for news that is older than what the mirror told meanwhile', async () => {
    const name = newName()
    const other = await openElsewhere(name)
    const { table, changes } = await open(name)
    const bucket = lastBucket()
    const wrongSequence = { code: 400, err_code: 10071, description: 'wrong last sequence' }
    vi.spyOn(bucket, 'put').mockRejectedValueOnce(new JetStreamApiError(wrongSequence))
    vi.spyOn(bucket, 'get').mockImplementationOnce(async () => {
      // The answer was given before the other's change, and comes after it.
      await add(other.table, 'a')
      await changes.find(([key]) => key === 'a', 'the change of another')
      return null
    })
    expect(await add(table, 'a')).toEqual({ before: { n: 1 }, after: { n: 2 } })
    expect(changes.items).toEqual([
      ['a', 1, undefined],
      ['a', 2, 1],
    ])
  })

  it('changes values from before it was opened', async () => {
    const name = newName()
    await add((await openElsewhere(name)).table, 'a')
    const { table, changes } = await open(name)
    expect(table.values.get('a')).toEqual({ n: 1 })
    expect(await add(table, 'a')).toEqual({ before: { n: 1 }, after: { n: 2 } })
    expect(changes.items).toEqual([['a', 2, 1]])
  })

  it('leaves no trace of what was deleted for good', async () => {
    const name = newName()
    const { table } = await open(name)
    const status = await (await openBucket(shared.nc, name, { replicas: 1 })).status()
    expect(status.markerTTL).toBe(600_000)
    await add(table, 'a')
    await table.change('a', () => undefined)
    const marker = await (await openBucket(shared.nc, name, { replicas: 1 })).get('a')
    expect(marker?.operation).toBe('PURGE')
  })

  it('writes over a value that is malformed, and says so', async () => {
    const name = newName()
    const bucket = await openBucket(shared.nc, name, { replicas: 1, markerTtlMs: 600_000 })
    await bucket.put('a', '"x"')
    const { table, lines } = await open(name)
    expect(await add(table, 'a')).toEqual({ after: { n: 1 } })
    expect(lines.items.map(line => line.msg)).toContain('a value in the bucket is malformed and counts as none')
  })

  it('passes on what the change throws, and goes on', async () => {
    const { table } = await open(newName())
    const refuse = table.change('a', () => {
      throw new Error('not this one')
    })
    await expect(refuse).rejects.toThrow('not this one')
    expect(await add(table, 'a')).toEqual({ after: { n: 1 } })
  })

  it('says that the bucket refuses where it cannot be written', async () => {
    const nc = await connect({ servers: shared.server.url })
    const { table } = await open(newName(), nc)
    await nc.close()
    await expect(add(table, 'a')).rejects.toMatchObject({ code: 'store_refused' })
    expect(table.values.has('a')).toBe(false)
  })

  it('goes on telling the others where one listener fails', async () => {
    const { table, changes, lines } = await open(newName())
    table.follow(() => {
      throw new Error('a defect')
    })
    const heard = createSeen<string>()
    const unfollow = table.follow(key => heard.push(key))
    await add(table, 'a')
    unfollow()
    await add(table, 'b')
    expect(heard.items).toEqual(['a'])
    expect(changes.items.map(([key]) => key)).toEqual(['a', 'b'])
    expect(lines.items.map(({ error }) => error)).toEqual(['a defect', 'a defect'])
  })
})

const currentName = () => `t${process.pid}_${buckets - 1}`
