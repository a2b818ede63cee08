import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createUser, fromSeed } from '@nats-io/nkeys'
import { describe, expect, it } from 'vitest'
import { connectBus } from '../../src/bus/connect.ts'
import { identityIn, makeKey, publicKeyIn } from '../../src/bus/identity.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'

describe('a key on disk', () => {
  it('is made on first use, for its owner alone, and is the same from there on', async () => {
    const dir = await testFolder()
    const file = join(dir, 'deep/minion.nk')
    const nkey = await identityIn(file)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(fromSeed(new TextEncoder().encode((await readFile(file, 'utf8')).trim())).getPublicKey()).toBe(nkey)
    expect(await identityIn(file)).toBe(nkey)
    expect(await publicKeyIn(file)).toBe(nkey)
    expect(await readdir(join(dir, 'deep'))).toEqual(['minion.nk'])
  })

  it('is one for all who make it at the same time', async () => {
    const file = join(await testFolder(), 'minion.nk')
    const made = await Promise.all(Array.from({ length: 8 }, () => identityIn(file)))
    expect(new Set(made).size).toBe(1)
  })

  it('is looked for without being made', async () => {
    const dir = await testFolder()
    expect(await publicKeyIn(join(dir, 'minion.nk'))).toBe(undefined)
    expect(await readdir(dir)).toEqual([])
  })

  it.each(['0644', '0640', '0602'])('that others can reach, with mode %s, is refused, with what to do', async mode => {
    const file = join(await testFolder(), 'minion.nk')
    const nkey = await identityIn(file)
    await chmod(file, Number.parseInt(mode, 8))
    const refusal = { code: 'bad_config', message: expect.stringContaining(`(mode ${mode})`) }
    await expect(identityIn(file)).rejects.toMatchObject(refusal)
    await expect(publicKeyIn(file)).rejects.toMatchObject({
      message: expect.stringContaining(`'chmod 600 ${file}'`),
    })
    await chmod(file, 0o400)
    expect(await identityIn(file)).toBe(nkey)
  })

  it.each(['', 'hello', makeKey('account').seed])('that is %j is refused', async text => {
    const file = join(await testFolder(), 'minion.nk')
    await writeFile(file, text, { mode: 0o600 })
    await expect(identityIn(file)).rejects.toMatchObject({ code: 'bad_config', message: expect.stringContaining(file) })
    expect(await readFile(file, 'utf8')).toBe(text)
  })

  it('whose place is a link that leads nowhere, or cannot be written, is refused', async () => {
    const dir = await testFolder()
    await symlink(join(dir, 'nowhere'), join(dir, 'minion.nk'))
    await expect(identityIn(join(dir, 'minion.nk'))).rejects.toMatchObject({ code: 'unwritable' })
    await writeFile(join(dir, 'file'), '')
    await expect(identityIn(join(dir, 'file/minion.nk'))).rejects.toMatchObject({
      message: expect.stringContaining('minion.nk'),
    })
  })
})

it('a login does not use a key that others can read', async () => {
  const file = join(await testFolder(), 'admin.nk')
  await writeFile(file, createUser().getSeed(), { mode: 0o644 })
  const { log } = keptLog()
  const options = { servers: 'nats://127.0.0.1:9', namespace: 'reactor', name: 'test', patient: true, log }
  await expect(connectBus({ ...options, seedFile: file })).rejects.toMatchObject({ code: 'bad_config' })
})
