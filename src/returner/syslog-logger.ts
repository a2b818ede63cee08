// The program `logger`, which writes to the local syslog: Node has no datagram sockets of the file system.
import { spawn } from 'node:child_process'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { cut } from '../base/text.ts'
import { type LineOptions, MAX_LINE } from './syslog-line.ts'

export interface LoggerOptions extends LineOptions {
  /** The socket; default: the program's own choice, mostly `/dev/log`. */
  path?: string | undefined
}

/** Resolves once it has written all lines. Throws `unreachable`. */
export async function runLogger(
  { level, facility, tag, path }: LoggerOptions,
  lines: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const args = ['--priority', `${facility}.${level}`, '--tag', tag, '--size', String(MAX_LINE), '--socket-errors=on']
  const child = spawn('logger', path === undefined ? args : [...args, '--socket', path], {
    stdio: ['pipe', 'ignore', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  })
  let said = ''
  child.stderr.on('data', chunk => {
    said = cut(said + String(chunk), 500)
  })
  // Where it ends early its exit says why.
  child.stdin.on('error', () => undefined)
  child.stdin.end(`${lines.join('\n')}\n`)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', error => reject(notRun(error)))
    child.once('close', resolve)
  })
  if (code !== 0 || said !== '')
    throw new ReactorError('unreachable', `the program 'logger' failed (${code ?? 'killed'}): ${said.trim()}`)
}

function notRun(error: Error): ReactorError {
  const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
  const advice = missing ? "install util-linux, or set 'syslog.address'" : errorMessage(error)
  return new ReactorError('unreachable', `the program 'logger' cannot be run: ${advice}`)
}
