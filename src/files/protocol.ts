// What is said on `<ns>.file.<minion>`: requests as JSON, answers as JSON but for `read`, whose answer is the bytes themselves.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { cut } from '../base/text.ts'

/** Bytes that one `read` gives at most; less where the server takes smaller messages. */
export const CHUNK_BYTES = 512 * 1024
/** Requests of one minion that are worked on at once, and those that wait for that; more are refused. */
export const AT_ONCE = 4
export const MOST_WAITING = 64

const path = z.string()
const saltenv = z.string()
const request = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('envs') }),
  /** A page: those after `after`. */
  z.strictObject({ op: z.enum(['list', 'dirs']), saltenv, prefix: z.string(), after: z.string().optional() }),
  /** Answered with null where there is no such file. */
  z.strictObject({ op: z.literal('hash'), path, saltenv }),
  /**
   * Bytes `offset` to `offset + length` of the file as long as it has this hash; an empty answer: it has it no more.
   */
  z.strictObject({
    op: z.literal('read'),
    path,
    saltenv,
    hsum: z.string().regex(/^[0-9a-f]{64}$/),
    offset: z.number().int().min(0),
    length: z.number().int().min(1),
  }),
])

export type FileRequest = z.output<typeof request>
export type ListRequest = Extract<FileRequest, { op: 'list' | 'dirs' }>
export type ReadRequest = Omit<Extract<FileRequest, { op: 'read' }>, 'op'>

export interface ListPage {
  paths: string[]
  /** There are more after the last of them. */
  more: boolean
}

/** Throws `bad_argument`. */
export function readFileRequest(value: unknown): FileRequest {
  const read = request.safeParse(value)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw new ReactorError(
    'bad_argument',
    `a request for files must be one of envs, list, dirs, hash, read: ${cut(`${issue?.path.join('.')} ${issue?.message}`, 300)}`,
  )
}
