// Turns the last words of a nats-server that ended before it was ready into one clear error.
import { type Code, ReactorError } from '../../base/errors.ts'

const PREFIX = /^\[\d+\] \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d\.\d+ \[[A-Z]{3}\] |^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /
const PORT_TAKEN = /listen tcp\S* (\S*):(\d+): bind: address already in use/
const NOT_WRITABLE =
  /permission denied|read-only file system|no space left|not permitted|storage directory|opening file/

/** `log` is what the server wrote since it was started; `ending` says how it ended, for a log that says nothing. */
export function startupFailure(log: string, ending: string, configFile: string): ReactorError {
  const lines = log.split('\n').filter(line => line.trim() !== '')
  // A fatal line comes last of what the server logs; a panic prints its reason first and its stack after.
  const fatal =
    lines.findLast(line => line.includes(' [FTL] ')) ?? lines.find(line => /^(panic|fatal error): /.test(line))
  const said = lines.findLast(line => line.startsWith('nats-server: '))?.slice('nats-server: '.length)
  const last = (fatal ?? lines.at(-1) ?? '').replace(PREFIX, '').trim()
  const error = (code: Code, message: string, details: Record<string, unknown> = {}) =>
    new ReactorError(code, message, { ...details, line: said ?? last })

  const [, host, port] = PORT_TAKEN.exec(last) ?? []
  if (port !== undefined) {
    const place = host ? `port ${port} of ${host}` : `port ${port}`
    const fix = 'stop it, or choose another port (0 takes any free one)'
    return error('port_in_use', `${place} is taken by another process; ${fix}`, { port: Number(port) })
  }
  if (fatal === undefined && said !== undefined) {
    return error('bad_config', `nats-server does not take its configuration ${configFile}: ${said}`)
  }
  // `bind: permission denied` is about the right to a port, not about a folder.
  if (NOT_WRITABLE.test(last) && !last.includes('bind:')) {
    return error(
      'unwritable',
      `nats-server cannot write its files: ${last} (its folders are named in ${configFile}); make the folder writable or choose another`,
    )
  }
  return error('child_died', `nats-server ended before it was ready (${ending}): ${last || 'its log says nothing'}`)
}
