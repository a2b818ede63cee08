import { Command } from 'commander'
import { afterEach, expect, it, vi } from 'vitest'
import { command } from '../../../src/cli/commands/tail.ts'
import { testFolder } from '../../helpers/folder.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

const tail = async (...words: string[]) => {
  const program = new Command()
  command(program)
  await program.parseAsync(['tail', ...words], { from: 'user' })
}

it.each([
  [['-n', 'minion', '--since', '1m'], '--since and --node minion: the bus of a minion keeps nothing'],
  [
    ['-n', 'minion', '--func', 'test.ping'],
    '--func and --node minion: on the bus of a minion there are only its own returns',
  ],
  [['--node', 'minion', '--reactions'], '--reactions and --node minion: '],
  [['--node', 'minion', '--server', 'nats://a'], '--server and --node minion: the bus of a minion needs no server'],
  [['--node', 'minion', '--password-file', 'f'], '--password-file and --node minion: '],
  [['--config', 'minion.yaml'], "--config names a minion's config: give --node minion with it"],
])('reactor tail %j is refused: what it asks for cannot be', async (words, message) => {
  await expect(tail(...words)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(message) })
})

it('on a machine where no minion runs says so, whatever server the environment names', async () => {
  vi.spyOn(process, 'cwd').mockReturnValue(await testFolder())
  vi.stubEnv('REACTOR_SERVER', 'nats://somewhere')
  await expect(tail('-n', 'minion')).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining('--config'),
  })
})
