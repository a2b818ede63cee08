import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, expect, it, vi } from 'vitest'
import { command } from '../../../src/cli/commands/context.ts'
import { writeContext } from '../../../src/cli/context/file.ts'
import { testFolder } from '../../helpers/folder.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

async function here() {
  const home = await testFolder()
  vi.stubEnv('XDG_CONFIG_HOME', home)
  let stdout = ''
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    stdout += String(text)
    return true
  })
  const run = async (...words: string[]) => {
    const program = new Command()
    command(program)
    await program.parseAsync(['context', ...words], { from: 'user' })
    return stdout
  }
  return { home, run }
}

it.each(['nats://ada:sesame@host', 'ada:sesame@host:4222', 'nats://a,ada:sesame@b', 'token@host'])(
  'a server with a login in it (%s) is written down nowhere',
  async server => {
    const { home, run } = await here()
    await expect(run('add', 'prod', '--server', server)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/^--server holds a name or a password(?!.*sesame)/),
    })
    expect(await readdir(join(home, 'reactor/contexts')).catch(() => [])).toEqual([])
  },
)

it('a password that somebody has written into a context by hand is not shown', async () => {
  const { run } = await here()
  await writeContext('prod', { server: 'nats://ada:sesame@host,bob:sesame@other' })
  const shown = (await run('list')) + (await run('show', 'prod'))
  expect(shown).toContain('nats://host,other')
  expect(shown).not.toContain('sesame')
})
