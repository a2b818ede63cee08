import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { chooseContext, writeContext } from '../../src/cli/context/file.ts'
import { type ClientOptions, findWay } from '../../src/cli/way.ts'
import { testFolder } from '../helpers/folder.ts'
import { giveToStranger } from '../helpers/stranger.ts'

let home: string
let passwordFile: string
beforeEach(async () => {
  home = await testFolder()
  passwordFile = join(home, 'password')
  await writeFile(passwordFile, 'correct horse\n', { mode: 0o600 })
  vi.stubEnv('XDG_CONFIG_HOME', home)
  vi.spyOn(process, 'cwd').mockReturnValue(home)
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

const UP = {
  server: 'nats://up',
  namespace: 'own',
  user: 'admin',
  seed: '/up/admin.nk',
  pid: 1,
  minion: { config: 'c' },
}

async function upHere(): Promise<void> {
  await mkdir(join(home, 'var'), { mode: 0o700 })
  await writeFile(join(home, 'var/up.json'), JSON.stringify(UP), { mode: 0o600 })
}
async function contexts(): Promise<void> {
  await writeContext('prod', { server: 'nats://prod', user: 'ada', seed: '/ada.nk', tls: { ca: '/prod.pem' } })
  await writeContext('test', { server: 'nats://a,nats://b', namespace: 't', user: 'bob', password_file: passwordFile })
}
/** Server, user and login. */
const way = async (options: ClientOptions, env: NodeJS.ProcessEnv = {}) => {
  const { servers, user, login } = await findWay(options, env)
  const key = login.kind === 'key' ? login.seed : login.kind === 'password' ? `password ${login.password}` : 'none'
  return [servers.join(), user, key].join(' ')
}

describe('the way to the system', () => {
  it('is that of the context named, whatever runs in the folder and is chosen', async () => {
    await upHere()
    await contexts()
    await chooseContext('prod')
    expect(await way({ context: 'test' })).toBe('nats://a,nats://b bob password correct horse')
    expect(await findWay({ context: 'prod' })).toEqual({
      ...{ servers: ['nats://prod'], namespace: 'reactor', user: 'ada', login: { kind: 'key', seed: '/ada.nk' } },
      ...{ tls: { ca: '/prod.pem' }, vouched: false },
    })
  })

  it('is the reactor of the folder before the chosen context, and that where none runs here', async () => {
    await contexts()
    await chooseContext('prod')
    expect(await way({})).toBe('nats://prod ada /ada.nk')
    await upHere()
    expect(await way({})).toBe('nats://up admin /up/admin.nk')
    expect(await findWay({})).toMatchObject({ namespace: 'own', vouched: true })
  })

  it('takes each option before what a context says', async () => {
    await contexts()
    const options = { server: 'nats://x', namespace: 'n', user: 'eve', seed: '/e', tlsCert: '/c', tlsKey: '/k' }
    expect(await findWay({ context: 'prod', ...options })).toMatchObject({
      ...{ servers: ['nats://x'], namespace: 'n', user: 'eve', login: { kind: 'key', seed: '/e' } },
      tls: { ca: '/prod.pem', cert: '/c', key: '/k' },
    })
  })

  it('is by one login: the one given, not the one of the context beside it', async () => {
    await contexts()
    expect(await way({ context: 'prod', passwordFile })).toBe('nats://prod ada password correct horse')
    expect(await way({ context: 'prod' }, { REACTOR_PASSWORD: 'sesame' })).toBe('nats://prod ada password sesame')
    expect(await way({ context: 'test', seed: '/b' }, { REACTOR_PASSWORD: 'sesame' })).toBe('nats://a,nats://b bob /b')
  })

  it('brings no login of another system to a server that is named', async () => {
    await upHere()
    await contexts()
    await chooseContext('prod')
    expect(await way({ server: 'nats://x' })).toBe('nats://x admin none')
    expect(await findWay({ server: 'nats://x' })).toMatchObject({ tls: undefined, vouched: false })
  })

  it('is not one that a stranger has put into a folder above', async () => {
    await upHere()
    await mkdir(join(home, 'mine'))
    vi.mocked(process.cwd).mockReturnValue(join(home, 'mine'))
    expect(await way({})).toBe('nats://up admin /up/admin.nk')
    await giveToStranger(join(home, 'var/up.json'))
    const refused = { code: 'bad_config', message: expect.stringContaining('belongs to another user') }
    await expect(findWay({}, {})).rejects.toMatchObject(refused)
    await expect(findWay({ dataDir: join(home, 'var') }, {})).rejects.toMatchObject(refused)
    expect(await way({ server: 'nats://x' })).toBe('nats://x admin none')
  })

  it('vouches for the name of a key only where both are of reactor up', async () => {
    await upHere()
    expect(await findWay({ seed: '/b' })).toMatchObject({ user: 'admin', vouched: false })
    expect(await findWay({ user: 'bob' })).toMatchObject({ login: { seed: '/up/admin.nk' }, vouched: false })
  })

  it.each<[string, ClientOptions, string, RegExp]>([
    ['nothing is named and nothing runs', {}, 'unreachable', /start one with 'reactor up', name a NATS server/],
    ['two systems are named', { context: 'a', dataDir: '/v' }, 'usage', /name two systems/],
    ['two logins are given', { server: 'x', seed: '/a', passwordFile: '/b' }, 'usage', /are two logins/],
    ['there is no such context', { context: 'nope' }, 'not_found', /there is no context 'nope'; there are none/],
    ['there is no such password file', { server: 'x', user: 'a', passwordFile: '/nowhere' }, 'unreadable', /\/nowhere/],
  ])('is refused where %s', async (_what, options, code, message) => {
    await expect(findWay(options, {})).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it('is refused where a password has no name, and where the chosen context is gone', async () => {
    await expect(findWay({ server: 'x', passwordFile }, {})).rejects.toMatchObject({ code: 'usage' })
    await chooseContext('gone')
    await expect(findWay({}, {})).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining("the chosen context 'gone' is not there any more"),
    })
  })
})
