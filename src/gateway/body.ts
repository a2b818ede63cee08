// Reads the body of a request, up to so many bytes, and throws the rest of a refused one away.
import type { IncomingMessage } from 'node:http'
import { type Refusal, refused } from './refusal.ts'

/** Of what comes behind a refusal; who sends more is cut off. */
const MOST_DISCARDED = 4 * 1024 * 1024

const tooLarge = (most: number): Refusal =>
  refused(413, 'too_large', `the body is larger than ${most} bytes, which is what this hook takes`)

/** What can be said of it before it has come. */
export function announcedSize(request: IncomingMessage, most: number): Refusal | undefined {
  const length = request.headers['content-length']
  return length !== undefined && Number(length) > most ? tooLarge(most) : undefined
}

/** The bytes; a refusal where they are too many; undefined where the sender is gone before the end. */
export function readBody(request: IncomingMessage, most: number): Promise<Buffer | Refusal | undefined> {
  return new Promise(resolve => {
    const parts: Buffer[] = []
    let size = 0
    const onData = (part: Buffer) => {
      size += part.length
      if (size <= most) parts.push(part)
      else {
        request.off('data', onData)
        resolve(tooLarge(most))
      }
    }
    request.on('data', onData)
    request.once('end', () => resolve(request.complete ? Buffer.concat(parts) : undefined))
    request.once('error', () => resolve(undefined))
    request.once('close', () => resolve(undefined))
  })
}

/** A sender that still writes reads its answer only then. */
export function discardRest(request: IncomingMessage): void {
  if (request.complete && request.readableEnded) return
  let size = 0
  request.on('data', (part: Buffer) => {
    size += part.length
    if (size > MOST_DISCARDED) request.destroy()
  })
  request.on('error', () => undefined)
}
