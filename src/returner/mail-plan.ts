// Where the mails of the returner go: its own settings or a profile of the config, never a mixture of both.
import { type Address, parseAddresses } from '../alerts/addresses.ts'
import { chooseServer, type MailServer, type TlsMode } from '../alerts/mail-server.ts'
import { knownProfiles, pickProfile } from '../alerts/pick-profile.ts'
import type { SmtpProfile } from '../alerts/profiles.ts'
import { ReactorError } from '../base/errors.ts'
import type { Profiles } from '../functions/context.ts'
import { badSetting } from './bad-setting.ts'

export interface MailPlanOptions {
  profile?: string | undefined
  from?: string | string[] | undefined
  to?: string | string[] | undefined
  host?: string | undefined
  port?: number | undefined
  username?: string | undefined
  password?: string | undefined
  tls?: boolean | TlsMode | undefined
  timeout?: string | number | undefined
}

export interface MailPlan {
  server: MailServer
  from: Address
  to: Address[]
  cc: Address[]
}

const DEFAULT_TIMEOUT = '10s'
const SERVER_KEYS = ['host', 'port', 'username', 'password', 'tls'] as const

/** Throws `bad_config`. */
export function planMail(options: MailPlanOptions, known: Profiles): MailPlan {
  const profile = badSetting('smtp', 'profile', () => pickProfile<SmtpProfile>('smtp', options.profile, known))
  const both = profile && SERVER_KEYS.find(key => options[key] !== undefined)
  if (both) throw wrong(`'smtp.${both}' and 'smtp.profile' are both set: the profile names the server; leave one out`)
  const { host, port, username, password, tls } = options
  if (host === undefined && profile?.host === undefined)
    throw wrong(`there is no mail server: set 'smtp.host', or 'smtp.profile'. ${knownProfiles('smtp', known)}`)
  if ((username === undefined) !== (password === undefined))
    throw wrong("'smtp.username' and 'smtp.password' go together: set both, or neither")
  const timeout = options.timeout ?? profile?.timeout ?? DEFAULT_TIMEOUT
  const server = badSetting('smtp', 'host', () =>
    chooseServer({ server: host, port, username, password, tls: tlsMode(tls), timeout }, profile, known),
  )
  const addresses = (key: 'from' | 'to' | 'cc', value: string | string[] | undefined) =>
    badSetting('smtp', key, () => parseAddresses(key, value))
  const [from, ...others] = addresses('from', options.from ?? profile?.from)
  if (!from || others.length > 0) throw wrong("'smtp.from' is one mail address, such as reactor@example.com")
  const to = addresses('to', options.to ?? profile?.to)
  if (to.length === 0) throw wrong("'smtp.to' is missing: give mail addresses, such as ops@example.com")
  return { server, from, to, cc: addresses('cc', profile?.cc) }
}

/** Salt has true and false. */
const tlsMode = (tls: MailPlanOptions['tls']): TlsMode | undefined =>
  typeof tls === 'boolean' ? (tls ? 'starttls' : 'none') : tls

const wrong = (what: string): ReactorError => new ReactorError('bad_config', what)
