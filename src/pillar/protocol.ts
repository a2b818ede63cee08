// What is said on `<ns>.pillar.<minion>`, and by job workers on `<ns>.pillar._jobs`.
import { gunzipSync, gzipSync } from 'node:zlib'
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { isObject, parseForeignJson } from '../base/json.ts'
import { cut } from '../base/text.ts'

const map = z.record(z.string(), z.unknown())
const env = z.string().max(100)
const common = { override: map.optional(), saltenv: env.optional(), pillarenv: env.optional() }

/** A minion's own; who it is, the subject says. */
const ofMinion = z.strictObject({
  ...common,
  grains: map,
  /** It goes on with this pillar: targets see it from now on. */
  keep: z.boolean().default(false),
})
/** A job worker's, of any minion. */
const ofJobs = z.strictObject({
  ...common,
  minion: z.string().min(1),
  /** Without them, as the minion sent them last. */
  grains: map.optional(),
  show: z.enum(['pillar', 'top']).default('pillar'),
})

export type MinionPillarRequest = z.input<typeof ofMinion>
export type JobsPillarRequest = z.input<typeof ofJobs>

/** Throws `bad_argument`. */
export const readMinionRequest = (value: unknown): z.output<typeof ofMinion> => read(ofMinion, value)
export const readJobsRequest = (value: unknown): z.output<typeof ofJobs> => read(ofJobs, value)

function read<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new ReactorError(
    'bad_argument',
    `a request for pillar: ${cut(`${issue?.path.join('.')} ${issue?.message}`.trim(), 300)}`,
  )
}

export interface PillarAnswer {
  value: Record<string, unknown>
  errors: string[]
  /** Those that stand in the value, for its minion to hide; job workers get `[redacted]` in their place. */
  secrets: string[]
}

export interface TopAnswer {
  matches: Record<string, string[]>
  errors: string[]
}

/** Bytes that are compressed before they are sent, at most: of a whole fleet's answers the master keeps some at once. */
const MOST_BYTES = 16 * 1024 * 1024

/** As it is sent: compressed where it would not fit a message. Throws `function_failed` where it does not even so. */
export function encodeAnswer(answer: PillarAnswer | TopAnswer, limit: number): Buffer {
  const plain = Buffer.from(JSON.stringify(answer))
  if (plain.length <= limit) return plain
  const tooLarge = (size: string) =>
    new ReactorError(
      'function_failed',
      `the pillar has ${size}, more than a message may have (${limit}): make it smaller`,
    )
  if (plain.length > MOST_BYTES) throw tooLarge(`${plain.length} bytes`)
  const packed = Buffer.from(JSON.stringify({ gzip: gzipSync(plain).toString('base64') }))
  if (packed.length > limit) throw tooLarge(`${plain.length} bytes, and ${packed.length} when it is compressed`)
  return packed
}

export function decodeAnswer<T>(answer: unknown): T {
  if (!isObject(answer) || typeof answer.gzip !== 'string') return answer as T
  const plain = gunzipSync(Buffer.from(answer.gzip, 'base64'), { maxOutputLength: MOST_BYTES })
  return parseForeignJson(plain.toString()) as T
}
