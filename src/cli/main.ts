#!/usr/bin/env node
// The command `reactor`: the program that the shell starts, and how it ends.
import { Command, CommanderError } from 'commander'
import { cleanText } from '../base/clean.ts'
import { asReactorError, type Code, ERROR_CODES, ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { VERSION } from '../base/version.ts'
import { COMMANDS } from './commands.ts'

async function main(argv: string[]): Promise<void> {
  // For the shells' scripts alone: no command of the list.
  if (argv[2] === '__complete') return (await import('./completion/main.ts')).completeAndExit(argv.slice(3))
  const json = wantsJson(argv)
  const program = new Command('reactor')
    .description("Event-driven automation for fleets: Salt's events, reactor, jobs and runners on NATS")
    .version(VERSION)
    .configureOutput({ outputError: (text, write) => json || write(text.replace(/^error: /, 'reactor: ')) })
    .showHelpAfterError(json ? false : '(reactor --help lists the commands)')
    .configureHelp({ showGlobalOptions: true })
    .enablePositionalOptions()
    .exitOverride()
  const [name, topic, topicOfIt] = argv.slice(2).filter(word => !word.startsWith('-'))
  const load = name === undefined ? undefined : COMMANDS.get(name)
  // Of an unknown one commander would show the help of all, without a word.
  const requireOneOf = (names: Iterable<string>, asked: string | undefined) => {
    const all = new Set([...names, 'help'])
    if (asked !== undefined && !all.has(asked))
      program.error(`error: unknown command '${asked}'.${didYouMean(asked, all)}`)
  }
  requireOneOf(COMMANDS.keys(), name === 'help' ? topic : name)
  if (load) {
    ;(await load()).command(program)
    const names = program.commands[0]!.commands.map(command => command.name())
    if (topic === 'help' && names.length > 0) requireOneOf(names, topicOfIt)
  } else for (const loadOne of COMMANDS.values()) (await loadOne()).command(program)
  exitByThrowing(program)
  if (!json) for (const command of program.commands) pointToHelp(command, 'reactor')
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

/** Behind `--` are words for a function. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end < 0 ? undefined : end).includes('--json')
}

/** Ends with the error's sentence on stderr and its exit code. */
function fail(thrown: unknown): void {
  const json = wantsJson(process.argv)
  if (thrown instanceof CommanderError) {
    process.exitCode = thrown.exitCode === 0 ? 0 : ERROR_CODES.usage.exit
    // What is no JSON commander has said itself.
    if (json && thrown.exitCode !== 0 && thrown.code !== 'commander.help')
      sayAsJson('usage', thrown.message.replace(/^error: /, ''))
    return
  }
  const error = asReactorError(thrown)
  if (json) sayAsJson(error.code, error.message)
  else process.stderr.write(`reactor: ${error.message.split('\n').map(cleanText).join('\n')}\n`)
  if (error.code === 'internal' && error.cause instanceof Error) process.stderr.write(`${error.cause.stack}\n`)
  process.exitCode = ERROR_CODES[error.code].exit
}

function sayAsJson(code: Code, message: string): void {
  process.stderr.write(`${JSON.stringify({ error: { code, message } })}\n`)
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

/** Ends a command that failed, once all its words are out, with its exit code: whatever still holds the loop. */
function exitSoon(): void {
  setTimeout(() => {
    const unread = [process.stdout, process.stderr].filter(stream => stream.writableLength > 0)
    let left = unread.length
    for (const stream of unread) stream.write('', () => --left === 0 && process.exit())
    if (left === 0) process.exit()
  }, 500).unref()
}

await main(process.argv).catch((thrown: unknown) => {
  fail(thrown)
  exitSoon()
})
