// Arguments and profile of an `http.query` become one checked plan: what is sent where, and what counts as an answer.
import { createHash } from 'node:crypto'
import { ReactorError } from '../base/errors.ts'
import { type BodyArgs, buildBody, type Decode } from './http-body.ts'
import { type HeaderInput, type Headers, mergeHeaders } from './http-headers.ts'
import { parseStatus, type StatusSpec } from './http-status.ts'
import { buildUrl, isAllowed, type Params } from './http-url.ts'
import { type HttpProfile, timeoutMs } from './profiles.ts'
import { createScrub, displayUrl, type Scrub, secretParams } from './secrets.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'

export interface QueryArgs extends BodyArgs {
  url?: string | undefined
  method: Method
  params?: Params | undefined
  headers?: HeaderInput | undefined
  header_dict?: HeaderInput | undefined
  username?: string | undefined
  password?: string | undefined
  bearer?: string | undefined
  timeout?: string | number | undefined
  redirects: number
  status: StatusSpec
  decode: Decode
  max_size: number
  retries: number
  verify_ssl?: boolean | undefined
}

export interface Plan {
  url: URL
  method: Method
  headers: Headers
  body?: string
  redirects: number
  retries: number
  maxSize: number
  timeoutMs: number
  decode: Decode
  statusText: string
  expected(status: number): boolean
  /** True where a redirect may lead. */
  mayFollow(url: URL): boolean
  tls: { rejectUnauthorized: boolean; ca?: string }
  scrub: Scrub
  show(url: URL): string
}

const DEFAULT_TIMEOUT = 30
const SECRET_HEADER = /auth|cookie|key|passw|secret|sign|token/

/** `key` names the work over its retries. Throws `bad_argument`; makes no connection. */
export function planQuery(args: QueryArgs, profile: HttpProfile | undefined, key: string): Plan {
  const url = buildUrl(args.url, args.params, profile)
  const login = takeLogin(args, url, profile)
  const { body, headers } = buildBody(args, args.method)
  const sent = mergeHeaders(
    { accept: '*/*', 'accept-encoding': 'gzip, br', 'user-agent': 'reactor' },
    headers,
    args.method === 'GET' ? {} : { 'idempotency-key': idempotencyKey(key) },
    profile?.headers,
    login.header === undefined ? {} : { authorization: login.header },
    args.header_dict,
    args.headers,
  )
  if (args.verify_ssl === false && profile) {
    throw refuse("verify_ssl: the profile's secrets go only to a server that proves who it is; set it in the profile")
  }
  const scrub = createScrub([
    ...login.secrets,
    ...headerSecrets(sent),
    ...profileSecrets(profile),
    ...secretParams(url),
  ])
  const base = profile?.url === undefined ? undefined : new URL(profile.url)
  return {
    url,
    method: args.method,
    headers: sent,
    ...(body === undefined ? {} : { body }),
    redirects: args.redirects,
    retries: args.retries,
    maxSize: args.max_size,
    timeoutMs: timeoutMs(args.timeout ?? profile?.timeout ?? DEFAULT_TIMEOUT),
    decode: args.decode,
    statusText: [args.status].flat().join(', '),
    expected: parseStatus(args.status),
    mayFollow: next => profile?.allow_hosts === undefined || isAllowed(next, profile),
    tls: {
      rejectUnauthorized: args.verify_ssl ?? profile?.verify_ssl ?? true,
      ...(profile?.ca === undefined ? {} : { ca: profile.ca }),
    },
    scrub,
    show: shown => scrub(displayUrl(shown, base)),
  }
}

/** The login of the arguments, of the URL, or of the profile, in this order; takes it out of the URL. */
function takeLogin(args: QueryArgs, url: URL, profile: HttpProfile | undefined) {
  const inUrl = url.username || url.password ? [decode(url.username), decode(url.password)] : undefined
  url.username = ''
  url.password = ''
  if ((args.username === undefined) !== (args.password === undefined)) {
    throw refuse("needs 'username' and 'password' together, or neither")
  }
  const given = [args.username, args.bearer, inUrl].filter(value => value !== undefined)
  if (given.length > 1) throw refuse("takes one login: 'username' and 'password', 'bearer', or one in the url")
  const own = given.length > 0
  const bearer = own ? args.bearer : profile?.bearer
  const username = own ? (args.username ?? inUrl?.[0]) : profile?.username
  const password = own ? (args.password ?? inUrl?.[1]) : profile?.password
  if (bearer !== undefined) return { header: `Bearer ${bearer}`, secrets: [bearer] }
  if (username === undefined || password === undefined) return { header: undefined, secrets: [] }
  const basic = Buffer.from(`${username}:${password}`).toString('base64')
  return { header: `Basic ${basic}`, secrets: [password, basic] }
}

function profileSecrets(profile: HttpProfile | undefined): (string | undefined)[] {
  if (!profile) return []
  const base = profile.url === undefined ? undefined : new URL(profile.url)
  // Chat services put the secret of a hook into its path.
  const path = base && base.pathname.length > 16 ? base.pathname : undefined
  return [
    profile.password,
    profile.bearer,
    ...Object.values(profile.headers ?? {}),
    path,
    ...(base ? base.searchParams.values() : []),
  ]
}

function headerSecrets(headers: Headers): (string | undefined)[] {
  return Object.entries(headers)
    .filter(([name]) => SECRET_HEADER.test(name) && name !== 'idempotency-key')
    .flatMap(([, value]) => [value, /^\w+ (\S+)$/.exec(value)?.[1]])
}

/** The key itself where a header can hold it, else a hash of it that is as stable. */
function idempotencyKey(key: string): string {
  return /^[\x21-\x7e]{1,200}$/.test(key) ? key : createHash('sha256').update(key).digest('hex')
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function refuse(what: string): ReactorError {
  return new ReactorError('bad_argument', `http.query ${what}`)
}
