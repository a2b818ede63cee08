// The declaration of `http.query`, which minions and job workers both have.
import { z } from 'zod'
import { common } from '../functions/define.ts'
import { address, fixed, namedValues } from '../functions/guards.ts'
import { timeoutSchema } from './profiles.ts'

const scalar = z.union([z.string(), z.number(), z.boolean()])
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

export const httpQuery = common({
  doc: `Makes an HTTP request; returns {status, headers, body or dict, url, tries}. Another status than expected is a failure.
    A profile of the config (http: {hook: {url, headers, bearer, …}}) holds the address and the secrets.
    Example: reactor run http.query https://example.com/deploys method=POST json='{"version": 7}'`,
  args: {
    url: z.string().optional().describe('http or https; with a profile that has a url, relative to that one'),
    method: z.string().toUpperCase().pipe(z.enum(METHODS)).default('GET').describe(METHODS.join(', ')),
    params: z
      .record(z.string(), z.union([scalar, z.array(scalar)]))
      .optional()
      .describe('query parameters'),
    headers: z.record(z.string(), scalar).optional().describe('request headers'),
    header_dict: z.record(z.string(), scalar).optional().describe("Salt's name for headers"),
    data: z.string().optional().describe('the body as it is'),
    json: z.unknown().optional().describe('the body, sent as JSON'),
    form: z.record(z.string(), scalar).optional().describe('the body, sent as a web form'),
    username: z.string().min(1).optional().describe('basic authentication'),
    password: z.string().optional(),
    bearer: z.string().min(1).optional().describe('token for Authorization: Bearer'),
    profile: z.string().optional().describe('name of an http profile of the config'),
    timeout: timeoutSchema.optional().describe('for all tries and waits together, in seconds or as 30s; default 30'),
    redirects: z.number().int().min(0).max(20).default(5).describe('how many to follow'),
    status: z
      .union([z.number(), z.string(), z.array(z.union([z.number(), z.string()])).min(1)])
      .default('2xx')
      .describe('what counts as success: 200, 2xx, 200-204 or a list'),
    decode: z.enum(['auto', 'json', 'text', 'none']).default('auto').describe('what to do with the body'),
    max_size: z.number().int().min(0).max(104_857_600).default(1_048_576).describe('bytes of the body, decompressed'),
    retries: z.number().int().min(0).max(20).default(3).describe('after 429, 500, 502, 503, 504, a failed connection'),
    verify_ssl: z.boolean().optional().describe('false takes any certificate: for tests alone'),
  },
  guards: {
    url: address,
    method: fixed('what is asked of the server'),
    headers: namedValues('request headers'),
    header_dict: namedValues('request headers'),
    profile: fixed('what the secrets are taken from'),
    verify_ssl: fixed('what the server has to prove'),
  },
  idempotent: false,
  async run({ profile, ...args }, context) {
    // Loaded by the first request: the HTTP client would be a tenth of a minion's memory.
    const { runQuery } = await import('./http-tries.ts')
    return runQuery(args, profile, context)
  },
})
