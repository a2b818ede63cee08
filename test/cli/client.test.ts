import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { openClient } from '../../src/cli/client.ts'
import { testFolder } from '../helpers/folder.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())
afterEach(() => void vi.restoreAllMocks())

/** A folder whose `var/` tells of a reactor. */
async function folderOf(up: Record<string, unknown>): Promise<string> {
  const dir = await testFolder()
  await mkdir(join(dir, 'var'))
  const known = { namespace: 'own', user: 'ada', pid: 1, minion: { config: 'config.json' } }
  await writeFile(join(dir, 'var/up.json'), JSON.stringify({ ...known, ...up }))
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
      code: 'forbidden',
      message: expect.stringContaining('cannot read the key /nowhere/admin.nk'),
    })
    await expect(openClient({ server: 'nats://ada:hunter2@127.0.0.1:1' })).rejects.toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    )
  })
})
