// Headers that others wrote. The server passes on any bytes as a header block. The client throws on a line that it would
// not have written, in whatever callback reads it first, and what a callback throws ends the reading of the connection for
// good: here such a line is left out, and the others are read.
import { MsgHdrsImpl } from '@nats-io/transport-node'

/** Written by the server into a request from another account: who asks. */
export const REQUEST_INFO = 'Nats-Request-Info'

const strict = MsgHdrsImpl.decode.bind(MsgHdrsImpl)
const decoder = new TextDecoder()

/**
 * Reads a header block; never throws. The server writes who asks behind the block, in the place of what was there: but
 * some blocks hide a forged line from it, and one that does not end with its line has the server's glued to that. Where
 * the words do not stand in the block just once, as a header, nobody is believed to have asked.
 */
function decodeHeaders(block: Uint8Array): MsgHdrsImpl {
  const headers = readLines(block)
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.length)
  const at = bytes.indexOf(REQUEST_INFO)
  if (at >= 0 && (!headers.has(REQUEST_INFO) || bytes.includes(REQUEST_INFO, at + 1)))
    headers.set(REQUEST_INFO, 'unreadable')
  return headers
}

function readLines(block: Uint8Array): MsgHdrsImpl {
  try {
    return strict(block)
  } catch {
    const headers = new MsgHdrsImpl()
    for (const line of decoder.decode(block).split('\r\n').slice(1)) {
      const colon = line.indexOf(':')
      try {
        if (colon >= 0) headers.append(line.slice(0, colon), line.slice(colon + 1))
      } catch {
        // Neither a name nor a value can be made of it.
      }
    }
    return headers
  }
}

// Every message of the process is read in this way, those that the client's own libraries read included.
MsgHdrsImpl.decode = decodeHeaders
