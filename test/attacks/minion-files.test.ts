// A minion that is in asks the master for files that are no files of file_roots, and for more than is good for it.
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { JobReturn } from '../../src/protocol/job.ts'
import { type Attacker, attackWith, expectWell, isReturn, publishJob } from './attacker.ts'
import { type System, startSystem } from './system.ts'

const BYTES = randomBytes(3_000_000)
let dir: string
let system: System
let evil: Attacker
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reactor-test-'))
  await mkdir(join(dir, 'roots'))
  await writeFile(join(dir, 'secret'), 'not yours')
  await writeFile(join(dir, 'roots', 'big.bin'), BYTES)
  await symlink(join(dir, 'secret'), join(dir, 'roots', 'link'))
  await symlink(dir, join(dir, 'roots', 'up'))
  system = await startSystem({ config: { file_roots: { base: [join(dir, 'roots')] } } })
  evil = attackWith(await system.attacker())
})
afterAll(async () => {
  await system?.stop()
  await rm(dir, { recursive: true, force: true })
})
/** What an honest minion answers to a function. */
const callOn = async (id: string, fun: string, arg: unknown[] = []) => {
  const { jid } = await publishJob(system, { tgt: id, fun, arg })
  const { data } = await system.events.find(isReturn(jid, id), `the return of ${fun}`)
  return data as unknown as JobReturn
}
afterEach(async () => {
  expect((await callOn('web1', 'cp.list_master')).return).toEqual(['big.bin'])
  await expectWell(system)
})
const ask = (body: unknown) => evil.ask('reactor.file.evil', typeof body === 'string' ? body : JSON.stringify(body))
const PATHS = [
  ...[
    '../secret',
    '/etc/passwd',
    'up/secret',
    'link',
    'roots/../../secret',
    '..\\secret',
    './../secret',
    'up/roots/../secret',
  ],
  ...[
    'big.bin/../../secret',
    'secret\0',
    '\0',
    '..',
    '//etc/passwd',
    'file:///etc/passwd',
    '~root',
    '%2e%2e/secret',
    '．．/secret',
  ],
]

it('an honest minion gets a file whole', async () => {
  const to = join(dir, 'copy')
  expect((await callOn('web1', 'cp.get_file', ['salt://big.bin', to])).return).toBe(to)
  expect((await readFile(to)).equals(BYTES)).toBe(true)
})

describe('what lies outside of the roots', () => {
  it.each(PATHS)('is neither hashed nor read nor listed by %j', async path => {
    for (const request of [
      { op: 'hash', path, saltenv: 'base' },
      { op: 'hash', path: 'secret', saltenv: path },
      { op: 'read', path, saltenv: 'base', hsum: '0'.repeat(64), offset: 0, length: 100 },
      { op: 'list', prefix: path, saltenv: 'base' },
      { op: 'dirs', prefix: path, saltenv: 'base' },
    ]) {
      const answer = await ask(request)
      expect(answer).not.toContain('not yours')
      expect(answer).toMatch(/^$|^null$|^\{"paths":\[\],"more":false\}$|"code":"bad_argument"/)
    }
  })
})

it('asks for a thousand things at once: it is answered or refused, and nobody waits for that', async () => {
  const flood = Array.from({ length: 1000 }, (_, n) =>
    ask(n % 2 ? { op: 'hash', path: 'big.bin', saltenv: 'base' } : { op: 'list', prefix: '', saltenv: 'base' }),
  )
  expect((await callOn('web2', 'cp.hash_file', ['salt://big.bin'])).return).toMatchObject({ hash_type: 'sha256' })
  for (const answer of await Promise.all(flood)) expect(answer).toMatch(/^\{"(hash_type|paths|error)"/)
})
