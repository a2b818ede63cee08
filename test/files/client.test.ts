import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CHUNK_BYTES } from '../../src/files/protocol.ts'
import { createMasterSource, type FileSource } from '../../src/files/source.ts'
import { openCore } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate, createSeen, within } from '../helpers/wait.ts'
import { filesIn, master, minionFiles } from './files.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server?.stop())

/** A master with these files in `base`, and a minion. */
async function system(content: Record<string, string | Uint8Array>, options: Parameters<typeof minionFiles>[1] = {}) {
  const core = await openCore(server)
  const root = await filesIn(content)
  const service = await master(core, { base: [root] })
  return { core, root, service, ...(await minionFiles(core, options)) }
}
const inCache = async (dir: string) => (await readdir(dir, { recursive: true })).sort()

describe('a copy of a file', () => {
  it.each([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 9 * CHUNK_BYTES, 9 * CHUNK_BYTES + 7])(
    'of %i bytes is the file',
    async size => {
      const bytes = randomBytes(size)
      const { files, dir } = await system({ 'a/b.bin': bytes })
      const path = await files.cache('a/b.bin', 'base')
      expect(path).toBe(join(dir, 'base', 'a', 'b.bin'))
      expect((await readFile(path!)).equals(bytes)).toBe(true)
      expect(await inCache(dir)).toEqual(['.incoming', 'base', 'base/a', 'base/a/b.bin'])
    },
  )

  it('is of the environment that was asked for', async () => {
    const core = await openCore(server)
    await master(core, { base: [await filesIn({ f: 'of base' })], dev: [await filesIn({ f: 'of dev', only: 'dev' })] })
    const { files } = await minionFiles(core)
    expect(await files.envs()).toEqual(['base', 'dev'])
    expect(await readFile((await files.cache('f', 'base'))!, 'utf8')).toBe('of base')
    expect(await readFile((await files.cache('f', 'dev'))!, 'utf8')).toBe('of dev')
    expect(await files.cache('only', 'base')).toBeUndefined()
    expect(await files.list('dev')).toEqual(['f', 'only'])
    await expect(files.cache('f', 'bose')).rejects.toMatchObject({
      code: 'bad_argument',
      message: "file_roots has no environment 'bose', but base, dev. Did you mean 'base'?",
    })
  })

  it('is not fetched again while it is unchanged, and is when the file changes or the copy does', async () => {
    const { files, root, reads } = await system({ f: 'one' })
    const path = (await files.cache('f', 'base'))!
    await files.cache('f', 'base')
    expect(reads).toHaveLength(1)
    await writeFile(join(root, 'f'), 'two')
    await files.cache('f', 'base')
    expect(await readFile(path, 'utf8')).toBe('two')
    expect(reads).toHaveLength(2)
    await writeFile(path, 'spoiled')
    await files.cache('f', 'base')
    expect(await readFile(path, 'utf8')).toBe('two')
    expect(reads).toHaveLength(3)
    await utimes(join(root, 'f'), 1, 1)
    await files.cache('f', 'base')
    expect(reads).toHaveLength(3)
  })

  it('is fetched once for all who ask for it at once', async () => {
    const { files, reads } = await system({ f: randomBytes(3 * CHUNK_BYTES) })
    const paths = await Promise.all(Array.from({ length: 10 }, () => files.cache('f', 'base')))
    expect(new Set(paths).size).toBe(1)
    expect(reads).toHaveLength(3)
  })

  it('takes the place of a folder, and a folder that of a file', async () => {
    const { files, root } = await system({ 'x/y': 'below' })
    await files.cache('x/y', 'base')
    await rm(join(root, 'x'), { recursive: true })
    await writeFile(join(root, 'x'), 'file')
    expect(await readFile((await files.cache('x', 'base'))!, 'utf8')).toBe('file')
    await rm(join(root, 'x'))
    await filesIn({ 'x/y': 'again' }, root)
    expect(await readFile((await files.cache('x/y', 'base'))!, 'utf8')).toBe('again')
  })

  it('goes where it belongs though somebody has put links into the cache', async () => {
    const { files, dir } = await system({ 'a/f': 'text', g: 'other' })
    const outside = await testFolder()
    await writeFile(join(outside, 'g'), 'mine')
    await mkdir(join(dir, 'base'), { recursive: true })
    await symlink(outside, join(dir, 'base', 'a'))
    await symlink(join(outside, 'g'), join(dir, 'base', 'g'))
    await files.cache('a/f', 'base')
    await files.cache('g', 'base')
    expect(await readdir(outside)).toEqual(['g'])
    expect(await readFile(join(outside, 'g'), 'utf8')).toBe('mine')
    expect(await readFile(join(dir, 'base', 'a', 'f'), 'utf8')).toBe('text')
  })

  it('is none where there is no such file: nothing, a folder', async () => {
    const { files, dir } = await system({ 'a/f': 'x' })
    for (const path of ['nope', 'a', 'a/f/g', 'x'.repeat(300)]) {
      expect(await files.cache(path, 'base')).toBeUndefined()
      expect(await files.hash(path, 'base')).toBeUndefined()
      expect(await files.cached(path, 'base')).toBeUndefined()
    }
    expect(await inCache(dir)).toEqual([])
  })

  it('is known without the master, is listed, and goes when all are removed', async () => {
    const { files, service, dir } = await system({ 'a/f': 'x', g: 'y' }, { patienceMs: 0 })
    await files.cache('a/f', 'base')
    await files.cache('g', 'base')
    await service.stop()
    expect(await files.cached('a/f', 'base')).toBe(join(dir, 'base', 'a', 'f'))
    expect(await files.listCached('base')).toEqual(['a/f', 'g'])
    expect(await files.listCached('dev')).toEqual([])
    await expect(files.cache('g', 'base')).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining("is 'reactor master' running?"),
    })
    await files.clear()
    expect(await files.listCached('base')).toEqual([])
    expect(await files.cached('g', 'base')).toBeUndefined()
  })
})

describe('a master that is away', () => {
  /** A source of a connection that tells of each request, after it has failed. */
  const listened = (core: Awaited<ReturnType<typeof openCore>>, patienceMs: number) => {
    const failed = createSeen<string>()
    const request: typeof core.nc.request = async (subject, ...rest) => {
      try {
        return await core.nc.request(subject, ...rest)
      } catch (error) {
        failed.push(subject)
        throw error
      }
    }
    const nc = Object.create(core.nc, { request: { value: request } }) as typeof core.nc
    return { failed, source: createMasterSource({ nc, subject: core.subjects.ofMinion('file', 'web1'), patienceMs }) }
  }

  it('is waited for by who asks for a file', async () => {
    const core = await openCore(server)
    const { failed, source } = listened(core, 60_000)
    const asked = source.hash('f', 'base')
    await failed.find(() => true, 'a request that nobody took')
    await master(core, { base: [await filesIn({ f: 'x' })] })
    expect(await within(asked, 'the hash')).toMatchObject({ size: 1 })
  })

  it('is not waited for again by each of many files', async () => {
    const { failed, source } = listened(await openCore(server), 300)
    await expect(source.hash('f', 'base')).rejects.toMatchObject({ code: 'unreachable' })
    const before = failed.items.length
    expect(before).toBeGreaterThan(1)
    await expect(source.hash('g', 'base')).rejects.toMatchObject({ code: 'unreachable' })
    expect(failed.items.length).toBe(before + 1)
  })
})

describe('a file that changes while it is fetched', () => {
  const size = 12 * CHUNK_BYTES
  /** Holds reads from the one at `offset` on until the gate is opened. */
  const held = (offset: number) => {
    const gate = createGate()
    const reached = createGate()
    const alter = (source: FileSource): FileSource => ({
      ...source,
      async read(request) {
        if (request.offset >= offset) {
          reached.open()
          await gate.passed
        }
        return source.read(request)
      },
    })
    return { gate, reached, alter }
  }

  it.each([
    ['in place', (root: string, bytes: Buffer) => writeFile(join(root, 'f'), bytes)],
    [
      'by another in its place',
      async (root: string, bytes: Buffer) => {
        await writeFile(join(root, 'g'), bytes)
        await rename(join(root, 'g'), join(root, 'f'))
      },
    ],
  ])('%s is fetched anew as a whole', async (_how, change) => {
    const { gate, reached, alter } = held(8 * CHUNK_BYTES)
    const { files, root } = await system({ f: randomBytes(size) }, { alter })
    const coming = files.cache('f', 'base')
    await reached.passed
    const second = randomBytes(size)
    await change(root, second)
    gate.open()
    expect((await readFile((await coming)!)).equals(second)).toBe(true)
  })

  it('and is gone then is none, and the old copy stays whole', async () => {
    const { gate, reached, alter } = held(8 * CHUNK_BYTES)
    const { files, root, dir } = await system({ f: randomBytes(size) }, { alter })
    const coming = files.cache('f', 'base')
    await reached.passed
    await rm(join(root, 'f'))
    gate.open()
    expect(await coming).toBeUndefined()
    expect(await readdir(join(dir, '.incoming'))).toEqual([])
  })

  it('goes on with a master that was started anew meanwhile', async () => {
    const { gate, reached, alter } = held(8 * CHUNK_BYTES)
    const bytes = randomBytes(size)
    const { files, root, core, service, reads } = await system({ f: bytes }, { alter })
    const coming = files.cache('f', 'base')
    await reached.passed
    await service.stop()
    gate.open()
    await master(core, { base: [root] })
    expect((await readFile((await coming)!)).equals(bytes)).toBe(true)
    expect(reads).toHaveLength(12)
  })
})

describe('a file that comes wrong', () => {
  const wrongFor = (times: number) => (source: FileSource) => {
    let left = times
    return {
      ...source,
      async read(request: Parameters<FileSource['read']>[0]) {
        const bytes = await source.read(request)
        if (!bytes || left-- <= 0) return bytes
        const other = Buffer.from(bytes)
        other[0]! ^= 1
        return other
      },
    }
  }

  it('once is fetched once more', async () => {
    const { files } = await system({ f: 'text' }, { alter: wrongFor(1) })
    expect(await readFile((await files.cache('f', 'base'))!, 'utf8')).toBe('text')
  })

  it('twice is an error that names both hashes, and leaves the copy as it was', async () => {
    let wrong = false
    const { files, root, dir } = await system(
      { f: 'old' },
      {
        alter: source => ({
          ...source,
          read: request => (wrong ? wrongFor(9)(source) : source).read(request),
        }),
      },
    )
    const path = (await files.cache('f', 'base'))!
    wrong = true
    await writeFile(join(root, 'f'), 'text')
    await expect(files.cache('f', 'base')).rejects.toMatchObject({
      code: 'damaged_payload',
      message: expect.stringMatching(
        /^salt:\/\/f \(base\) came with the sha256 [0-9a-f]{64} twice, but the master says it has 982d9e3e/,
      ),
    })
    expect(await readFile(path, 'utf8')).toBe('old')
    expect(await readdir(join(dir, '.incoming'))).toEqual([])
  })

  it('with less bytes than were asked for is an error', async () => {
    const { files } = await system(
      { f: 'text' },
      { alter: source => ({ ...source, read: async request => (await source.read(request))?.subarray(1) }) },
    )
    await expect(files.cache('f', 'base')).rejects.toMatchObject({ code: 'damaged_payload' })
  })
})

describe('a master that is not to be believed', () => {
  it('cannot name a file outside of the roots in a list', async () => {
    const core = await openCore(server)
    for (const path of ['../../etc/passwd', '/etc/passwd', 'a/../../b', 'a\0b']) {
      const subscription = core.nc.subscribe(core.subjects.anyMinion('file'), {
        callback: (_, message) => void message.respond(JSON.stringify({ paths: [path], more: false })),
      })
      const { files } = await minionFiles(core)
      await expect(files.list('base')).rejects.toMatchObject({ code: 'bad_argument' })
      subscription.unsubscribe()
    }
  })

  it.each([
    { hash_type: 'sha256', hsum: 'x', size: 1, mode: 420 },
    { hash_type: 'md5', hsum: '0'.repeat(64), size: 1, mode: 420 },
    { hash_type: 'sha256', hsum: '0'.repeat(64), size: -1, mode: 420 },
    { hash_type: 'sha256', hsum: '0'.repeat(64), size: 1, mode: 99999 },
    {},
    'text',
  ])('cannot give %j as a hash', async answer => {
    const core = await openCore(server)
    core.nc.subscribe(core.subjects.anyMinion('file'), {
      callback: (_, message) => void message.respond(JSON.stringify(answer)),
    })
    const { files } = await minionFiles(core)
    await expect(files.cache('f', 'base')).rejects.toMatchObject({ code: 'function_failed' })
  })
})

describe('a folder of copies', () => {
  it.each(['../x', '/etc/passwd', 'a/../../b', 'a\\..\\b', 'a\0b', '', '.', '\ud800'])(
    'is not left by %j',
    async path => {
      const { files, dir } = await system({ f: 'x' })
      for (const ask of [files.cache, files.hash, files.cached])
        await expect(ask(path, 'base')).rejects.toMatchObject({ code: 'bad_argument' })
      expect(await inCache(dir)).toEqual([])
    },
  )

  it.each(['..', '.', '.incoming', 'a/b', ''])('is not left by the environment %j', async env => {
    const { files } = await system({ f: 'x' })
    for (const ask of [files.cache, files.hash, files.cached])
      await expect(ask('f', env)).rejects.toMatchObject({ code: 'bad_argument' })
    await expect(files.listCached(env)).rejects.toMatchObject({ code: 'bad_argument' })
  })

  it('that cannot be written is an error that says so', async () => {
    const { files, dir } = await system({ f: 'x' })
    // Also to root.
    await writeFile(join(dir, '.incoming'), '')
    await expect(files.cache('f', 'base')).rejects.toMatchObject({
      code: 'unwritable',
      message: expect.stringContaining('the copy of salt://f cannot be written below'),
    })
  })

  it.skipIf(process.getuid?.() === 0)('of which a copy cannot be read is an error that says so', async () => {
    const { files } = await system({ f: 'x' })
    await chmod((await files.cache('f', 'base'))!, 0)
    await expect(files.cache('f', 'base')).rejects.toMatchObject({ code: 'unreadable' })
  })
})
