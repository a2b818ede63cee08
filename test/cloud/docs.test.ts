// The driver that docs/cloud.md shows makes a machine, against a provider that answers as it expects.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { json } from 'node:stream/consumers'
import { expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { openAccounts } from '../../src/cloud/accounts.ts'
import { findClouds } from '../../src/cloud/load.ts'
import { parseConfig } from '../../src/config/load.ts'

const signal = new AbortController().signal

async function provider(machines: Map<string, Record<string, unknown>>) {
  const answer = async (request: IncomingMessage): Promise<[number, unknown]> => {
    if (request.headers.authorization !== 'Bearer key-of-the-account') return [401, {}]
    const id = request.url!.split('/')[2]
    if (request.method === 'POST') {
      const wanted = (await json(request)) as Record<string, unknown>
      machines.set('m-1', { id: 'm-1', status: 'new', ...wanted })
      return [200, { id: 'm-1' }]
    }
    if (id === undefined) return [200, [...machines.values()]]
    if (!machines.has(id)) return [404, {}]
    if (request.method === 'GET') return [200, machines.get(id)]
    machines.delete(id)
    return [204, undefined]
  }
  const server = createServer((request, response) => {
    void answer(request).then(([status, body]) => {
      response.writeHead(status)
      response.end(body === undefined ? undefined : JSON.stringify(body))
    })
  })
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

it('the driver of the docs is found by its name, opened with secrets that lie elsewhere, and makes machines', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-modules-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const page = await readFile(resolve(import.meta.dirname, '../../docs/cloud.md'), 'utf8')
  await mkdir(join(dir, 'clouds'))
  await writeFile(join(dir, 'clouds/example.mjs'), /```js\n([\s\S]*?)```/.exec(page)![1]!)
  await writeFile(join(dir, 'key'), 'key-of-the-account\n')

  const machines = new Map<string, Record<string, unknown>>()
  const given = { driver: 'example', url: await provider(machines), api_key: { file: join(dir, 'key') } }
  const cloud = { providers: { far: given }, profiles: { big: { provider: 'far', size: 'xl' } } }
  const clouds = await findClouds([dir])
  expect(clouds.names()).toEqual(['example', 'process'])
  await expect(clouds.load('exmaple')).rejects.toThrow("Did you mean 'example'")
  const accounts = await openAccounts(parseConfig({ cloud }, 'test'), clouds, silentLog)
  const account = accounts.account('far')
  expect(account.scrub('401 for key-of-the-account')).toBe('401 for [redacted]')

  const { profile } = account.read(accounts.profile('big'), 'big')
  expect(await account.cloud.request({ name: 'vm1', profile }, signal)).toEqual({ id: 'm-1' })
  expect(machines.get('m-1')).toMatchObject({ name: 'vm1', size: 'xl', image: 'reactor' })
  expect(await account.cloud.query('m-1', signal)).toMatchObject({ state: 'pending', private_ips: [] })
  machines.set('m-1', { ...machines.get('m-1'), status: 'active', ip: '127.0.0.1' })
  const [machine] = await account.cloud.list(signal)
  expect(machine).toMatchObject({ name: 'vm1', state: 'running', private_ips: ['127.0.0.1'] })
  await account.cloud.destroy(machine!, signal)
  expect(await account.cloud.query('m-1', signal)).toBeUndefined()
  await account.cloud.destroy(machine!, signal)
})

it.each([
  [{ providers: { far: { driver: 'proces' } } }, "there is no cloud driver 'proces'"],
  [{ providers: { far: { driver: 'process', mots: 3 } } }, 'cloud.providers.far'],
  [{ profiles: { big: { provider: 'far' } } }, "cloud.profiles.big: the config has no cloud provider 'far'"],
  [
    { providers: { far: { driver: 'process' } }, profiles: { big: { provider: 'far', size: 'xl' } } },
    'cloud.profiles.big: size',
  ],
  [
    { providers: { far: { driver: 'process', minion: { beet: '5s' } } } },
    "cloud.providers.far: minion: unknown setting 'minion.beet'. Did you mean 'beat'?",
  ],
  [{ providers: { far: { driver: 'process', minion: { servers: 7 } } } }, "cloud.providers.far: minion: 'servers'"],
  [
    {
      providers: { far: { driver: 'process', minion: { beat: '5s' } } },
      profiles: { big: { provider: 'far', minion: { id: 'x' } } },
    },
    'cloud.profiles.big: minion.id is what each machine has of its own',
  ],
])('a config that is wrong is refused by the name of what is wrong: %j', async (cloud, message) => {
  const config = parseConfig({ cloud }, 'test')
  await expect(openAccounts(config, await findClouds([]), silentLog)).rejects.toMatchObject({
    code: 'bad_config',
    message: expect.stringContaining(message),
  })
})

it('a config that is wrong where a secret stands is refused without it', async () => {
  const servers = 'nats://u:hush-hush@h:1'
  const cloud = { providers: { far: { driver: 'process', minion: { servers, join: ['hush-hush-hush'] } } } }
  const opening = openAccounts(parseConfig({ cloud }, 'test'), await findClouds([]), silentLog)
  await expect(opening).rejects.toThrow("'minion.join'")
  await expect(opening).rejects.not.toThrow('hush')
})
