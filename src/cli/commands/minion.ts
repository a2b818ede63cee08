// `reactor minion`
import { startMinion } from '../../processes/minion.ts'
import type { AddCommand } from '../command.ts'
import { type DaemonOptions, daemonConfig, mayConnect, runDaemon, withDaemonOptions } from '../daemon.ts'

export const command: AddCommand = program => {
  withDaemonOptions(
    program.command('minion').description('run a minion: take jobs and run execution functions on this machine'),
  )
    .option('--id <id>', "the minion's id (default: the host's name)")
    .option('--dir <dir>', 'folder for the jobs it has in hand and its spooled events (default: var/minion)')
    .option(
      '--join <token>',
      '@FILE that holds a join token, which lets its key in; or the token itself, which ps then shows',
    )
    .addHelpText(
      'after',
      "\nIts key is made at the first start, in <dir>/minion.nk; the master has to accept it once: 'reactor key accept ID'.",
    )
    .action(async (options: DaemonOptions & { id?: string; dir?: string; join?: string }) => {
      const { id, dir, join } = options
      const go = mayConnect()
      const config = await daemonConfig(options, { minion: { id, dir, join } })
      await runDaemon(`minion ${config.minion.id}`, config, log => startMinion(config, log, go))
    })
}
