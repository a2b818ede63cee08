// Headers that others wrote. The server passes on any bytes as a header block. The client throws on a line that it would
// not have written, in whatever callback reads it first, and what a callback throws ends the reading of the connection for
// good: here such a line is left out, and the others are read.
import { MsgHdrsImpl } from '@nats-io/transport-node'

/** Written by the server into a request from another account: who asks. */
export const REQUEST_INFO = 'Nats-Request-Info'

const PLAIN = 'NATS/1.0'
const NAME = /^[!-9;-~]+$/
const BREAK = /[\r\n]/
const statusOf = MsgHdrsImpl.decode.bind(MsgHdrsImpl)

/**
 * Reads a header block; never throws. The server writes who asks behind the block, in the place of what was there: but
 * some blocks hide a forged line from it, and one that does not end with its line has the server's glued to that. Where
 * the words do not stand in the block just once, as a header, nobody is believed to have asked.
 */
function decodeHeaders(block: Uint8Array): MsgHdrsImpl {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.length)
  const headers = readLines(bytes)
  const at = bytes.indexOf(REQUEST_INFO)
  if (at >= 0 && (!headers.has(REQUEST_INFO) || bytes.includes(REQUEST_INFO, at + 1)))
    headers.set(REQUEST_INFO, 'unreadable')
  return headers
}

/** As the client reads them, in one pass: its own looks at every header again for each that it adds. */
function readLines(bytes: Buffer): MsgHdrsImpl {
  const text = bytes.toString()
  let end = text.indexOf('\r\n')
  if (end < 0) end = text.length
  const first = text.slice(0, end)
  const headers = first === PLAIN ? new MsgHdrsImpl() : statusOf(Buffer.from(first))
  const values = headers.headers
  for (let start = end + 2; start < text.length; start = end + 2) {
    end = text.indexOf('\r\n', start)
    if (end < 0) end = text.length
    const colon = text.indexOf(':', start)
    if (colon < 0 || colon >= end) continue
    const name = text.slice(start, colon)
    const value = text.slice(colon + 1, end).trim()
    if (!NAME.test(name) || BREAK.test(value)) continue
    const known = values.get(name)
    if (known) known.push(value)
    else values.set(name, [value])
  }
  return headers
}

// Every message of the process is read in this way, those that the client's own libraries read included.
MsgHdrsImpl.decode = decodeHeaders
