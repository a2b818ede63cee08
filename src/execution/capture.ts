// Holds what a stream says within a bound: all of it, or its first and its last half with the cut said between them.

export interface Capture {
  add(chunk: Buffer): void
  /** What was kept, as UTF-8 with replacement characters. */
  text(): string
  truncated(): boolean
}

/** Keeps at most `limit` bytes. */
export function createCapture(limit: number): Capture {
  const headLimit = Math.ceil(limit / 2)
  const head = createHead(headLimit)
  const tail = createTail(limit - headLimit)
  let total = 0
  return {
    add(chunk) {
      total += chunk.length
      const rest = head.add(chunk)
      if (rest.length > 0) tail.add(rest)
    },
    truncated: () => total > limit,
    text() {
      if (total <= limit) return Buffer.concat([head.bytes(), tail.bytes()]).toString('utf8')
      const [first, last] = [trimEnd(head.bytes()), trimStart(tail.bytes())]
      const cut = total - first.length - last.length
      const notice = `\n[output cut: ${cut} of ${total} bytes left out here; output_limit is ${limit} bytes]\n`
      return first.toString('utf8') + notice + last.toString('utf8')
    },
  }
}

/** Fills up to its limit and hands back what does not fit. */
function createHead(limit: number) {
  let buffer = Buffer.alloc(Math.min(limit, 4096))
  let length = 0
  return {
    add(chunk: Buffer): Buffer {
      const taken = chunk.subarray(0, limit - length)
      if (length + taken.length > buffer.length) {
        const grown = Buffer.alloc(Math.min(limit, Math.max(buffer.length * 2, length + taken.length)))
        buffer.copy(grown, 0, 0, length)
        buffer = grown
      }
      taken.copy(buffer, length)
      length += taken.length
      return chunk.subarray(taken.length)
    },
    bytes: () => buffer.subarray(0, length),
  }
}

/** A ring of the last `limit` bytes; takes its memory only once it is needed. */
function createTail(limit: number) {
  let ring: Buffer | undefined
  let written = 0
  return {
    add(chunk: Buffer): void {
      if (limit === 0) return
      ring ??= Buffer.alloc(limit)
      const kept = chunk.subarray(Math.max(0, chunk.length - limit))
      const at = (written + chunk.length - kept.length) % limit
      const before = kept.subarray(0, limit - at)
      before.copy(ring, at)
      kept.copy(ring, 0, before.length)
      written += chunk.length
    },
    bytes(): Buffer {
      if (!ring) return Buffer.alloc(0)
      if (written <= limit) return ring.subarray(0, written)
      const at = written % limit
      return Buffer.concat([ring.subarray(at), ring.subarray(0, at)])
    },
  }
}

/** Without the bytes of a character that the cut has split. */
function trimEnd(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back]!
    if ((byte & 0xc0) === 0x80) continue
    const width = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return width > back ? bytes.subarray(0, bytes.length - back) : bytes
  }
  return bytes
}

function trimStart(bytes: Buffer): Buffer {
  let at = 0
  while (at < 3 && at < bytes.length && (bytes[at]! & 0xc0) === 0x80) at += 1
  return bytes.subarray(at)
}
