// `reactor master`
import { startMaster } from '../../processes/master.ts'
import type { AddCommand } from '../command.ts'
import { type DaemonOptions, daemonConfig, runDaemon, withDaemonOptions } from '../daemon.ts'

export const command: AddCommand = program => {
  withDaemonOptions(
    program.command('master').description('run the master: presence of minions, wheel functions'),
  ).action(async (options: DaemonOptions) => {
    const config = await daemonConfig(options)
    await runDaemon('master', config, log => startMaster(config, log))
  })
}
