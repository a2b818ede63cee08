// Module `cmd`: runs commands on the minion. Only `shell`, and `python_shell=True`, give a text to a shell.
import { z } from 'zod'
import { commandVector, how, runCommand, shellVector, where } from '../execution/command.ts'
import { execution } from '../functions/define.ts'
import { commandLine, environment, filePath, fixed, input, program } from '../functions/guards.ts'

const cmd = z
  .union([z.string(), z.array(z.union([z.string(), z.number()]).transform(String))])
  .describe('the command line, or the list of its words')
const python_shell = z.boolean().default(false).describe('let /bin/sh read the command line')
const args = { cmd, ...where, python_shell, ...how }
const guards = {
  cmd: commandLine,
  cwd: filePath,
  env: environment,
  stdin: input,
  python_shell: fixed('what decides whether a shell reads the command'),
}

export const run = execution({
  doc: `Runs a command and returns what it wrote, stdout and stderr together.
    The line is split into words as a shell does, quotes and backslashes included, and nothing is expanded; a line that
    needs a shell (pipes, redirections, globs, variables) is refused: use cmd.shell or python_shell=True for it.
    The job's return code is the command's: 124 after a timeout, 126 not executable, 127 not found, -N after signal N.
    Example: reactor call web1 cmd.run 'ls -l /var/log' cwd=/ timeout=30`,
  args,
  guards,
  run: async (given, context) =>
    (await runCommand(commandVector(given.cmd, given.python_shell), given, context, true)).stdout,
})

export const run_all = execution({
  doc: `Runs a command as cmd.run does and returns a map of pid, retcode, stdout and stderr.
    A key 'truncated' is true where output over output_limit was left out.
    Example: reactor call web1 cmd.run_all 'systemctl status nginx'`,
  args,
  guards,
  async run(given, context) {
    const result = await runCommand(commandVector(given.cmd, given.python_shell), given, context, false)
    const { pid, retcode, stdout, stderr, truncated } = result
    return { pid, retcode, stdout, stderr, ...(truncated ? { truncated } : {}) }
  },
})

export const retcode = execution({
  doc: `Runs a command as cmd.run does and returns its return code alone.
    Example: reactor call web1 cmd.retcode 'test -f /etc/motd'`,
  args,
  guards,
  run: async (given, context) =>
    (await runCommand(commandVector(given.cmd, given.python_shell), given, context, true)).retcode,
})

export const shell = execution({
  doc: `Gives a command line to a shell and returns what it wrote, stdout and stderr together.
    Never put values from an event into the line: pass them in env, where they stay plain text.
    Example: reactor call web1 cmd.shell 'grep -c "$WORD" /var/log/*.log | sort' env='{"WORD": "error"}'`,
  args: {
    cmd: z.string().describe('the command line'),
    ...where,
    shell: z.string().min(1).default('/bin/sh').describe('the shell that reads it'),
    ...how,
  },
  guards: { cmd: fixed('a line that a shell reads'), cwd: filePath, env: environment, shell: program },
  run: async (given, context) => (await runCommand(shellVector(given.cmd, given.shell), given, context, true)).stdout,
})
