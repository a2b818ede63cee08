// Named settings of the alerts, as the config holds them: `smtp: {ops-mail: {…}}`, `http: {hook: {…}}`.
// Schemas, the secrets behind `{env: NAME}` and `{file: PATH}`, and what of a profile may be shown.
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { parseDuration } from '../base/duration.ts'
import { ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { parseAddresses } from './addresses.ts'
import { readCertificate, readSecret, type SecretSources } from './secret-sources.ts'
import { displayUrl, MASK } from './secrets.ts'

const DAY = 86_400_000

/** Seconds as a number, or text such as `500ms`, `30s`, `2m`; more than nothing and at most a day. */
export const timeoutSchema = z
  .union([z.number(), z.string()])
  .refine(accepts(timeoutMs), 'expected a time limit from 1ms to 1d, such as 10 (seconds) or 30s')
  .describe('time limit in seconds, or text such as 500ms, 30s, 2m')

const secretSchema = z
  .union([
    z.string().min(1),
    z.strictObject({ env: z.string().min(1).describe('name of an environment variable') }),
    z.strictObject({ file: z.string().min(1).describe('path of a file that holds it') }),
  ])
  .describe('the secret itself, {env: NAME} or {file: PATH}')
const addresses = z.union([z.string(), z.array(z.string())]).refine(
  accepts((value: string | string[]) => parseAddresses('address', value)),
  'expected mail addresses such as ops@example.com',
)
const ca = z
  .string()
  .min(1)
  .describe('certificate authorities to trust in place of the usual ones: a PEM file or PEM text')

const smtpProfileSchema = z
  .strictObject({
    host: z.string().min(1).optional(),
    port: z.number().int().min(1).max(65535).optional(),
    tls: z.enum(['starttls', 'tls', 'none']).optional(),
    username: z.string().min(1).optional(),
    password: secretSchema.optional(),
    from: addresses.optional(),
    to: addresses.optional(),
    cc: addresses.optional(),
    attachment_dirs: z
      .array(z.string().refine(isAbsolute, 'a folder is named by its absolute path'))
      .optional()
      .describe('folders whose files may be attached by their path; default: none'),
    timeout: timeoutSchema.optional(),
    ca: ca.optional(),
    reject_unauthorized: z.boolean().optional().describe('false takes any certificate: for tests alone'),
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), {
    message: "needs 'username' and 'password' together, or neither",
  })
  .refine(({ host, password }) => password === undefined || host !== undefined, {
    message: "needs 'host': a password goes to the server it is for and to no other",
  })

const httpProfileSchema = z
  .strictObject({
    url: secretSchema.optional().describe('base address; a relative url of a call is joined to it'),
    headers: z.record(z.string().min(1), secretSchema).optional(),
    username: z.string().min(1).optional(),
    password: secretSchema.optional(),
    bearer: secretSchema.optional(),
    timeout: timeoutSchema.optional(),
    ca: ca.optional(),
    verify_ssl: z.boolean().optional().describe('false takes any certificate: for tests alone'),
    allow_hosts: z.array(z.string().min(1)).min(1).optional().describe('hosts (host or host:port) besides that of url'),
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), {
    message: "needs 'username' and 'password' together, or neither",
  })
  .refine(({ bearer, password }) => bearer === undefined || password === undefined, {
    message: "takes 'bearer' or 'username' and 'password', not both",
  })
  .refine(profile => profile.url !== undefined || profile.allow_hosts !== undefined, {
    message: "needs 'url' or 'allow_hosts': what a profile holds goes to the servers it is for and to no other",
  })

type Resolved<T, S extends keyof T> = Omit<T, S> & { [K in S]?: string }
/** A profile in force: secrets are text, `ca` is PEM. */
export type SmtpProfile = Resolved<z.output<typeof smtpProfileSchema>, 'password' | 'ca'>
export type HttpProfile = Resolved<
  Omit<z.output<typeof httpProfileSchema>, 'headers'>,
  'url' | 'password' | 'bearer' | 'ca'
> & { headers?: Record<string, string> }

export interface ProfilesInput {
  smtp?: Record<string, unknown>
  http?: Record<string, unknown>
}
export interface ResolvedProfiles {
  smtp: Record<string, SmtpProfile>
  http: Record<string, HttpProfile>
}
/** Validates every profile and reads its secrets. Throws `bad_config` that names the profile, the key and the source. */
export function resolveProfiles(raw: ProfilesInput, sources: SecretSources = {}): ResolvedProfiles {
  const smtp = mapProfiles('smtp', raw.smtp, smtpProfileSchema, (place, { password, ca, ...rest }): SmtpProfile => {
    return {
      ...rest,
      ...(password === undefined ? {} : { password: readSecret(place, 'password', password, sources) }),
      ...(ca === undefined ? {} : { ca: readCertificate(place, ca, sources) }),
    }
  })
  const http = mapProfiles('http', raw.http, httpProfileSchema, (place, profile): HttpProfile => {
    const { url, password, bearer, ca, headers, ...rest } = profile
    const values = Object.entries(headers ?? {}).map(([name, value]) => [
      name,
      readSecret(place, `headers.${name}`, value, sources),
    ])
    return {
      ...rest,
      ...(url === undefined ? {} : { url: baseUrl(place, readSecret(place, 'url', url, sources)) }),
      ...(password === undefined ? {} : { password: readSecret(place, 'password', password, sources) }),
      ...(bearer === undefined ? {} : { bearer: readSecret(place, 'bearer', bearer, sources) }),
      ...(ca === undefined ? {} : { ca: readCertificate(place, ca, sources) }),
      ...(headers === undefined ? {} : { headers: Object.fromEntries(values) as Record<string, string> }),
    }
  })
  return { smtp, http }
}

/** The profile as it may be shown: secrets masked, the names of their sources kept. */
export function redact(profile: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(profile).map(([key, value]) => [key, redactField(key, value)]))
}

function redactField(key: string, value: unknown): unknown {
  if (key === 'headers' && typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, redactField('password', inner)]))
  }
  if (typeof value !== 'string') return value
  if (key === 'password' || key === 'bearer') return MASK
  if (key === 'ca' && value.includes('-----BEGIN')) return '[certificate]'
  if (key === 'url') return URL.canParse(value) ? displayUrl(new URL(value), new URL(value)) : MASK
  return value
}

function mapProfiles<S extends z.ZodObject, T>(
  kind: string,
  raw: Record<string, unknown> | undefined,
  schema: S,
  resolveOne: (place: string, profile: z.output<S>) => T,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(raw ?? {}).map(([name, value]) => {
      const place = `${kind} profile '${name}'`
      const parsed = schema.safeParse(value)
      if (!parsed.success) {
        const problem = explain(parsed.error.issues[0]!, Object.keys(schema.shape))
        throw new ReactorError('bad_config', `${place}: ${problem}`)
      }
      return [name, resolveOne(place, parsed.data)]
    }),
  )
}

function baseUrl(place: string, text: string): string {
  // The text itself may hold a secret, so the message does not repeat it.
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new ReactorError('bad_config', `${place}: url: expected an address such as https://example.com/hooks`)
  }
  const url = new URL(text)
  if (url.username || url.password) {
    throw new ReactorError('bad_config', `${place}: url: holds a user or password; write 'username' and 'password'`)
  }
  return text
}

function explain(issue: z.core.$ZodIssue, keys: readonly string[]): string {
  const path = issue.path.map(String).join('.')
  const hint = issue.code === 'unrecognized_keys' ? `.${didYouMean(issue.keys[0]!, keys)}` : ''
  return `${path ? `${path}: ` : ''}${issue.message}${hint}`
}

/** Milliseconds of a time limit. Throws `bad_argument` outside 1 ms to a day. */
export function timeoutMs(value: string | number): number {
  const ms = parseDuration(value)
  if (ms >= 1 && ms <= DAY) return ms
  throw new ReactorError('bad_argument', `'${value}' is no time limit: it goes from 1ms to 1d`)
}

/** True where `check` does not throw: lets a parser that explains itself serve as a schema's refinement. */
function accepts<T>(check: (value: T) => unknown): (value: T) => boolean {
  return value => {
    try {
      check(value)
      return true
    } catch (error) {
      if (error instanceof ReactorError) return false
      throw error
    }
  }
}
