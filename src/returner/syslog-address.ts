// Where lines of syslog go, as people write it.
export type SyslogAddress =
  | { by: 'udp' | 'tcp'; host: string; port: number }
  /** Through the program `logger`; without a path to the socket of its own. */
  | { by: 'logger'; path?: string }

const SYSLOG_PORT = 514

/** `udp://host:514`, `tcp://[::1]`, `unix:/dev/log`; undefined of anything else. */
export function readAddress(text: string): SyslogAddress | undefined {
  const path = /^unix:(?:\/\/)?(\/.+)$/.exec(text)?.[1]
  if (path !== undefined) return { by: 'logger', path }
  const by = /^(udp|tcp):\/\//.exec(text)?.[1] as 'udp' | 'tcp' | undefined
  if (by === undefined || !URL.canParse(text)) return undefined
  const { hostname, port, pathname, search, username } = new URL(text)
  if (hostname === '' || username || search || !['', '/'].includes(pathname)) return undefined
  return { by, host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? SYSLOG_PORT : Number(port) }
}
