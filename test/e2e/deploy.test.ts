import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { testCertificates } from '../helpers/certificates.ts'
import { testFolder } from '../helpers/folder.ts'
import { command } from './reactor.ts'

it('certs init makes an authority and a certificate, says where each goes, and overwrites nothing', async () => {
  const cwd = await testFolder()
  const first = await command(['certs', 'init', '--host', 'nats1.example.com,10.0.0.1'], { cwd })
  expect(first).toMatchObject({ code: 0, stderr: '' })
  for (const line of [
    /made a server's certificate for nats1\.example\.com, 10\.0\.0\.1, good until \d{4}-\d\d-\d\d:/,
    /^ {2}certs\/ca\.pem {2}to every process, operator and NATS server/m,
    /^ {2}certs\/ca\.key {2}stays here/m,
    /^ {2}certs\/server\.key {2}to the NATS server: key_file/m,
  ])
    expect(first.stdout).toMatch(line)
  const key = await readFile(join(cwd, 'certs/server.key'), 'utf8')
  const again = await command(['certs', 'init', '--host', 'nats1.example.com', '--json'], { cwd })
  expect(again.code).toBe(73)
  expect(JSON.parse(again.stderr).error).toMatchObject({ code: 'unwritable' })
  expect(await readFile(join(cwd, 'certs/server.key'), 'utf8')).toBe(key)
  const other = await command(['certs', 'init', '--host', '::1', '--name', 'nats2', '--json'], { cwd })
  expect(JSON.parse(other.stdout)).toMatchObject({ ca: { made: false }, server: { hosts: ['::1'] } })
})

it('certs init refuses what is no host, no number of days, and no host at all', async () => {
  const cwd = await testFolder()
  const init = async (...words: string[]) => (await command(['certs', 'init', ...words], { cwd })).code
  expect(await init('--host', 'tls://nats1')).toBe(64)
  expect(await init('--host', 'nats1', '--days', '0')).toBe(64)
  expect(await init('--host', 'nats1', '--days', 'ten')).toBe(64)
  expect(await init()).toBe(64)
})

it('certs show lists what there is, warns of what expires soon, and ends with 1 once something has expired', async () => {
  const cwd = await testFolder()
  const dir = join(cwd, 'certs')
  await testCertificates({ dir, hosts: 'nats1' })
  const soon = await command(['certs', 'show'], { cwd })
  expect(soon.code).toBe(0)
  expect(soon.stdout).toMatch(/^certs\/server\.pem\n {2}subject {6}O=test, CN=nats1\n {2}hosts {8}nats1$/m)
  expect(soon.stderr).toMatch(/warning: certs\/server\.pem expires on \d{4}-\d\d-\d\d; reactor certs init --force/)
  await testCertificates({ dir, name: 'old', expired: true })
  const expired = await command(['certs', 'show', '--json'], { cwd })
  expect(expired.code).toBe(1)
  const states = JSON.parse(expired.stdout).map(({ file, state }: { file: string; state: string }) => [file, state])
  expect(states).toEqual([
    ['certs/ca.pem', 'ok'],
    ['certs/old.pem', 'expired'],
    ['certs/server.pem', 'expires_soon'],
  ])
  await mkdir(join(cwd, 'empty'))
  expect(await command(['certs', 'show', 'empty'], { cwd })).toMatchObject({ code: 1, stdout: '' })
})

it('accounts init makes every seed once, and says which process each is for', async () => {
  const cwd = await testFolder()
  const words = ['accounts', 'init', '--namespace', 'prod', '--json']
  const first = JSON.parse((await command(words, { cwd })).stdout)
  expect(first).toMatchObject({ namespace: 'prod', config: { outcome: 'made' } })
  expect(first.seeds).toContainEqual({
    file: join(cwd, 'accounts/keys/issuer.nk'),
    process: 'reactor master',
    setting: 'master.callout.issuer',
  })
  expect(Object.values(first.operators)).toEqual(['admin'])
  const second = await command(['accounts', 'init'], { cwd })
  expect(second.stdout).toMatch(/^accounts\/accounts\.conf \(unchanged, namespace prod\)$/m)
  expect(second.stdout).toContain(`operators: { ${Object.keys(first.operators)[0]}: admin }`)
  await writeFile(join(cwd, 'accounts/keys/jobs.nk'), 'nonsense')
  expect((await command(['accounts', 'init'], { cwd })).code).toBe(78)
})
