#!/usr/bin/env node
// The command `reactor`: the program that the shell starts, and how it ends.
import { Command } from 'commander'
import { cleanText } from '../base/clean.ts'
import { asReactorError, ERROR_CODES, ReactorError } from '../base/errors.ts'
import { nearest } from '../base/suggest.ts'
import { VERSION } from '../base/version.ts'
import { COMMANDS } from './commands.ts'

async function main(argv: string[]): Promise<void> {
  // For the shells' scripts alone: no command of the list.
  if (argv[2] === '__complete') return (await import('./completion/main.ts')).completeAndExit(argv.slice(3))
  const program = new Command('reactor')
    .description("Event-driven automation for fleets: Salt's events, reactor, jobs and runners on NATS")
    .version(VERSION)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'reactor: ')) })
    .showHelpAfterError('(reactor --help lists the commands)')
    .configureHelp({ showGlobalOptions: true })
    .enablePositionalOptions()
  const name = argv.slice(2).find(word => !word.startsWith('-'))
  const load = name === undefined ? undefined : COMMANDS.get(name)
  if (load) (await load()).command(program)
  else if (name !== undefined && name !== 'help') {
    const hint = nearest(name, [...COMMANDS.keys()])
    program.error(`reactor: unknown command '${name}'.${hint ? ` Did you mean '${hint}'?` : ''}`, {
      exitCode: ERROR_CODES.usage.exit,
    })
  } else for (const loadOne of COMMANDS.values()) (await loadOne()).command(program)
  exitByThrowing(program)
  for (const command of program.commands) pointToHelp(command, 'reactor')
  await program.parseAsync(argv)
}

/** Commander would end the process itself, with exit codes of its own. */
function exitByThrowing(command: Command): void {
  command.exitOverride()
  for (const sub of command.commands) exitByThrowing(sub)
}

/** A wrong word is answered with where the help of its own command is. */
function pointToHelp(command: Command, above: string): void {
  const words = `${above} ${command.name()}`
  command.showHelpAfterError(`(${words} --help says more)`)
  for (const sub of command.commands) pointToHelp(sub, words)
}

/** Ends with the error's sentence on stderr and its exit code. */
function fail(thrown: unknown): void {
  const commander = thrown as { code?: string; exitCode?: number }
  if (typeof commander.code === 'string' && commander.code.startsWith('commander.')) {
    process.exitCode = commander.exitCode === 0 ? 0 : ERROR_CODES.usage.exit
    return
  }
  const error = asReactorError(thrown)
  if (process.argv.includes('--json'))
    process.stderr.write(`${JSON.stringify({ error: { code: error.code, message: error.message } })}\n`)
  else process.stderr.write(`reactor: ${error.message.split('\n').map(cleanText).join('\n')}\n`)
  if (error.code === 'internal' && error.cause instanceof Error) process.stderr.write(`${error.cause.stack}\n`)
  process.exitCode = ERROR_CODES[error.code].exit
}

// A reader that went away (`reactor tail | head`) is no error.
process.stdout.on('error', error => {
  if ((error as NodeJS.ErrnoException).code !== 'EPIPE') {
    fail(new ReactorError('unwritable', `the output cannot be written: ${error.message}`))
    process.exit()
  }
  // What has to be stopped first is stopped as by a polite kill.
  if (!process.emit('SIGTERM')) process.exit(0)
})

await main(process.argv).catch(fail)
