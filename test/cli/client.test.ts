import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { identityIn } from '../../src/bus/identity.ts'
import { requestJson } from '../../src/bus/request.ts'
import { openClient } from '../../src/cli/client.ts'
import { testFolder } from '../helpers/folder.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { within } from '../helpers/wait.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())
afterEach(() => void vi.restoreAllMocks())

/** A folder whose `var/` tells of a reactor. */
async function folderOf(up: Record<string, unknown>): Promise<string> {
  const dir = await testFolder()
  await mkdir(join(dir, 'var'), { mode: 0o700 })
  const known = { namespace: 'own', user: 'ada', pid: 1, minion: { config: 'config.json' } }
  await writeFile(join(dir, 'var/up.json'), JSON.stringify({ ...known, ...up }), { mode: 0o600 })
  return dir
}
const standIn = (dir: string) => vi.spyOn(process, 'cwd').mockReturnValue(dir)

describe('a command', () => {
  it('finds the reactor of its folder, or of one above', async () => {
    const dir = await folderOf({ server: server.url })
    await mkdir(join(dir, 'deep/er'), { recursive: true })
    standIn(join(dir, 'deep/er'))
    const client = await openClient({})
    expect([client.user, client.bus.subjects.ns]).toEqual(['ada', 'own'])
    await client.close()
  })

  it('goes where its options say, whatever is in the folder', async () => {
    standIn(await folderOf({ server: 'nats://127.0.0.1:1' }))
    const client = await openClient({ server: server.url, user: 'bob', namespace: 'other' })
    expect([client.user, client.bus.subjects.ns]).toEqual(['bob', 'other'])
    await client.close()
    const named = await openClient({ dataDir: join(await folderOf({ server: server.url }), 'var') })
    expect(named.user).toBe('ada')
    await named.close()
  })

  it.each([
    ['no reactor runs in the folder', {}, /no reactor is running in this folder: start one with 'reactor up'/],
    [
      'none runs with the data folder named',
      { dataDir: '/nowhere/var' },
      /no reactor is running with the data folder \/nowhere\/var/,
    ],
    ['no server answers', { server: 'nats://127.0.0.1:1' }, /no NATS server answers at nats:\/\/127\.0\.0\.1:1/],
  ])('says so where %s', async (_what, options, message) => {
    standIn(await testFolder())
    await expect(openClient(options)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(message),
    })
  })

  it('says so where its key cannot be read, and shows no password', async () => {
    await expect(openClient({ server: server.url, seed: '/nowhere/admin.nk' })).rejects.toMatchObject({
      code: 'unreadable',
      message: expect.stringContaining('cannot read the key /nowhere/admin.nk'),
    })
    await expect(openClient({ server: 'nats://ada:hunter2@127.0.0.1:1' })).rejects.toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    )
  })
})

describe('an operator', () => {
  let guarded: TestServer
  let dir: string
  let seed: string
  let passwordFile: string
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'reactor-client-'))
    seed = join(dir, 'ann.nk')
    passwordFile = join(dir, 'password')
    await writeFile(passwordFile, 'correct horse\n', { mode: 0o600 })
    guarded = await startTestServer({
      config: `authorization { users: [
        { nkey: ${await identityIn(seed)}, permissions: { subscribe: { allow: ["_INBOX__user-ann.>"] } } }
        { user: bob, password: "correct horse", permissions: {
          publish: { allow: ["reactor.event._user-bob.deploy.>"] }, subscribe: { allow: ["_INBOX__user-bob.>"] } } }
      ] }`,
    })
  })
  afterAll(async () => {
    await guarded.stop()
    await rm(dir, { recursive: true })
  })

  it('with a key must give the name that it is registered under', async () => {
    const client = await openClient({ server: guarded.url, seed, user: 'ann' })
    expect(client.user).toBe('ann')
    await client.close()
    await expect(openClient({ server: guarded.url, seed, user: 'bob' })).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining(`the key ${seed} is not that of the operator 'bob'`),
    })
  })

  it('is told by what they were refused', async () => {
    const login = { server: guarded.url, user: 'bob', passwordFile }
    await (await openClient(login)).close()
    await writeFile(passwordFile, 'wrong horse', { mode: 0o600 })
    await expect(openClient(login)).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining("the name 'bob' or the password is not right"),
    })
    await expect(openClient({ server: guarded.url })).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('give your key with --seed FILE, or --user NAME with --password-file FILE'),
    })
    await writeFile(passwordFile, 'correct horse', { mode: 0o600 })
  })

  it('is told at once of a tag that they may not fire, and of a request that NATS refuses', async () => {
    const client = await openClient({ server: guarded.url, user: 'bob', passwordFile })
    // Of several, the one that is refused.
    const stored = expect(client.fire('deploy/done', {}, { deadlineMs: 300 })).rejects.toMatchObject({
      code: 'unreachable',
    })
    const refused = client.fire('shop/order', {}, { deadlineMs: 60_000 })
    await expect(within(refused, 'the refusal')).rejects.toMatchObject({
      code: 'forbidden',
      message: "you may not fire 'shop/order': no role of yours grants it (@fire)",
    })
    await stored
    const options = { timeoutMs: 5000, what: 'publish' }
    await expect(requestJson(client.bus.nc, 'reactor.publish', {}, options)).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('publish: the NATS server does not let you'),
    })
    await client.close()
  })
})
