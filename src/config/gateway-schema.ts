// The section `gateway` of the configuration: where webhooks come in, who may send to which path, and how much.
import { BlockList, isIP } from 'node:net'
import { z } from 'zod'
import { parseDuration } from '../base/duration.ts'
import { errorMessage } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'

/** A signature is known again within the streams' window of repeats, which is as long. */
const MOST_TOLERANCE_MS = 10 * 60_000

const milliseconds = (least: number, most: number) =>
  z.union([z.string(), z.number()]).transform((text, context) => {
    let ms: number
    try {
      ms = parseDuration(text)
    } catch (error) {
      context.addIssue({ code: 'custom', message: errorMessage(error) })
      return z.NEVER
    }
    if (ms >= least && ms <= most) return ms
    context.addIssue({ code: 'custom', message: `expected ${least / 1000} s to ${most / 1000} s` })
    return z.NEVER
  })

/** Not the secret itself: config files are copied, shown and sent around. */
const secret = z.union([z.strictObject({ env: z.string().min(1) }), z.strictObject({ file: z.string().min(1) })], {
  error: 'expected {env: NAME} or {file: PATH}, where the secret stands; it is not written into the config itself',
})
const secrets = z
  .array(secret)
  .min(1)
  .max(10)
  .describe('each of them counts, so that one can take the place of another')

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'expected the name of an HTTP header')
  .transform(name => name.toLowerCase())

const tolerance = milliseconds(1000, MOST_TOLERANCE_MS).prefault('5m').describe('how far its timestamp may be from now')

const PLACE = /\{(\w*)\}/g

const hmac = z
  .strictObject({
    type: z.literal('hmac'),
    secrets,
    header: headerName.describe('where the signature stands'),
    algorithm: z.enum(['sha256', 'sha384', 'sha512', 'sha1']).default('sha256'),
    encoding: z.enum(['hex', 'base64']).default('hex'),
    prefix: z.string().max(40).default('').describe('what stands before it'),
    timestamp: headerName.optional().describe('where the time stands, seconds or milliseconds since 1970'),
    signed: z.string().max(200).optional().describe('what is signed, of {body} and {timestamp}'),
    tolerance: milliseconds(1000, MOST_TOLERANCE_MS).optional().describe('how far its timestamp may be from now'),
  })
  .superRefine(({ signed, timestamp, tolerance }, context) => {
    const fail = (message: string, path = 'signed') => context.addIssue({ code: 'custom', path: [path], message })
    if (tolerance !== undefined && timestamp === undefined) fail('needs the header of the timestamp', 'tolerance')
    if (signed === undefined) return
    const places = [...signed.matchAll(PLACE)].map(([, name]) => name)
    if (places.filter(name => name === 'body').length !== 1) fail('must have {body} in it, once')
    const other = places.find(name => name !== 'body' && name !== 'timestamp')
    if (other !== undefined) fail(`{${other}} is not known: there are {body} and {timestamp}`)
    if (places.includes('timestamp') !== (timestamp !== undefined))
      fail('{timestamp} and the header of the timestamp go together: one that is not signed proves nothing')
  })

const AUTH_EXPECTED = "expected type: bearer, github, slack, stripe or hmac; or 'none' in the place of it all"

const auth = z.union(
  [
    z.literal('none'),
    z.discriminatedUnion(
      'type',
      [
        z.strictObject({
          type: z.literal('bearer'),
          secrets,
          header: headerName.optional().describe('a header that holds the token alone; default: Authorization: Bearer'),
        }),
        z.strictObject({ type: z.literal('github'), secrets }),
        z.strictObject({ type: z.literal('slack'), secrets, tolerance }),
        z.strictObject({ type: z.literal('stripe'), secrets, tolerance }),
        hmac,
      ],
      { error: AUTH_EXPECTED },
    ),
  ],
  { error: AUTH_EXPECTED },
)

const network = z
  .string()
  .refine(
    text => parseNetwork(text) !== undefined,
    'expected an address or a network: 192.0.2.7, 192.0.2.0/24, 2001:db8::/32',
  )

/** The address and its prefix length; undefined where it is none. */
export function parseNetwork(text: string): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [, address = '', length] = /^([^/]+?)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address)
  if (version === 0 || address.includes('%')) return undefined
  const bits = version === 4 ? 32 : 128
  const prefix = length === undefined ? bits : Number(length)
  return prefix <= bits ? { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' } : undefined
}

/** All addresses of the networks. Throws `RangeError` on what `parseNetwork` does not take. */
export function networks(list: readonly string[]): BlockList {
  const all = new BlockList()
  for (const text of list) {
    const found = parseNetwork(text)
    if (!found) throw new RangeError(`${text} is no network`)
    all.addSubnet(found.address, found.prefix, found.family)
  }
  return all
}

/** Headers that are, or may be, a secret: they go into no event. */
const SECRET_HEADER =
  /^(?:authorization|proxy-authorization|cookie|set-cookie|.*(?:token|secret|signature|api-?key|password).*)$/

const shownHeaders = z.array(
  headerName.refine(name => !SECRET_HEADER.test(name), 'holds a secret by its name, and goes into no event'),
)

const rate = z.number().min(0)
const HOOK_FIELDS = ['kind', 'auth', 'allow', 'rate', 'max_body', 'headers', 'delivery_id']

const hook = z
  .strictObject(
    {
      kind: z.enum(['event', 'alertmanager']).default('event').describe('one event a request, or one an alert'),
      auth: auth.describe("who sends proves it by this; 'none': anybody"),
      allow: z.array(network).min(1).optional().describe('addresses and networks that may send; default: all'),
      rate: rate.default(100).describe('requests a second on average; 0: no limit'),
      max_body: z.number().int().min(1).optional().describe('bytes; default: gateway.max_body'),
      headers: shownHeaders.default([]).describe('further headers that go into the event'),
      delivery_id: z
        .union([z.strictObject({ header: headerName }), z.strictObject({ field: z.string().min(1).max(100) })])
        .optional()
        .describe('what names a delivery, so that one that comes again is stored once'),
    },
    {
      error: issue =>
        issue.code === 'unrecognized_keys'
          ? `unknown: ${issue.keys.join(', ')}.${didYouMean(issue.keys[0] ?? '', HOOK_FIELDS)}`
          : undefined,
    },
  )
  .superRefine(({ auth, delivery_id }, context) => {
    // Whoever repeats what they heard would only have to change a header that nobody signed.
    if (delivery_id && 'header' in delivery_id && auth !== 'none' && auth.type !== 'bearer')
      context.addIssue({
        code: 'custom',
        path: ['delivery_id'],
        message: 'a header is not signed, so it cannot name the delivery of a signed hook: name a {field} of the body',
      })
  })

export const DEFAULT_HEADERS = [
  'content-type',
  'user-agent',
  'x-event-key',
  'x-github-delivery',
  'x-github-event',
  'x-gitlab-event',
  'x-request-id',
  'x-slack-retry-num',
]

export const gatewaySchema = z
  .strictObject({
    host: z.string().default('127.0.0.1').describe('address that webhooks are taken on'),
    port: z.number().int().min(0).max(65535).default(8000).describe('port that webhooks are taken on; 0: a free one'),
    tls: z
      .strictObject({
        cert: z.string().describe('file with the certificate, and those between it and its authority'),
        key: z.string().describe('file with its key'),
      })
      .optional()
      .describe('HTTPS in the place of HTTP'),
    trusted_proxies: z
      .array(network)
      .default([])
      .describe('proxies whose X-Forwarded-For is believed: addresses and networks'),
    max_body: z
      .number()
      .int()
      .min(1)
      .default(256 * 1024)
      .describe('bytes of a body'),
    max_connections: z.number().int().min(1).default(512).describe('open connections; requests in hand are as many'),
    address_connections: z
      .number()
      .int()
      .min(0)
      .default(128)
      .describe('open connections of one address, a trusted proxy apart; 0: no limit of their own'),
    request_timeout: milliseconds(100, 300_000).prefault('10s').describe('within which a whole request must have come'),
    store_timeout: milliseconds(100, 300_000)
      .prefault('5s')
      .describe('within which its event must be stored; the answer is 503 then'),
    address_rate: rate.default(50).describe('requests a second of one address on average; 0: no limit'),
    headers: shownHeaders.default(DEFAULT_HEADERS).describe('headers that go into events'),
    request_events: z
      .boolean()
      .default(false)
      .describe('a second event salt/netapi/<path> for each accepted request, without what it brought'),
    hooks: z
      .record(
        z
          .string()
          .max(500)
          .regex(
            /^\/hook(?:\/[^/\s]+)+$/,
            "expected a path such as /hook/ci/build, or a glob such as '/hook/github/**'",
          ),
        hook,
      )
      .default({})
      .describe('paths, or globs of them, with what is asked of who sends there (docs/webhooks.md)'),
  })
  .prefault({})

export type GatewayConfig = z.output<typeof gatewaySchema>
export type HookConfig = GatewayConfig['hooks'][string]
export type AuthConfig = Exclude<HookConfig['auth'], 'none'>
