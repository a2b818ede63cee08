// `reactor minion`
import { startMinion } from '../../processes/minion.ts'
import type { AddCommand } from '../command.ts'
import { type DaemonOptions, daemonConfig, runDaemon, withDaemonOptions } from '../daemon.ts'

export const command: AddCommand = program => {
  withDaemonOptions(
    program.command('minion').description('run a minion: take jobs and run execution functions on this machine'),
  )
    .option('--id <id>', "the minion's id (default: the host's name)")
    .option('--dir <dir>', 'folder for the jobs it has in hand and its spooled events (default: var/minion)')
    .action(async (options: DaemonOptions & { id?: string; dir?: string }) => {
      const config = await daemonConfig(options, { minion: { id: options.id, dir: options.dir } })
      await runDaemon(`minion ${config.minion.id}`, config, log => startMinion(config, log))
    })
}
