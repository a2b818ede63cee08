// Values larger than a message: cut into parts of one JSON text, told of by a ref, put together again. A minion's parts
// are stored under its own escaped id, so that none can touch, or have others fetch, what is another's.
import { createHash } from 'node:crypto'
import { ReactorError } from '../base/errors.ts'
import { isObject, parseForeignJson } from '../base/json.ts'
import type { PayloadRef } from './job.ts'
import { escapeId } from './token.ts'

/** On a part that a minion uploads: `<name>/<part>`. On an answer: the ref of what it stands for, as JSON. */
export const PAYLOAD_HEADER = 'Reactor-Payload'

/** Request of `<ns>.history.payload`; answered by the bytes of that part. */
export interface PayloadRequest {
  name: string
  /** From 0 on. */
  part: number
}

/** Answer to a part that a minion uploads. */
export interface UploadAnswer {
  ok: boolean
  reason?: string
  /** The same part may be taken later. A refusal without it is final, as all of older workers are. */
  again?: true
}

export const MAX_PARTS = 10_000
/** Bytes; a larger text is more than the JavaScript of a reader can hold. */
export const MAX_PAYLOAD = 500_000_000
/** Room for subject and headers beside a part. */
const FRAME_BYTES = 8192

/** What a minion may call a payload: a jid is one. */
const OWN_NAME = /^[A-Za-z0-9_-]{1,64}$/
const STORED_NAME = /^[A-Za-z0-9_=-]{1,2400}\.[A-Za-z0-9_-]{1,64}$/

/** Under which services store answers: no minion's id is escaped to it, and what follows it cannot be guessed. */
export const ANSWERS = '_answers'
export const isAnswerName = (name: string): boolean => name.startsWith(`${ANSWERS}.`)

export const isStoredName = (name: unknown): name is string => typeof name === 'string' && STORED_NAME.test(name)
export const isPart = (part: unknown): part is number =>
  Number.isSafeInteger(part) && (part as number) >= 0 && (part as number) < MAX_PARTS

/** The name under which the parts of a minion's payload are stored. */
export const storedName = (minion: string, name: string): string => `${escapeId(minion)}.${name}`

/** The ref of a minion's return as readers of the store need it. */
export const payloadOf = (minion: string, ref: PayloadRef): PayloadRef => ({
  ...ref,
  name: storedName(minion, ref.name),
})

/** What is wrong with a ref that a minion made; undefined: nothing is. */
export function payloadProblem(ref: unknown): string | undefined {
  if (!isObject(ref)) return "its 'payload' must be a map {name, parts, size, sha256}"
  const { name, parts, size, sha256 } = ref
  if (typeof name !== 'string' || !OWN_NAME.test(name))
    return "the payload's 'name' must be 1 to 64 of A-Z, a-z, 0-9, '_' and '-'"
  if (!Number.isSafeInteger(parts) || (parts as number) < 1 || (parts as number) > MAX_PARTS)
    return `the payload's 'parts' must be a whole number from 1 to ${MAX_PARTS}`
  if (!Number.isSafeInteger(size) || (size as number) < 1 || (size as number) > MAX_PAYLOAD)
    return `the payload's 'size' must be bytes, at most ${MAX_PAYLOAD}`
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256))
    return "the payload's 'sha256' must be 64 hex digits"
  return undefined
}

/** `<name>/<part>` as a minion writes it into the header of an upload; undefined where it is not of that form. */
export function readPartHeader(text: string | undefined): PayloadRequest | undefined {
  const [name = '', digits = '', ...rest] = text?.split('/') ?? []
  const part = /^\d{1,5}$/.test(digits) ? Number(digits) : -1
  return rest.length === 0 && OWN_NAME.test(name) && isPart(part) ? { name, part } : undefined
}

/** Cuts the bytes into parts that fit a message of `maxPayload` bytes. Throws `bad_argument` above the largest payload. */
export function splitPayload(
  name: string,
  bytes: Uint8Array,
  maxPayload: number,
): { ref: PayloadRef; parts: Uint8Array[] } {
  const partBytes = Math.max(1, maxPayload - FRAME_BYTES)
  const count = Math.max(1, Math.ceil(bytes.length / partBytes))
  if (bytes.length > MAX_PAYLOAD || count > MAX_PARTS)
    throw new ReactorError(
      'bad_argument',
      `${bytes.length} bytes are more than a value may have (${Math.min(MAX_PAYLOAD, MAX_PARTS * partBytes)})`,
    )
  const parts = Array.from({ length: count }, (_, part) => bytes.subarray(part * partBytes, (part + 1) * partBytes))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { ref: { name, parts: count, size: bytes.length, sha256 }, parts }
}

/** Fetches every part, a few at a time, and gives the value. Throws `damaged_payload` when it is not what the ref says. */
export async function collectPayload(
  ref: PayloadRef,
  fetchPart: (part: number) => Promise<Uint8Array>,
): Promise<unknown> {
  const wrong = (what: string) => new ReactorError('damaged_payload', `payload '${ref.name}' ${what}`)
  const parts: Uint8Array[] = []
  let size = 0
  for (let from = 0; from < ref.parts; from += AT_ONCE) {
    const next = Array.from({ length: Math.min(AT_ONCE, ref.parts - from) }, (_, n) => fetchPart(from + n))
    for (const part of await Promise.all(next)) {
      size += part.length
      if (size > ref.size) throw wrong(`has more than the ${ref.size} bytes that its return says`)
      parts.push(part)
    }
  }
  const bytes = Buffer.concat(parts)
  if (bytes.length !== ref.size) throw wrong(`has ${bytes.length} bytes, and its return says ${ref.size}`)
  if (createHash('sha256').update(bytes).digest('hex') !== ref.sha256)
    throw wrong('is not the bytes whose hash its return gives')
  try {
    return parseForeignJson(bytes.toString('utf8'))
  } catch {
    throw wrong('is no JSON')
  }
}

const AT_ONCE = 4
