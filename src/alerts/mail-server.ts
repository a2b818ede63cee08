// Which mail server a call goes to and how: the call's arguments over the profile's, and never a profile's password to
// a server that the profile does not name.
import { ReactorError } from '../base/errors.ts'
import { isLoopback } from '../base/loopback.ts'
import type { Profiles } from '../functions/context.ts'
import { knownProfiles } from './pick-profile.ts'
import { type SmtpProfile, timeoutMs } from './profiles.ts'

export type TlsMode = 'starttls' | 'tls' | 'none'

export interface MailServer {
  host: string
  port: number
  tls: TlsMode
  login?: { username: string; password: string }
  timeoutMs: number
  ca?: string
  rejectUnauthorized: boolean
}

export interface ServerArgs {
  server?: string | undefined
  port?: number | undefined
  tls?: TlsMode | undefined
  username?: string | undefined
  password?: string | undefined
  timeout?: string | number | undefined
}

const PORT: Record<TlsMode, number> = { starttls: 587, tls: 465, none: 25 }
const DEFAULT_TIMEOUT = 30

/** Throws `bad_argument` where no server is named, a login is half, or arguments would lead a profile's password away. */
export function chooseServer(args: ServerArgs, profile: SmtpProfile | undefined, known: Profiles): MailServer {
  if ((args.username === undefined) !== (args.password === undefined)) {
    const [missing, given] = args.username === undefined ? ['username', 'password'] : ['password', 'username']
    throw refuse(`${missing} is missing: ${given} was given without it`)
  }
  const usesProfilesPassword = profile?.password !== undefined && args.password === undefined
  for (const name of ['server', 'port', 'tls'] as const) {
    if (usesProfilesPassword && args[name] !== undefined) {
      throw refuse(`${name}: the profile's password goes only to the server the profile names; leave '${name}' out`)
    }
  }
  const [host, ownPort] = splitPort(args.server ?? profile?.host)
  if (host === undefined) {
    throw refuse(`no mail server: give 'server', or a 'profile' with 'host'. ${knownProfiles('smtp', known)}`)
  }
  // Another server than the profile's has a port, a TLS mode and a certificate of its own.
  const defaults = args.server === undefined ? profile : undefined
  const givenPort = args.port ?? ownPort ?? defaults?.port
  const tls = args.tls ?? defaults?.tls ?? (givenPort === 465 ? 'tls' : isLoopback(host) ? 'none' : 'starttls')
  const username = args.username ?? profile?.username
  const password = args.password ?? profile?.password
  return {
    host,
    port: givenPort ?? PORT[tls],
    tls,
    ...(username !== undefined && password !== undefined ? { login: { username, password } } : {}),
    timeoutMs: timeoutMs(args.timeout ?? profile?.timeout ?? DEFAULT_TIMEOUT),
    ...(defaults?.ca === undefined ? {} : { ca: defaults.ca }),
    rejectUnauthorized: defaults?.reject_unauthorized ?? true,
  }
}

/** `mail.example.com:2525`, as Salt's `server` takes it, in two parts; an IPv6 address is left whole. */
function splitPort(server: string | undefined): [string | undefined, number | undefined] {
  const parts = server === undefined ? null : /^([^:\s]+):(\d{1,5})$/.exec(server)
  if (!parts) return [server, undefined]
  const port = Number(parts[2])
  if (port < 1 || port > 65535) throw refuse(`server: ${port} in '${server}' is no port; it goes from 1 to 65535`)
  return [parts[1], port]
}

function refuse(what: string): ReactorError {
  return new ReactorError('bad_argument', `smtp.send_msg: ${what}`)
}
