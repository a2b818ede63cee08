// States `cmd`: commands that a state run runs. They change something whenever they run: unless, onlyif and creates say when not.
import { statSync } from 'node:fs'
import { z } from 'zod'
import { commandVector, runCommand, shellVector, where } from '../execution/command.ts'
import { DEFAULT_OUTPUT_LIMIT } from '../execution/process.ts'
import { asUser } from '../execution/run-as.ts'
import { withScript } from '../execution/script.ts'
import { reinterpreted } from '../execution/stateful.ts'
import { splitWords } from '../execution/words.ts'
import { state } from '../functions/define.ts'
import { commandLine, environment, filePath, fixed, type Guard, program } from '../functions/guards.ts'
import type { StateContext, StateReturn } from '../functions/state-context.ts'
import { changed, failed, unchanged, wouldChange } from '../functions/state-return.ts'

const value = z.union([z.string(), z.number(), z.boolean(), z.null()])
const variables = z.record(z.string(), value)
const texts = z.union([z.string().transform(text => [text]), z.array(z.string())]).default([])

const how = {
  cwd: where.cwd,
  runas: z.string().min(1).optional().describe('the user to run it as, by runuser; the minion must be root'),
  env: z
    .union([variables, z.array(variables).transform(list => Object.assign({}, ...list) as z.output<typeof variables>)])
    .default({})
    .describe('environment variables to add, a map or a list of maps; null removes one'),
  prepend_path: z.string().min(1).optional().describe('folders to search for programs before those of PATH'),
  stdin: where.stdin,
  timeout: z
    .union([z.number(), z.string()])
    .optional()
    .describe('seconds, or a duration such as 5m, after which the command and all that it started are killed'),
  ignore_timeout: z.boolean().default(false).describe('a command that was killed for its timeout has succeeded'),
  hide_output: z.boolean().default(false).describe('leaves what it wrote out of the changes'),
  success_retcodes: z
    .union([z.number().transform(code => [code]), z.array(z.number())])
    .default([])
    .describe('return codes beside 0 that are a success'),
  success_stdout: texts.describe('texts: where stdout is one of them, it has succeeded whatever its return code'),
  success_stderr: texts.describe('the same of stderr'),
  stateful: z
    .union([z.boolean(), z.array(z.object({ test_name: z.string() })).length(1)])
    .default(false)
    .describe(
      'the last line of its output says what it did, as \'changed=yes comment="done"\' or in JSON; a list with a test_name: and that command says what it would do',
    ),
  output_loglevel: z.string().optional().describe("as Salt's files give it: output is in no log here"),
  use_vt: z.literal(false).optional().describe("as Salt's files give it: there is no terminal"),
}
const args = {
  name: z.string().min(1).describe('the command line'),
  shell: z.string().min(1).default('/bin/sh').describe('the shell that reads it'),
  python_shell: z.boolean().default(true).describe('False: no shell reads it, it is split into words'),
  ...how,
}
/** Of a list of maps each, too. */
const variablesOf: Guard = {
  as: environment.as,
  problem: (value, path, args) => environment.problem(value, Array.isArray(value) ? path.slice(1) : path, args),
}
const guardsOfHow = {
  cwd: filePath,
  runas: fixed('the user that a command runs as'),
  env: variablesOf,
  prepend_path: filePath,
  stdin: fixed('the input of a command'),
  stateful: fixed('a command'),
}
const guards = {
  ...guardsOfHow,
  name: fixed('a line that a shell reads'),
  shell: program,
  python_shell: fixed('what decides whether a shell reads the command'),
}
type How = { [K in keyof typeof how]: z.output<(typeof how)[K]> }
type Args = { [K in keyof typeof args]: z.output<(typeof args)[K]> }

export const run = state({
  doc: `Runs a command line, which a shell reads, in each run of the states; it fails with any return code but 0. unless, onlyif,
    creates and onchanges say when it is not to run. Never put a value of somebody else into the line: pass it in env.
    The changes are its pid, retcode, stdout and stderr.
    Example:
      make the index:
        cmd.run:
          - name: 'ls "$DIR" > /srv/www/index.txt'
          - env:
            - DIR: /srv/www
          - creates: /srv/www/index.txt`,
  args,
  guards,
  run: runLine,
  watch: runLine,
})

export const wait = state({
  doc: `Runs a command line as cmd.run does, but only where something that it watches has changed.
    Example:
      newaliases:
        cmd.wait:
          - watch:
            - file: /etc/aliases`,
  args,
  guards,
  run: () => unchanged(''),
  watch: runLine,
})

export const script = state({
  doc: `Fetches a script from salt:// and runs it, as cmd.run runs a command line. It must say its interpreter in its first line;
    without one /bin/sh reads it.
    Example:
      set up the database:
        cmd.script:
          - source: salt://db/setup.sh
          - args: '--quiet main'
          - creates: /var/lib/db/main`,
  args: {
    name: z.string().min(1).describe('the script, where no source is given; else its name with arguments'),
    source: z.string().min(1).optional().describe('the script, such as salt://db/setup.sh'),
    args: z
      .union([z.string().transform(splitWords), z.array(z.union([z.string(), z.number()]).transform(String))])
      .optional()
      .describe('its arguments, a text that is split into words, or a list'),
    template: z.literal('jinja').optional().describe('jinja: the script is rendered first'),
    ...how,
    stateful: z.boolean().default(false).describe('as of cmd.run'),
  },
  guards: { ...guardsOfHow, name: commandLine, source: filePath, args: fixed('arguments of a script') },
  run: runScript,
  watch: runScript,
})

const wouldRun = (cmd: string) => wouldChange(`Command "${cmd}" would have been executed`, { cmd })

async function runLine(given: Args, context: StateContext): Promise<StateReturn> {
  const name = tested(given.name, given, context)
  if (name === undefined) return wouldRun(given.name)
  const argv = given.python_shell ? shellVector(name, given.shell) : commandVector(name, false)
  return runVector(`Command "${name}" run`, argv, given, context)
}

/** The command to run; undefined: none, as it is a test, and it cannot say what it would do. */
function tested(name: string, { stateful }: How, { test }: StateContext): string | undefined {
  if (!test) return name
  return typeof stateful === 'object' ? stateful[0]!.test_name : undefined
}

async function runVector(done: string, argv: string[], given: How, context: StateContext): Promise<StateReturn> {
  const { cwd } = given
  if (cwd !== undefined && !isFolder(cwd)) return failed(`Desired working directory "${cwd}" is not available`)
  const user = given.runas === undefined ? undefined : await asUser(given.runas, argv)
  const path = given.prepend_path === undefined ? {} : { PATH: [given.prepend_path, process.env.PATH].join(':') }
  const result = await runCommand(
    user?.argv ?? argv,
    {
      cwd: cwd ?? user?.home,
      stdin: given.stdin,
      env: { ...user?.env, ...path, ...given.env },
      timeout: given.timeout,
      ignore_retcode: true,
      output_limit: DEFAULT_OUTPUT_LIMIT,
      rstrip: true,
    },
    context,
    false,
  )
  const { pid, stdout, stderr, ending } = result
  const isSuccess =
    given.success_retcodes.includes(result.retcode) ||
    given.success_stdout.includes(stdout) ||
    given.success_stderr.includes(stderr) ||
    (given.ignore_timeout && ending === 'timed_out')
  const retcode = isSuccess ? 0 : result.retcode
  const shown = given.hide_output ? { stdout: '', stderr: '' } : { stdout, stderr }
  const changes = { pid, retcode, ...shown }
  const ended = retcode === 0 ? changed(done, changes) : failed(done, changes)
  if (given.stateful) return reinterpreted(ended, stdout, context.test)
  return context.test && ended.result ? { ...ended, result: null } : ended
}

type ScriptArgs = How & {
  name: string
  source?: string | undefined
  args?: string[] | undefined
  template?: 'jinja' | undefined
}

async function runScript(given: ScriptArgs, context: StateContext): Promise<StateReturn> {
  if (context.test) return wouldRun(given.name)
  const words = given.args === undefined ? splitWords(given.name) : [given.name]
  const source = given.source ?? words[0]!
  return withScript({ source, template: given.template, runas: given.runas }, context, argv =>
    runVector(`Command "${given.name}" run`, [...argv, ...(given.args ?? words.slice(1))], given, context),
  )
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
