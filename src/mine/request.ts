// Requests on `<ns>.mine.<minion>` and their answers, and how large they may be. The subject names the minion, the body
// never does.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import type { MineEntry } from './rules.ts'

const tgt = z.union([z.string().min(1), z.array(z.string()).min(1)])
/** It is asked at every read: a short one costs little. */
const rule = tgt.refine(given => given.length <= 1000, 'a rule has at most 1000 characters, or 1000 ids')
const name = z
  .string()
  .min(1)
  .max(255)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it is about.
  .refine(text => !/[\x00-\x1f\x7f]/.test(text), 'a name has no control characters')

const mineRequest = z.discriminatedUnion('op', [
  z.strictObject({
    op: z.literal('send'),
    name,
    data: z.unknown(),
    allow: z.strictObject({ tgt: rule, tgt_type: z.string() }).optional(),
  }),
  z.strictObject({
    op: z.literal('get'),
    tgt,
    tgt_type: z.string(),
    names: z.array(name).min(1).max(100),
    /** Where the page before has ended. */
    after: z.strictObject({ minion: z.string(), name: z.string() }).optional(),
  }),
  z.strictObject({ op: z.literal('delete'), name }),
  z.strictObject({
    op: z.literal('flush'),
    /** Names that stay. */
    keep: z.array(name).optional(),
  }),
])

export type MineRequest = z.input<typeof mineRequest>
export type MineGet = Extract<MineRequest, { op: 'get' }>
export type MineSend = Extract<MineRequest, { op: 'send' }>
/** Answer to `get`; with `next` there is more: ask again after it. The others are answered by `true`. */
export interface MinePage {
  entries: MineEntry[]
  next?: { minion: string; name: string }
}

/** Throws `bad_argument`. */
export function readMineRequest(body: unknown): MineRequest {
  const read = mineRequest.safeParse(body)
  if (read.success) return read.data
  const issue = read.error.issues[0]!
  const place = issue.path.length > 0 ? `'${issue.path.join('.')}': ` : ''
  throw new ReactorError('bad_argument', `mine: ${place}${issue.message}`)
}

/** A quarter of a message: a page of entries then always fits one. */
export const entryLimit = (maxPayload: number): number => Math.floor(maxPayload / 4)

/** The data as JSON and its bytes. Throws `bad_argument` where they are too many. */
export function entryJson(entry: { name: string; data: unknown }, limit: number): { json: string; bytes: number } {
  const json = JSON.stringify(entry.data ?? null)
  const bytes = Buffer.byteLength(json)
  if (bytes <= limit) return { json, bytes }
  throw new ReactorError(
    'bad_argument',
    `mine entry '${entry.name}' has ${bytes} bytes, more than an entry may have (${limit}): send less of it`,
  )
}
