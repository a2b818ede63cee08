// What stands in files and is changed while a gateway runs.
import { copyFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import { createAllHooks } from '../../src/gateway/hook.ts'
import { startRenewing } from '../../src/gateway/renew.ts'
import { startGatewayServer } from '../../src/gateway/server.ts'
import { createGatewayStats } from '../../src/gateway/stats.ts'
import { testCertificates } from '../helpers/certificates.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { createSeen, within } from '../helpers/wait.ts'

async function fileHook() {
  const file = join(await testFolder(), 'token')
  await writeFile(file, 'first-token\n')
  const auth = { type: 'bearer', secrets: [{ file }] }
  const { gateway } = parseConfig({ gateway: { hooks: { '/hook/x': { auth } } } }, 'the test')
  const hooks = createAllHooks(gateway, () => 0)
  const hook = hooks.all[0]!
  const takes = (token: string) => hook.auth.early({ authorization: `Bearer ${token}` }) === undefined
  return { file, hooks, hook, takes }
}

describe('a secret in a file', () => {
  it('takes the place of the one before, which is hidden still', async () => {
    const { file, hooks, hook, takes } = await fileHook()
    expect(hooks.renew(hook)).toBe(false)
    await writeFile(file, 'second-token\n')
    expect(hooks.renew(hook)).toBe(true)
    expect([takes('first-token'), takes('second-token')]).toEqual([false, true])
    expect(hooks.scrub('first-token and second-token')).toBe('[redacted] and [redacted]')
  })

  it('that is empty or gone leaves what was', async () => {
    const { file, hooks, hook, takes } = await fileHook()
    await writeFile(file, '')
    expect(() => hooks.renew(hook)).toThrow(/is empty/)
    await rm(file)
    expect(() => hooks.renew(hook)).toThrow(/cannot read/)
    expect(takes('first-token')).toBe(true)
  })
})

describe('what is read again', () => {
  it('is told when it changes, and once while it is wrong', async () => {
    const { log, lines } = keptLog()
    const rounds = createSeen<number>()
    const turns = [() => true, fails, fails, () => false, () => false]
    let round = 0
    const renew = () => {
      rounds.push(round)
      return turns[Math.min(round++, turns.length - 1)]!()
    }
    const running = startRenewing({ renewed: new Map([['/hook/x', renew]]), everyMs: 5, log })
    onTestFinished(() => running.stop())
    await rounds.find(n => n === turns.length, 'five rounds')
    expect(lines.items.map(({ msg }) => msg)).toEqual([
      'a file has changed, and counts as it is now',
      'a file cannot be read again: what it held before still counts',
      'a file can be read again',
    ])
  })
})

const fails = () => {
  throw new Error('no such file')
}

describe('a certificate', () => {
  it('that is made anew is shown from then on, and one without its key leaves what was', async () => {
    const first = await testCertificates()
    const second = await testCertificates()
    const { gateway } = parseConfig({ gateway: { port: 0, tls: { cert: first.cert, key: first.key } } }, 'the test')
    const server = await startGatewayServer(gateway, {
      handle: async () => undefined,
      away: async () => undefined,
      stats: createGatewayStats(),
    })
    onTestFinished(() => server.stop())
    const shown = () => fingerprintAt(Number(new URL(server.url).port))
    const before = await shown()
    expect(await server.renewTls()).toBe(false)
    await copyFile(second.cert, first.cert)
    await expect(server.renewTls()).rejects.toThrow()
    expect(await shown()).toBe(before)
    await copyFile(second.key, first.key)
    expect(await server.renewTls()).toBe(true)
    expect(await shown()).not.toBe(before)
  })
})

function fingerprintAt(port: number): Promise<string> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  return within(
    new Promise<string>((resolve, reject) => {
      socket.on('error', reject)
      socket.on('secureConnect', () => resolve(socket.getPeerCertificate().fingerprint256))
    }),
    'the certificate',
  ).finally(() => socket.destroy())
}
