import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CHUNK_BYTES } from '../../src/files/protocol.ts'
import { type Core, openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { filesIn, master, minionFiles } from './files.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server?.stop())

const ask = async ({ nc, subjects }: Core, body: string | Uint8Array, id = 'web1') => {
  const reply = await nc.request(subjects.ofMinion('file', id), body, { timeout: 30_000 })
  return { bytes: reply.data, text: reply.string(), error: reply.headers?.get('Nats-Service-Error-Code') ?? '' }
}
const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex')

describe('the service of files', () => {
  it('gives envs, lists, hashes and bytes', async () => {
    const core = await openCore(server)
    await master(core, { base: [await filesIn({ 'a/f': 'text' })] })
    const json = async (request: object) => JSON.parse((await ask(core, JSON.stringify(request))).text)
    expect(await json({ op: 'envs' })).toEqual(['base'])
    expect(await json({ op: 'list', saltenv: 'base', prefix: '' })).toEqual({ paths: ['a/f'], more: false })
    expect(await json({ op: 'dirs', saltenv: 'base', prefix: '' })).toEqual({ paths: ['a'], more: false })
    expect(await json({ op: 'hash', path: 'a/f', saltenv: 'base' })).toEqual({
      hash_type: 'sha256',
      hsum: sha256('text'),
      size: 4,
      mode: expect.any(Number),
    })
    const read = { op: 'read', path: 'a/f', saltenv: 'base', hsum: sha256('text') }
    expect((await ask(core, JSON.stringify({ ...read, offset: 1, length: 2 }))).text).toBe('ex')
    expect((await ask(core, JSON.stringify({ ...read, offset: 3, length: 1e9 }))).text).toBe('t')
    expect((await ask(core, JSON.stringify({ ...read, offset: 4, length: 1 }))).error).toBe('400')
    expect(
      (await ask(core, JSON.stringify({ ...read, hsum: sha256('other'), offset: 0, length: 1 }))).bytes,
    ).toHaveLength(0)
  })

  it('gives no more than a message at once', async () => {
    const core = await openCore(server)
    const bytes = randomBytes(3 * CHUNK_BYTES)
    await master(core, { base: [await filesIn({ f: bytes })] })
    const read = { op: 'read', path: 'f', saltenv: 'base', hsum: sha256(bytes), offset: 0, length: 1e9 }
    expect((await ask(core, JSON.stringify(read))).bytes).toHaveLength(CHUNK_BYTES)
  })

  it('lists in pages what is larger than a message', async () => {
    const core = await openCore(server)
    const root = await filesIn({})
    const folder = join(root, 'x'.repeat(200), 'y'.repeat(200), 'z'.repeat(200))
    await mkdir(folder, { recursive: true })
    const names = Array.from({ length: 3000 }, (_, n) => `file-${String(n).padStart(5, '0')}`)
    for (const name of names) await writeFile(join(folder, name), '')
    await master(core, { base: [root] })
    const { files } = await minionFiles(core)
    const listed = await files.list('base')
    expect(listed.map(path => path.slice(path.lastIndexOf('/') + 1))).toEqual(names)
    expect(await files.list('base', listed[0]!.slice(0, 401))).toHaveLength(3000)
  })

  it.each([
    '',
    'x',
    '{',
    '[]',
    'null',
    '7',
    '{"op":"write"}',
    '{"op":"list"}',
    '{"op":"list","saltenv":"base","prefix":"../.."}',
    '{"op":"list","saltenv":"base","prefix":"/etc"}',
    '{"op":"list","saltenv":"nope","prefix":""}',
    '{"op":"hash","path":"../secret","saltenv":"base"}',
    '{"op":"hash","path":"/etc/passwd","saltenv":"base"}',
    '{"op":"hash","path":"a\\u0000","saltenv":"base"}',
    '{"op":"hash","path":"f","saltenv":"__proto__"}',
    '{"op":"hash","path":"f","saltenv":"base","more":1}',
    '{"op":"hash","path":["f"],"saltenv":"base"}',
    '{"op":"read","path":"f","saltenv":"base","hsum":"x","offset":0,"length":1}',
    `{"op":"read","path":"f","saltenv":"base","hsum":"${'0'.repeat(64)}","offset":-1,"length":1}`,
    `{"op":"read","path":"f","saltenv":"base","hsum":"${'0'.repeat(64)}","offset":0.5,"length":1}`,
    `{"op":"read","path":"f","saltenv":"base","hsum":"${'0'.repeat(64)}","offset":0,"length":0}`,
    Buffer.from([0xff, 0xfe, 0]),
    '['.repeat(100_000),
  ])('refuses %j and goes on', async body => {
    const core = await openCore(server)
    await master(core, { base: [await filesIn({ f: 'x' })] })
    expect((await ask(core, body)).error).toBe('400')
    expect((await ask(core, '{"op":"envs"}')).text).toBe('["base"]')
  })

  it('goes on whatever it is asked', async () => {
    const core = await openCore(server)
    await master(core, { base: [await filesIn({ f: 'x', 'd/g': 'y' })] })
    const value = fc.oneof(
      fc.constantFrom('f', 'd', 'd/g', '../f', '', 'base', '__proto__', 0, 1, -1, 1e308, sha256('x'), sha256('y')),
      fc.jsonValue(),
    )
    const request = fc.record(
      {
        op: fc.oneof(fc.constantFrom('envs', 'list', 'dirs', 'hash', 'read'), value),
        ...{ path: value, saltenv: value, prefix: value, after: value, hsum: value, offset: value, length: value },
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(request, async asked => {
        expect((await ask(core, JSON.stringify(asked))).error).toMatch(/^(400)?$/)
      }),
      { numRuns: 300 },
    )
    expect((await ask(core, '{"op":"envs"}')).text).toBe('["base"]')
  })

  it('has no more than so much in hand of one minion, and answers another meanwhile', async () => {
    const core = await openCore(server)
    await master(core, { base: [await filesIn({ f: randomBytes(8 * 1024 * 1024) })] })
    const flood = Array.from({ length: 300 }, () => ask(core, '{"op":"hash","path":"f","saltenv":"base"}', 'evil'))
    expect((await ask(core, '{"op":"envs"}', 'web1')).text).toBe('["base"]')
    const answers = await Promise.all(flood)
    expect(answers.filter(({ error }) => error === '403').length).toBeGreaterThan(200)
    expect(answers.filter(({ error }) => error === '').length).toBeGreaterThanOrEqual(4)
    expect((await ask(core, '{"op":"envs"}', 'evil')).text).toBe('["base"]')
  })

  it('gives many that fetch the same file at once the file', async () => {
    const core = await openCore(server)
    const bytes = randomBytes(5 * CHUNK_BYTES + 11)
    await master(core, { base: [await filesIn({ f: bytes })] })
    const minions = await Promise.all(Array.from({ length: 10 }, (_, n) => minionFiles(core, { id: `m${n}` })))
    const paths = await Promise.all(minions.map(({ files }) => files.cache('f', 'base')))
    expect(new Set(paths).size).toBe(10)
    for (const path of paths) expect((await readFile(path!)).equals(bytes)).toBe(true)
  })
})
