import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bindArgs } from '../../src/functions/args.ts'
import { loadFunctions } from '../../src/functions/load.ts'
import { testFolder } from '../helpers/folder.ts'
import { stateCaller } from './call.ts'

const functions = await loadFunctions('state')

describe('states of cmd', () => {
  const { call, test, watch } = stateCaller()

  it('give their line to a shell and tell what came of it', async () => {
    const name = 'echo "$WHO" | tr a-z A-Z; echo oops >&2'
    expect(await call('cmd.run', { name, env: [{ WHO: 'web' }], cwd: '/' })).toEqual({
      result: true,
      comment: `Command "${name}" run`,
      changes: { pid: expect.any(Number), retcode: 0, stdout: 'WEB', stderr: 'oops' },
    })
    const split = await call('cmd.run', { name: "echo 'a | b'", python_shell: false })
    expect(split.changes).toMatchObject({ stdout: 'a | b' })
    await expect(call('cmd.run', { name: 'echo a | b', python_shell: false })).rejects.toThrow('needs a shell')
  })

  it('fail with any other return code, unless that one is a success', async () => {
    expect(await call('cmd.run', { name: 'exit 3' })).toMatchObject({ result: false, changes: { retcode: 3 } })
    expect(await call('cmd.run', { name: 'exit 3', success_retcodes: 3 })).toMatchObject({
      result: true,
      changes: { retcode: 0 },
    })
    expect(await call('cmd.run', { name: 'echo fine; exit 1', success_stdout: 'fine' })).toMatchObject({ result: true })
    expect(await call('cmd.run', { name: 'true', cwd: '/no/such' })).toEqual({
      result: false,
      changes: {},
      comment: 'Desired working directory "/no/such" is not available',
    })
  })

  it('end a command that takes too long', async () => {
    const late = { name: 'sleep 100', timeout: 0.1 }
    expect(await call('cmd.run', late)).toMatchObject({ result: false, changes: { retcode: 124 } })
    expect(await call('cmd.run', { ...late, ignore_timeout: true })).toMatchObject({ result: true })
  })

  it('leave out what a command wrote where they are told to', async () => {
    const { changes } = await call('cmd.run', { name: 'echo secret', hide_output: true })
    expect(changes).toMatchObject({ stdout: '', stderr: '' })
  })

  it('only say with test=True what they would run', async () => {
    const file = join(await testFolder(), 'made')
    const name = `touch ${file}`
    expect(await test('cmd.run', { name })).toEqual({
      result: null,
      changes: { cmd: name },
      comment: `Command "${name}" would have been executed`,
    })
    expect(existsSync(file)).toBe(false)
  })

  it('wait for what they watch', async () => {
    const file = join(await testFolder(), 'made')
    const given = { name: `echo x >> ${file}` }
    expect(await call('cmd.wait', given)).toEqual({ result: true, changes: {}, comment: '' })
    expect(existsSync(file)).toBe(false)
    expect(await watch('cmd.wait', given)).toMatchObject({ result: true, changes: { retcode: 0 } })
    await watch('cmd.run', given)
    expect(await readFile(file, 'utf8')).toBe('x\nx\n')
  })

  it('believe a stateful command what it says of itself', async () => {
    const stateful = true
    expect(await call('cmd.run', { name: 'echo done; echo "changed=no comment=\'all well\'"', stateful })).toEqual({
      result: true,
      changes: {},
      comment: 'all well',
    })
    const json = `echo '{"changed": true, "comment": "moved", "version": 2}'`
    expect(await call('cmd.run', { name: json, stateful })).toMatchObject({
      result: true,
      comment: 'moved',
      changes: { retcode: 0, version: 2 },
    })
    expect(await call('cmd.run', { name: 'echo hello', stateful })).toMatchObject({ result: false })
    const would = { name: 'exit 9', stateful: [{ test_name: 'echo changed=yes' }] }
    expect(await test('cmd.run', would)).toMatchObject({ result: null })
  })

  it.each([
    [{ name: 'echo {{ x }}' }, ['kwarg', 'name']],
    [{ name: 'true', env: { PATH: '/tmp' } }, ['kwarg', 'env', 'PATH']],
    [{ name: 'true', env: [{ LD_PRELOAD: 'x' }] }, ['kwarg', 'env', 0, 'LD_PRELOAD']],
    [{ name: 'sh', stdin: 'id' }, ['kwarg', 'stdin']],
  ])('let no event decide %j', (given, path) => {
    const bind = () =>
      bindArgs('cmd.run', functions.get('cmd.run'), [], given, { paths: [path as never], by: 'rule:r' })
    expect(bind).toThrow('holds a value from the event of rule:r')
  })

  it('let an event fill a variable', () => {
    const given = { name: 'echo "$WHO"', env: [{ WHO: 'x' }] }
    const paths = [['kwarg', 'env', 0, 'WHO']] as never
    expect(() => bindArgs('cmd.run', functions.get('cmd.run'), [], given, { paths, by: 'rule:r' })).not.toThrow()
  })

  it('refuse what they do not do by its name', async () => {
    await expect(call('cmd.run', { name: 'id', root: '/srv' })).rejects.toThrow("cmd.run has no argument 'root'")
    await expect(call('cmd.run', { name: 'id', use_vt: true })).rejects.toThrow("argument 'use_vt'")
    await expect(call('cmd.run', { name: 'id', runas: 'no-such-user' })).rejects.toThrow(
      "runas: there is no user 'no-such-user'",
    )
  })

  it.runIf(process.getuid?.() === 0)('run as another user, with the groups and the home of that one', async () => {
    const { changes } = await call('cmd.run', { name: 'id -un; id -Gn; echo $HOME; pwd', runas: 'nobody' })
    expect(changes).toMatchObject({ retcode: 0, stdout: 'nobody\nnogroup\n/nonexistent\n/' })
  })

  it('run a script of the master, rendered where that is asked for', async () => {
    const folder = await testFolder()
    const file = join(folder, 'cached')
    await writeFile(file, '#!/bin/sh\necho "{{ who }}: $*"\n')
    const { call } = stateCaller({
      files: { cache: async (path: string) => (path === 'db/setup.sh' ? file : undefined) } as never,
      render: async text => text.replace('{{ who }}', 'web1'),
    })
    const given = { name: 'setup', source: 'salt://db/setup.sh', args: "one 'two three'" }
    expect((await call('cmd.script', given)).changes).toMatchObject({ stdout: '{{ who }}: one two three' })
    expect((await call('cmd.script', { ...given, template: 'jinja' })).changes).toMatchObject({
      stdout: 'web1: one two three',
    })
    expect((await call('cmd.script', { name: `${file} four` })).changes).toMatchObject({ stdout: '{{ who }}: four' })
    if (process.getuid?.() === 0)
      expect((await call('cmd.script', { ...given, runas: 'nobody' })).changes).toMatchObject({ retcode: 0 })
    await expect(call('cmd.script', { name: 'salt://db/none.sh' })).rejects.toThrow(
      'there is no script salt://db/none.sh',
    )
  })
})
