// What passes over the socket of the minion's bus: lines of JSON, bounded in length.
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isObject, parseForeignJson } from '../base/json.ts'
import type { LocalEvent } from '../functions/minion-bus.ts'

/** What a client asks: to hear every event from now on, or to fire one. */
export type BusRequest = { listen: true } | { fire: { tag: string; data: Record<string, unknown> } }

/** What it hears: the answer to each request, in order; between them events, and how many were lost where it was too slow. */
export type BusMessage =
  | { listening: { id: string } }
  | { fired: string }
  | { error: { code: string; message: string } }
  | { event: LocalEvent }
  | { lost: number }

export const LONGEST_LINE = 2 * 1024 * 1024

export const lineOf = (message: BusMessage | BusRequest): string => `${JSON.stringify(message)}\n`

/** An event that no line can hold comes without its data. */
export function eventLine(event: LocalEvent): Buffer {
  const line = Buffer.from(lineOf({ event }))
  if (line.length < LONGEST_LINE) return line
  const data = { _left_out: `${line.length} bytes, more than a line of the bus holds` }
  return Buffer.from(lineOf({ event: { ...event, data } }))
}

/** Throws `bad_argument`. */
export function readRequest(line: string): BusRequest {
  const given = parsed(line)
  if (isObject(given)) {
    const keys = Object.keys(given)
    if (keys.length === 1 && given.listen === true) return { listen: true }
    if (keys.length === 1 && isObject(given.fire)) {
      const { tag, data = {} } = given.fire
      if (typeof tag === 'string' && tag !== '' && isObject(data)) return { fire: { tag, data } }
      throw wrong("'fire' must be {tag, data}: a text that is not empty, and a map")
    }
  }
  throw wrong(`expected {"listen": true} or {"fire": {"tag": …, "data": …}}, got ${line.slice(0, 80)}`)
}

function parsed(line: string): unknown {
  try {
    return parseForeignJson(line)
  } catch (error) {
    throw wrong(`this line cannot be read as JSON, ${line.slice(0, 80)}: ${errorMessage(error)}`)
  }
}

const wrong = (what: string): ReactorError => new ReactorError('bad_argument', `the bus of a minion: ${what}`)

/** The lines of a stream. Throws `bad_argument` on one that is longer than lines may be. */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let parts: Buffer[] = []
  let size = 0
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      const line = Buffer.concat([...parts, chunk.subarray(from, end)]).toString()
      parts = []
      size = 0
      from = end + 1
      if (line.length > LONGEST_LINE) throw tooLong()
      if (line.trim() !== '') yield line
    }
    parts.push(chunk.subarray(from))
    size += chunk.length - from
    if (size > LONGEST_LINE) throw tooLong()
  }
}

const tooLong = () => wrong(`a line may have ${LONGEST_LINE} bytes at most`)
