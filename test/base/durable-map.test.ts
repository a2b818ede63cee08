import { type FileHandle, open, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type DurableMap, openDurableMap, readDurableMap } from '../../src/base/durable-map.ts'
import { silentLog } from '../../src/base/log.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'

const read = (value: unknown): number | string => {
  if (typeof value !== 'number' && typeof value !== 'string') throw new Error('expected a number or a text')
  return value
}
const opened = async (file: string, log = silentLog) => {
  const map = await openDurableMap(file, { read, log })
  onTestFinished(() => map.close())
  return map
}
const entries = (map: DurableMap<number | string>) => [...map.values]

/** The methods of every file handle, so that a write can fail as on a full disk. */
async function handleMethods(): Promise<FileHandle> {
  const probe = await open('/dev/null')
  await probe.close()
  return Object.getPrototypeOf(probe)
}

/** From now on each write takes `room` bytes and then finds no space, until the spy is restored. */
async function fillDisk(room: number) {
  const methods = await handleMethods()
  const real = methods.write
  let left = room
  return vi.spyOn(methods, 'write').mockImplementation(async function (
    this: FileHandle,
    buffer: Buffer,
    offset: number,
    length: number,
  ) {
    if (left === 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    const part = Math.min(left, length)
    left -= part
    return Reflect.apply(real, this, [buffer, offset, part, null])
  } as never)
}

describe('a durable map', () => {
  it('is there again after its process is gone, in the order in which the keys first came', async () => {
    const file = join(await testFolder(), 'deep', 'map')
    const first = await opened(file)
    await Promise.all([first.put('b', 1), first.put('a', 2), first.put('c', 'x\ny\u2028z')])
    await first.put('b', 3)
    await first.delete('a')
    await first.delete('never there')
    await first.close()
    const second = await opened(file)
    expect(entries(second)).toEqual([
      ['b', 3],
      ['c', 'x\ny\u2028z'],
    ])
  })

  it('shows a value only once it is in the file', async () => {
    const file = join(await testFolder(), 'map')
    const map = await opened(file)
    const put = map.put('a', 1)
    expect(map.values.has('a')).toBe(false)
    await put
    expect(map.values.get('a')).toBe(1)
    expect(await readFile(file, 'utf8')).toContain('{"k":"a","v":1}')
  })

  it('writes all of a turn at once, and what comes meanwhile at once after it', async () => {
    const map = await opened(join(await testFolder(), 'map'))
    const writes = vi.spyOn(await handleMethods(), 'write')
    onTestFinished(() => writes.mockRestore())
    const first = Array.from({ length: 100 }, (_, n) => map.put(`a${n}`, n))
    await Promise.race(first)
    await Promise.all([...first, ...Array.from({ length: 100 }, (_, n) => map.put(`b${n}`, n))])
    expect(writes).toHaveBeenCalledTimes(2)
    expect(map.values.size).toBe(200)
  })

  it('is read by its owner alone', async () => {
    const file = join(await testFolder(), 'map')
    const map = await opened(file)
    await map.put('a', 1)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  it('gives its file back when what is dead outweighs what lives', async () => {
    const file = join(await testFolder(), 'map')
    const map = await opened(file)
    await map.put('stays', 'y')
    const large = 'x'.repeat(100_000)
    for (let n = 0; n < 20; n++) await map.put('large', large)
    await map.delete('large')
    for (let n = 0; n < 3; n++) await map.put('last', large)
    expect((await stat(file)).size).toBeLessThan(700_000)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await map.put('after', 1)
    await map.close()
    expect(entries(await opened(file))).toEqual([
      ['stays', 'y'],
      ['last', large],
      ['after', 1],
    ])
  })

  it('compacts at its opening a file that was left full of what is dead', async () => {
    const file = join(await testFolder(), 'map')
    await writeFile(file, `\n{"k":"a","v":"${'x'.repeat(600_000)}"}\n{"k":"a","v":1}`)
    const map = await opened(file)
    expect(entries(map)).toEqual([['a', 1]])
    expect((await stat(file)).size).toBeLessThan(100)
  })
})

describe('a durable map on a damaged file', () => {
  it('sets malformed lines aside, says so, and takes all others', async () => {
    const file = join(await testFolder(), 'map')
    await writeFile(
      file,
      '{"k":"a","v":1}\n{"k":"b","v":[]}\nnull\n{"v":1}\n\n{"k":5,"v":1}\n{"k":"c","v":3}\n\u0000\u0000\n{"k":"d","v":',
    )
    const { log, lines } = keptLog()
    const map = await opened(file, log)
    expect(entries(map)).toEqual([
      ['a', 1],
      ['c', 3],
    ])
    expect((await readFile(`${file}.bad`, 'utf8')).split('\n')).toEqual([
      '{"k":"b","v":[]}',
      'null',
      '{"v":1}',
      '{"k":5,"v":1}',
      '\u0000\u0000',
      '{"k":"d","v":',
      '',
    ])
    expect(lines.items).toMatchObject([{ lines: 6, msg: 'malformed lines of a file are set aside' }])
    await map.close()
    const again = keptLog()
    expect(entries(await opened(file, again.log))).toHaveLength(2)
    expect(again.lines.items).toEqual([])
  })

  it('does not lose what comes after a line that was cut short', async () => {
    const file = join(await testFolder(), 'map')
    await writeFile(file, '\n{"k":"a","v":1}\n{"k":"b","v')
    const map = await opened(file)
    await map.put('c', 3)
    await map.close()
    expect(entries(await opened(file))).toEqual([
      ['a', 1],
      ['c', 3],
    ])
  })
})

describe('a durable map on a full disk', () => {
  it('refuses what it cannot write, changes nothing, and goes on once there is room', async () => {
    const file = join(await testFolder(), 'map')
    const map = await opened(file)
    await map.put('a', 1)
    // The first of the two puts gets into the file whole, the second in part.
    const full = await fillDisk(20)
    onTestFinished(() => full.mockRestore())
    const failed = await Promise.allSettled([map.put('a', 2), map.put('b', 2)])
    expect(failed).toMatchObject([
      { status: 'rejected', reason: { code: 'unwritable', message: expect.stringContaining('ENOSPC') } },
      { status: 'rejected', reason: { code: 'unwritable' } },
    ])
    await expect(map.delete('a')).rejects.toMatchObject({ code: 'unwritable' })
    expect(entries(map)).toEqual([['a', 1]])
    full.mockRestore()
    await map.put('c', 3)
    await map.close()
    const { log, lines } = keptLog()
    expect(entries(await opened(file, log))).toEqual([
      ['a', 1],
      ['c', 3],
    ])
    expect(lines.items).toEqual([])
  })

  it('goes on with the file as it is where there is no room for a compact one', async () => {
    const file = join(await testFolder(), 'map')
    const { log, lines } = keptLog()
    const map = await opened(file, log)
    const large = 'x'.repeat(200_000)
    await map.put('a', large)
    const methods = await handleMethods()
    const sync = vi.spyOn(methods, 'sync').mockRejectedValueOnce(new Error('no space'))
    onTestFinished(() => sync.mockRestore())
    for (let n = 0; n < 3; n++) await map.put('a', `${n}${large}`)
    await lines.find(({ msg }) => msg.includes('cannot be compacted'), 'the word of it')
    for (let n = 3; n < 8; n++) await map.put('a', `${n}${large}`)
    expect(sync.mock.calls.length).toBeGreaterThan(1)
    expect((await stat(file)).size).toBeLessThan(900_000)
    await map.close()
    expect(entries(await opened(file))).toEqual([['a', `7${large}`]])
  })
})

describe('the file of a durable map', () => {
  it('is not shared, neither within a process nor with another, and is free when it is closed', async () => {
    const file = join(await testFolder(), 'map')
    const map = await opened(file)
    await expect(opened(file)).rejects.toMatchObject({ code: 'unwritable', message: expect.stringContaining('in use') })
    await map.close()
    await writeFile(`${file}.lock`, `${process.ppid} ${await startOf(process.ppid)}`)
    await expect(opened(file)).rejects.toThrow(`in use by process ${process.ppid}`)
  })

  it.each([
    ['a process that is gone', '999999999 1'],
    ['a process whose pid another program has now', `${process.ppid} 1`],
    ['this pid, of a process before it', `${process.pid} 1`],
    ['nobody', ''],
  ])('is taken over from %s', async (_whom, lock) => {
    const file = join(await testFolder(), 'map')
    await writeFile(`${file}.lock`, lock)
    const map = await opened(file)
    expect(await readFile(`${file}.lock`, 'utf8')).toMatch(new RegExp(`^${process.pid} `))
    await map.close()
    await expect(stat(`${file}.lock`)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('is named where it cannot be written', async () => {
    const dir = await testFolder()
    await writeFile(join(dir, 'file'), '')
    const file = join(dir, 'file', 'map')
    await expect(opened(file)).rejects.toMatchObject({ code: 'unwritable', message: expect.stringContaining(file) })
    await expect(opened(dir)).rejects.toMatchObject({ code: 'unwritable', message: expect.stringContaining(dir) })
  })

  it('takes nothing more after it is closed', async () => {
    const map = await opened(join(await testFolder(), 'map'))
    const last = map.put('a', 1)
    await map.close()
    await last
    await expect(map.put('b', 1)).rejects.toMatchObject({ code: 'stopped' })
  })
})

async function startOf(pid: number): Promise<string> {
  const line = await readFile(`/proc/${pid}/stat`, 'latin1')
  return line.slice(line.lastIndexOf(')') + 2).split(' ')[19]!
}

it('a durable map is read beside its writer, which goes on, and without the lines that are none', async () => {
  const file = join(await testFolder(), 'map')
  expect([...(await readDurableMap(file, read))]).toEqual([])
  const map = await opened(file)
  await Promise.all([map.put('a', 1), map.put('b', 2), map.put('c', 3)])
  await map.delete('a')
  await map.put('b', 4)
  const whole = await readFile(file, 'utf8')
  await writeFile(file, `${whole}\n{"k":"d","v":{}}\n{"k":"c","v`)
  const seen = [
    ['b', 4],
    ['c', 3],
  ]
  expect([...(await readDurableMap(file, read))]).toEqual(seen)
  expect(entries(map)).toEqual(seen)
})
