import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { testFolder } from '../helpers/folder.ts'

/** The script on a machine that has nothing but what it is given here. */
async function machine({ aptGet = '', uid = 0, installed = [] as string[] }) {
  const root = await testFolder()
  const bin = join(root, 'bin')
  await mkdir(bin)
  await mkdir(join(root, 'usr/sbin'), { recursive: true })
  const program = (name: string, text: string) => writeFile(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  for (const name of ['rm', 'chmod']) await symlink(`/bin/${name}`, join(bin, name))
  for (const name of installed) await program(name, 'exit 0')
  await program('id', `echo ${uid}`)
  if (aptGet) await program('apt-get', `[ -x ${root}/usr/sbin/policy-rc.d ] && echo "$1" >> ${root}/asked\n${aptGet}`)
  const text = await readFile(new URL('../../deploy/test-stores.sh', import.meta.url), 'utf8')
  const script = join(root, 'test-stores.sh')
  await writeFile(script, text.replaceAll('/usr/', `${root}/usr/`).replaceAll(':/sbin', ''))
  return {
    policy: join(root, 'usr/sbin/policy-rc.d'),
    /** What apt-get was told to do while nothing that it installs would be started. */
    asked: async () => (existsSync(join(root, 'asked')) ? (await readFile(join(root, 'asked'), 'utf8')).trim() : ''),
    run: (env: Record<string, string> = {}) =>
      new Promise<{ code: number; stderr: string }>(done => {
        execFile('/bin/sh', [script], { env: { PATH: bin, ...env } }, (error, _stdout, stderr) => {
          done({ code: error ? Number(error.code) : 0, stderr })
        })
      }),
  }
}

describe('the servers that tests of returners need', () => {
  it('are installed with nothing started, and what kept them from being started is taken away again', async () => {
    const { run, asked, policy } = await machine({ aptGet: 'exit 0' })
    expect(await run({ CI: 'true' })).toMatchObject({ code: 0 })
    expect(await asked()).toBe('update\ninstall')
    expect(existsSync(policy)).toBe(false)
  })

  it('are left where they are there', async () => {
    const { run, asked } = await machine({ aptGet: 'exit 0', installed: ['mariadbd', 'postgres', 'redis-server'] })
    expect(await run({ CI: 'true' })).toEqual({ code: 0, stderr: '' })
    expect(await asked()).toBe('')
  })

  it('are installed from the lists of before where new ones cannot be fetched', async () => {
    const { run } = await machine({ aptGet: '[ "$1" = install ] || exit 100' })
    expect(await run({ CI: 'true' })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('apt-get update failed; the lists of packages are those of before'),
    })
  })

  it.each([
    ['the network is away', { aptGet: 'exit 100' }, 'apt-get does not install them'],
    ['nobody is root', { aptGet: 'exit 0', uid: 1000 }, 'packages are installed by root only'],
    ['there is no apt-get', {}, 'packages are installed with apt-get only'],
  ])('are said not to be there where %s, which in CI is a failure', async (_what, given, why) => {
    const { run, policy } = await machine(given)
    const words = `test-stores: ${why}, so there is no mariadb-server postgresql redis-server here`
    const skipped = expect.stringContaining(`${words}\ntest-stores: tests against them are skipped`)
    expect(await run()).toMatchObject({ code: 0, stderr: skipped })
    expect(await run({ CI: 'true' })).toMatchObject({ code: 1, stderr: expect.stringContaining(words) })
    expect(existsSync(policy)).toBe(false)
  })
})
