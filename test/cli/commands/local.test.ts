import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
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

describe('local --return', () => {
  const file = () => join(home, 'returns.jsonl')
  const kept = async () =>
    (await readFile(file(), 'utf8'))
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line))

  it('gives the return to the returners with the settings of the config, without a server too', async () => {
    await writeFile(config(), `other.rawfile_json.filename: ${file()}\n`)
    expect(await local('--return', 'rawfile_json', '--return-config', 'other', 'test.echo', 'hi')).toContain('hi')
    expect(await kept()).toMatchObject([{ fun: 'test.echo', fun_args: ['hi'], return: 'hi', success: true }])
    expect(process.exitCode).toBe(0)
  })

  it('takes settings of its own, by their names in Salt too', async () => {
    await local('test.ping', '--return', 'rawfile_json', '--return_kwargs', `{filename: ${file()}}`)
    expect(await kept()).toMatchObject([{ fun: 'test.ping', return: true, _stamp: expect.any(String) }])
  })

  it('shows the return all the same where the store does not take it, and says so', async () => {
    const words = ['--return', 'rawfile_json', '--return-kwargs', `{filename: ${home}/var}`]
    await expect(local('test.echo', 'hi', ...words)).rejects.toMatchObject({
      code: 'store_refused',
      message: expect.stringMatching(
        /^it ran as job \d{20}, but the returner 'rawfile_json' does not have its return: /,
      ),
    })
    expect(stdout).toContain('hi')
  })

  it.each([
    [
      'no such returner',
      ['--return', 'rawfile_jsn'],
      "there is no returner 'rawfile_jsn'. Did you mean 'rawfile_json'?",
    ],
    [
      'an unknown setting',
      ['--return', 'rawfile_json', '--return-kwargs', '{file: x}'],
      'no setting of rawfile_json is called file',
    ],
    ['settings of no returner', ['--return-config', 'other'], '--return-config is for returners'],
  ])('runs nothing with %s', async (_what, words, message) => {
    await expect(local('cmd.run', `touch ${file()}`, ...words)).rejects.toThrow(message)
    expect([stdout, existsSync(file())]).toEqual(['', false])
  })
})
