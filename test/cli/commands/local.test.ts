import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { command } from '../../../src/cli/commands/local.ts'
import { testFolder } from '../../helpers/folder.ts'
import { giveToStranger } from '../../helpers/stranger.ts'

let home: string
let stdout = ''
beforeEach(async () => {
  home = await testFolder()
  await mkdir(join(home, 'var/run'), { recursive: true, mode: 0o700 })
  await mkdir(join(home, 'own/modules'), { recursive: true })
  // What it does when it is loaded shows that it was.
  const code = `import { writeFileSync } from 'node:fs'\nwriteFileSync(${JSON.stringify(mark())}, '')\n`
  await writeFile(join(home, 'own/modules/evil.mjs'), code)
  await writeFile(config(), `module_dirs: [${join(home, 'own')}]\n`, { mode: 0o600 })
  const up = { server: 'nats://127.0.0.1:1', namespace: 'own', user: 'ada', pid: 1, minion: { config: config() } }
  await writeFile(join(home, 'var/up.json'), JSON.stringify(up), { mode: 0o600 })
  vi.spyOn(process, 'cwd').mockReturnValue(home)
  stdout = ''
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    stdout += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
})

const mark = () => join(home, 'mark')
const isMarked = () => existsSync(mark())
const config = () => join(home, 'var/run/config.json')
async function local(...words: string[]): Promise<string> {
  const program = new Command()
  command(program)
  await program.parseAsync(['local', '--local', ...words], { from: 'user' })
  return stdout
}

it('loads the modules that the config of the reactor in the folder names', async () => {
  expect(await local('test.ping')).toContain('True')
  expect(isMarked()).toBe(true)
})

it.each([
  ['file of the reactor', () => join(home, 'var/up.json')],
  ['config that it names', config],
  ['folder of that config', () => join(home, 'var/run')],
])("loads nothing where the %s is a stranger's", async (_what, path) => {
  await giveToStranger(path())
  await expect(local('test.ping')).rejects.toMatchObject({
    code: 'bad_config',
    message: expect.stringContaining('belongs to another user'),
  })
  expect([stdout, isMarked()]).toEqual(['', false])
})
