// Bodies of an HTTP call: the one that is sent, and reading the answer's without ever holding more than the bound.
import type { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { ReactorError } from '../base/errors.ts'
import { oneLine, type Scrub, scrubDeep } from './secrets.ts'

export type Decode = 'auto' | 'json' | 'text' | 'none'
export interface BodyArgs {
  data?: string | undefined
  json?: unknown
  form?: Readonly<Record<string, string | number | boolean>> | undefined
}

/** The body to send and its content type. Throws `bad_argument` where more than one is given. */
export function buildBody(args: BodyArgs, method: string): { body?: string; headers: Record<string, string> } {
  const given = (['data', 'json', 'form'] as const).filter(name => args[name] !== undefined)
  if (given.length === 0) return { headers: {} }
  if (given.length > 1) throw refuse(`takes one body, got ${given.join(' and ')}`)
  if (method === 'GET' || method === 'HEAD') {
    throw refuse(`${given[0]}: a ${method} request has no body; add method=POST (or PUT, PATCH, DELETE)`)
  }
  if (args.data !== undefined) return { body: args.data, headers: {} }
  if (args.json !== undefined) {
    return { body: JSON.stringify(args.json), headers: { 'content-type': 'application/json' } }
  }
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(args.form ?? {})) form.append(name, String(value))
  return { body: form.toString(), headers: { 'content-type': 'application/x-www-form-urlencoded' } }
}

export interface Bytes {
  bytes: Buffer
  /** True where there was more than the bound. */
  cut: boolean
}

/** Reads at most `limit` bytes, decompressed, then stops reading. Rejects with what the stream or zlib says. */
export async function readBody(body: Readable, encoding: string | undefined, limit: number): Promise<Bytes> {
  const source = decompress(body, encoding)
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      size += chunk.length
      chunks.push(chunk)
      if (size > limit) break
    }
  } finally {
    discard(body)
  }
  return { bytes: Buffer.concat(chunks).subarray(0, limit), cut: size > limit }
}

/** Stops reading a body of which no more is wanted. */
export function discard(body: Readable): void {
  // Stopping is no failure, but the stream reports it as one.
  body.on('error', () => {})
  body.destroy()
}

function decompress(body: Readable, encoding: string | undefined): Readable {
  const steps = (encoding ?? '')
    .toLowerCase()
    .split(',')
    .map(step => step.trim())
    .reverse()
  return steps.reduce((source: Readable, step) => {
    if (step === '' || step === 'identity') return source
    const decoder = decoderFor(step)
    source.on('error', error => decoder.destroy(error))
    return source.pipe(decoder)
  }, body)
}

function decoderFor(step: string) {
  if (step === 'gzip' || step === 'x-gzip') return createGunzip()
  if (step === 'br') return createBrotliDecompress()
  if (step === 'deflate') return createInflate()
  throw new Error(`the answer has the unknown content-encoding '${step}'`)
}

/**
 * The answer as a function returns it: `dict` where it is JSON, else `body` as text (as base64, with
 * `encoding: base64`, where it is no text). Throws `function_failed` where JSON was asked for and did not come, in which `place` names the request.
 */
export function decodeBody(
  bytes: Buffer,
  type: string,
  decode: Decode,
  scrub: Scrub,
  place: string,
): Record<string, unknown> {
  if (decode === 'none') return {}
  const text = decodeText(bytes, type)
  const isJson = /^\s*(application\/([\w.+-]+\+)?json|text\/json)\b/i.test(type)
  if (decode === 'json' || (decode === 'auto' && isJson)) {
    try {
      return { dict: scrubDeep(JSON.parse(text ?? ''), scrub) }
    } catch {
      // `auto` takes what comes: a broken body is still worth having as text.
      if (decode === 'json') {
        const begin =
          text === undefined ? 'it is no text' : `it begins with ${JSON.stringify(oneLine(scrub(text), 100))}`
        throw new ReactorError('function_failed', `${place}: the answer is no JSON: ${begin}`)
      }
    }
  }
  return text === undefined ? { body: bytes.toString('base64'), encoding: 'base64' } : { body: scrub(text) }
}

function decodeText(bytes: Buffer, type: string): string | undefined {
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(type)?.[1] ?? 'utf-8'
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function refuse(what: string): ReactorError {
  return new ReactorError('bad_argument', `http.query ${what}`)
}
