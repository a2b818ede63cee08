// `reactor completion <bash|zsh|fish>`
import { Argument } from 'commander'
import type { AddCommand } from '../command.ts'
import { SCRIPTS, SHELLS, type Shell } from '../completion/scripts.ts'

export const command: AddCommand = program => {
  program
    .command('completion')
    .description(
      'print the script that completes commands, functions and minion ids in a shell; its head says how to install it',
    )
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((shell: Shell) => void process.stdout.write(SCRIPTS[shell]))
}
