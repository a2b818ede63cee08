// `reactor react`
import { startReact } from '../../processes/react.ts'
import { profilesMissing } from '../../reactor/profiles-needed.ts'
import type { AddCommand } from '../command.ts'
import { type DaemonOptions, daemonConfig, runDaemon, withDaemonOptions } from '../daemon.ts'

export const command: AddCommand = program => {
  withDaemonOptions(
    program.command('react').description('run a reactor: match events against the rules and store reactions'),
  )
    .option('--rules <dir>', 'folder of rules that this process feeds; without it the rules in force are used')
    .action(async (options: DaemonOptions & { rules?: string }) => {
      const config = await daemonConfig(options, { react: { rules: options.rules } })
      await runDaemon('react', config, async log => {
        const facts: Record<string, unknown> = {}
        const running = await startReact(config, log, (fed, bundle) =>
          Object.assign(facts, {
            rules: fed.rules.length,
            problems: fed.problems.length,
            bundle,
            missing: profilesMissing(fed.rules, config.profiles),
          }),
        )
        return Object.assign(running, { facts })
      })
    })
}
